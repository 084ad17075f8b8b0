/**
 * What a person wants to be told of while they do not look, the same on all their devices. The
 * server obeys it when it pushes, and whoever shows notifications of a live connection asks here.
 */

import type { Line } from './line.js';
import type { ChatState } from './store.js';
import type { Alerts, Level, Message, Quiet } from './types.js';

const DAY_MINUTES = 1440;

export class AlertSettings {
  /** What they said; empty until the server has answered. */
  value: Alerts = {};

  constructor(private readonly line: Line) {}

  /** Asked on each connection, as it may have been said anew on another device meanwhile. */
  async load(): Promise<void> {
    this.apply(await this.line.rest.get<Alerts>('/me/alerts'));
  }

  /** Changes a part of it; `undefined` takes that away. */
  async set(change: Partial<Alerts>): Promise<void> {
    this.apply(await this.line.rest.put<Alerts>('/me/alerts', { ...this.value, ...change }));
  }

  apply(alerts: Alerts): void {
    this.value = alerts;
    this.line.changes.touch('session', 'chats');
  }

  /** Of which messages of a chat they are told, whatever the hour. */
  level({ chat, member }: ChatState, now = Date.now()): Level {
    const inAll = this.value.mentions_only && chat.kind === 'group' ? 'mentions' : 'all';
    const level = member.alerts ?? inAll;
    const isMuted = !!member.muted_until && Date.parse(member.muted_until) > now;
    return isMuted && level === 'all' ? 'mentions' : level;
  }

  /** Whether they are told of none of a chat's messages but, perhaps, mentions. */
  isMuted(state: ChatState, now = Date.now()): boolean {
    return this.level(state, now) !== 'all';
  }

  isQuiet(now = Date.now()): boolean {
    const { quiet } = this.value;
    return !!quiet && isIn(quiet, now);
  }

  /** Whether a call rings, as far as they have a say. */
  rings(now = Date.now()): boolean {
    return !!this.value.quiet?.calls || !this.isQuiet(now);
  }

  /** Whether they are told of a message. */
  tells(row: Message, state: ChatState, now = Date.now()): boolean {
    if (this.isQuiet(now)) return false;
    const level = this.level(state, now);
    const { me } = this.line.store;
    const isMention = !!row.mention_all || !!row.mentions?.includes(me);
    return level === 'all' || level === 'mentions' && isMention;
  }
}

function isIn({ from, to, zone }: Quiet, now: number): boolean {
  const minute = minuteAt(zone, now);
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

/** Which minute of the day the clocks of a zone show; those of this device, if it knows it not. */
function minuteAt(zone: string, now: number): number {
  const at = new Date(now);
  try {
    const format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
    });
    const [hour = 0, minute = 0] = format.format(at).split(':').map(Number);
    return (hour * 60 + minute) % DAY_MINUTES;
  } catch {
    return at.getHours() * 60 + at.getMinutes();
  }
}
