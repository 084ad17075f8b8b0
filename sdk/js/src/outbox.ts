/**
 * Messages on their way, and changes of messages. What is written is kept first and sent then, one
 * after the other in each chat, each message under its own idempotency key, until the server
 * acknowledged or refused it: a broken connection, a closed page or a restarted server loses none
 * and doubles none.
 *
 * Messages with files have a lane of their own in each chat: words do not wait for a film.
 */

import type { Changes } from './changes.js';
import type { Outgoing } from './outgoing.js';
import { ApiError } from './rest.js';
import type { Storage, Unsent } from './storage.js';
import type { Id, Message } from './types.js';

/** What a person writes. */
export interface Draft {
  body: string;
  reply_to?: number;
  mentions?: Id[];
  mention_all?: boolean;
  files?: Outgoing[];
}

/** A new text for a message. */
export interface Change {
  body: string;
  mentions: Id[];
  mention_all: boolean;
}

const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 30_000;

export class Outbox {
  private items: Unsent[] = [];
  /** The lanes that are being emptied. */
  private readonly busy = new Set<string>();
  /** Ends the wait of a lane before its time. */
  private readonly wakers = new Map<string, () => void>();
  /** Stops what is being sent. */
  private readonly stops = new Map<string, AbortController>();
  /** How much of the files of a message is there, from 0 to 1. */
  readonly progress = new Map<string, number>();
  private isOpen = false;

  constructor(
    private readonly storage: Storage,
    private readonly changes: Changes,
    private readonly send: (item: Unsent, signal: AbortSignal) => Promise<{ message: Message }>,
    private readonly onSent: (row: Message) => void,
  ) {}

  /** Messages of a chat that are not acknowledged, in the order of writing. */
  of(chat: Id): Unsent[] {
    return this.items.filter((item) => item.chat === chat && item.edit === undefined);
  }

  /** The latest change of a message that is not acknowledged. */
  changeOf({ chat, seq }: Pick<Message, 'chat' | 'seq'>): Unsent | undefined {
    return this.items.findLast((item) => item.chat === chat && item.edit === seq);
  }

  get size(): number {
    return this.items.length;
  }

  load(items: Unsent[]): void {
    this.items = items;
    for (const { chat } of items) this.changes.touch(`rows:${chat}`, 'chats');
  }

  clear(): void {
    this.items = [];
    this.isOpen = false;
    for (const stop of this.stops.values()) stop.abort();
  }

  /**
   * The server's store is another one: what it had of files may be gone, and the seq of an answered
   * message names another one now.
   */
  beginAnew(): void {
    for (const item of this.items) {
      if (item.reply_to === undefined && !item.files) continue;
      delete item.reply_to;
      for (const file of item.files ?? []) {
        delete file.id;
        delete file.upload;
      }
      void this.storage.keepUnsent(item);
    }
  }

  /** The connection is there (and synced), or is gone. */
  open(isOpen: boolean): void {
    this.isOpen = isOpen;
    if (!isOpen) return;
    for (const wake of this.wakers.values()) wake();
    for (const item of this.items) void this.drain(item);
  }

  /** Resolves when the message is kept; it is sent by itself. */
  async add(chat: Id, draft: Draft): Promise<Unsent> {
    const item: Unsent = {
      client_msg_id: uniqueId(),
      chat,
      body: draft.body,
      mentions: draft.mentions ?? [],
      mention_all: draft.mention_all ?? false,
      at: Date.now(),
      ...(draft.reply_to === undefined ? {} : { reply_to: draft.reply_to }),
      ...(draft.files?.length ? { files: draft.files } : {}),
    };
    return this.put(item);
  }

