/**
 * Who asks to be let into the groups that this person leads. The server says when that changes; how
 * many wait is asked then, and after each connection.
 */

import type { Line } from './line.js';
import type { Id, JoinRequest, WaitingGroups } from './types.js';

export class Joining {
  private counts = new Map<Id, number>();
  private readonly turns = new Map<Id, number>();
  private isAsking = false;
  private isStale = false;

  constructor(private readonly line: Line) {}

  /** How many people wait to be let into a group; 0 where this person is not an admin. */
  waiting(chat: Id): number {
    return this.counts.get(chat) ?? 0;
  }

  /** Changes whenever who waits may be somebody else, even if as many do. */
  turn(chat: Id): number {
    return this.turns.get(chat) ?? 0;
  }

  heed({ chat }: JoinRequest): void {
    this.turns.set(chat, this.turn(chat) + 1);
    void this.load().catch(() => undefined);
    this.line.changes.touch(`chat:${chat}`);
  }

  /** One question at a time: what changes meanwhile is asked about once more. */
  async load(): Promise<void> {
    this.isStale = true;
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      while (this.isStale) {
        this.isStale = false;
        this.apply(await this.line.rest.get<WaitingGroups>('/groups/requests'));
      }
    } finally {
      this.isAsking = false;
    }
  }

  private apply({ groups }: WaitingGroups): void {
    const before = this.counts;
    this.counts = new Map(groups.map(({ chat, waiting }) => [chat, waiting]));
    for (const chat of new Set([...before.keys(), ...this.counts.keys()])) {
      if (before.get(chat) !== this.counts.get(chat)) this.line.changes.touch(`chat:${chat}`);
    }
  }
}
