/**
 * How far one has read, and what has arrived here: moved at once, told as soon as that is possible.
 */

import type { Keeper } from './keeper.js';
import type { Line } from './line.js';
import { ApiError } from './rest.js';
import type { Id } from './types.js';

/** What arrives within this time is told of together. */
const TOGETHER_MS = 250;

export class Cursors {
  /** What was read and is not told. */
  private readonly reads = new Map<Id, number>();
  private readonly delivering = new Set<Id>();

  constructor(private readonly line: Line, private readonly keeper: Keeper) {}

  /** Moves the own cursor, at once here, and on the server as soon as it can be reached. */
  read(id: Id, seq: number): void {
    const { store } = this.line;
    const chat = store.chats.get(id);
    if (!chat || chat.member.read_seq >= seq) return;
    const delivered_seq = Math.max(seq, chat.member.delivered_seq);
    store.moveOwnCursor(id, { read_seq: seq, delivered_seq });
    this.keeper.soil(id);
    this.reads.set(id, seq);
    this.flush();
  }

  /** Tells what was read, once sync has caught up. */
  flush(): void {
    if (!this.line.isSynced) return;
    for (const [chat, seq] of this.reads) {
      this.reads.delete(chat);
      this.line.ask('read', { chat, seq }).catch((error: unknown) => {
        const isOffline = error instanceof ApiError && error.isOffline;
        if (isOffline && !this.reads.has(chat)) this.reads.set(chat, seq);
      });
    }
  }

  /** Tells the senders that their messages are on this device. */
  deliver(id: Id): void {
    if (!this.undelivered(id) || this.delivering.has(id)) return;
    this.delivering.add(id);
    setTimeout(() => {
      this.delivering.delete(id);
      const seq = this.line.isSynced ? this.undelivered(id) : 0;
      if (!seq) return;
      this.line.store.moveOwnCursor(id, { delivered_seq: seq });
      this.line.ask('delivered', { chat: id, seq }).catch(() => undefined);
    }, TOGETHER_MS);
  }

  /** Up to where the messages of a chat are here and it is not told; 0 when all is told. */
  private undelivered(id: Id): number {
    const held = this.line.store.chats.get(id);
    return held && held.member.delivered_seq < held.chat.head_seq ? held.chat.head_seq : 0;
  }

  /** What was read is not to be told any more. */
  clear(): void {
    this.reads.clear();
  }
}