  /**
   * Resolves when the new text is kept; it is sent by itself, in place of what waits for the row.
   */
  async change(row: Pick<Message, 'chat' | 'seq' | 'id'>, change: Change): Promise<Unsent> {
    const waiting = this.changeOf(row);
    const { chat, seq, id } = row;
    const item = {
      client_msg_id: uniqueId(), chat, edit: seq, message: id, at: Date.now(), ...change,
    };
    const kept = this.put(item);
    // What is being sent may arrive: the new text follows it.
    if (waiting && !this.stops.has(waiting.client_msg_id)) this.remove(waiting);
    return kept;
  }

  private async put(item: Unsent): Promise<Unsent> {
    this.items.push(item);
    this.changes.touch(`rows:${item.chat}`, 'chats');
    await this.storage.keepUnsent(item);
    void this.drain(item);
    return item;
  }

  /** A row came with this key, by whatever way: it is sent. */
  settle(key: string): void {
    const item = this.items.find(({ client_msg_id }) => client_msg_id === key);
    if (item) this.remove(item);
  }

  retry(key: string): void {
    const item = this.items.find(({ client_msg_id }) => client_msg_id === key);
    if (!item) return;
    delete item.error;
    // What the server has of its files may be what was refused, or may be gone.
    for (const file of item.files ?? []) {
      delete file.id;
      delete file.upload;
    }
    void this.storage.keepUnsent(item);
    this.changes.touch(`rows:${item.chat}`, 'chats');
    void this.drain(item);
  }

  discard(key: string): void {
    this.settle(key);
  }

  /** Keeps how far the files of an item have come. */
  async keepUploads(item: Unsent): Promise<void> {
    if (this.items.includes(item)) await this.storage.keepUploads(item);
  }

  private remove(item: Unsent): void {
    this.progress.delete(item.client_msg_id);
    this.stops.get(item.client_msg_id)?.abort();
    this.items = this.items.filter((other) => other !== item);
    void this.storage.dropUnsent(item.client_msg_id);
    this.changes.touch(`rows:${item.chat}`, 'chats');
  }

  /** Sends what waits in the lane of an item, in order. */
  private async drain({ chat, files }: Unsent): Promise<void> {
    const lane = `${chat} ${!!files}`;
    if (this.busy.has(lane)) return;
    this.busy.add(lane);
    let wait = FIRST_WAIT_MS;
    try {
      for (;;) {
        const item =
          this.items.find((one) => one.chat === chat && !one.files === !files && !one.error);
        if (!item || !this.isOpen) return;
        const passing = await this.attempt(item);
        if (!passing) {
          wait = FIRST_WAIT_MS;
          continue;
        }
        await this.pause(
          lane, Math.max(wait, (passing.problem.retry_after ?? 0) * 1_000), passing.isOffline,
        );
        wait = Math.min(LAST_WAIT_MS, wait * 2);
      }
    } finally {
      this.busy.delete(lane);
    }
  }

  /** Waits; after a broken link no longer than until there is a new one. */
  private async pause(lane: string, ms: number, mayWake: boolean): Promise<void> {
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      if (!mayWake) return;
      this.wakers.set(lane, () => {
        clearTimeout(timer);
        done();
      });
    });
    this.wakers.delete(lane);
  }

  /** Returns an error that may pass. */
  private async attempt(item: Unsent): Promise<ApiError | null> {
    const stop = new AbortController();
    this.stops.set(item.client_msg_id, stop);
    try {
      const { message } = await this.send(item, stop.signal);
      this.stops.delete(item.client_msg_id);
      this.onSent(message);
      this.remove(item);
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.items.includes(item)) return null;
      if (error.isPassing) return error;
      item.error = error.message;
      await this.storage.keepUnsent(item);
      this.changes.touch(`rows:${item.chat}`, 'chats');
      return null;
    } finally {
      this.stops.delete(item.client_msg_id);
    }
  }
}

/** A UUID of version 7, whose order is that of time. Works outside secure contexts too. */
export function uniqueId(now = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let at = 0; at < 6; at++) bytes[at] = Math.floor(now / 2 ** (8 * (5 - at))) & 0xff;
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
