/**
 * Messages on their way. What is written is kept first and sent then, one after the other in each
 * chat, each under its own idempotency key, until the server acknowledged or refused it: a broken
 * connection, a closed page or a restarted server loses none and doubles none.
 */

import type { Changes } from './changes.js';
import type { Outgoing } from './files.js';
import { ApiError } from './rest.js';
import type { Storage, Unsent } from './storage.js';
import type { Id, Message, Sent } from './types.js';

/** What a person writes. */
export interface Draft {
  body: string;
  reply_to?: number;
  mentions?: Id[];
  mention_all?: boolean;
  files?: Outgoing[];
}

const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 30_000;

export class Outbox {
  private items: Unsent[] = [];
  private readonly busy = new Set<Id>();
  /** How much of the files of a message is there, from 0 to 1. */
  readonly progress = new Map<string, number>();
  private isOpen = false;

  constructor(
    private readonly storage: Storage,
    private readonly changes: Changes,
    private readonly send: (item: Unsent) => Promise<Sent>,
    private readonly onSent: (row: Message) => void,
  ) {}

  /** What is not acknowledged of a chat, in the order of writing. */
  of(chat: Id): Unsent[] {
    return this.items.filter((item) => item.chat === chat);
  }

  /** It waits to be sent: not so once it is discarded. */
  has(item: Unsent): boolean {
    return this.items.includes(item);
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
  }

  /** The connection is there (and synced), or is gone. */
  open(isOpen: boolean): void {
    this.isOpen = isOpen;
    if (isOpen) for (const chat of new Set(this.items.map((item) => item.chat))) void this.drain(chat);
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
    this.items.push(item);
    this.changes.touch(`rows:${chat}`, 'chats');
    await this.storage.keepUnsent(item);
    void this.drain(chat);
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
    void this.storage.keepUnsent(item);
    this.changes.touch(`rows:${item.chat}`, 'chats');
    void this.drain(item.chat);
  }

  discard(key: string): void {
    this.settle(key);
  }

  /** Keeps what became of an item on its way. */
  async keep(item: Unsent): Promise<void> {
    if (this.items.includes(item)) await this.storage.keepUnsent(item);
  }

  private remove(item: Unsent): void {
    this.progress.delete(item.client_msg_id);
    this.items = this.items.filter((other) => other !== item);
    void this.storage.dropUnsent(item.client_msg_id);
    this.changes.touch(`rows:${item.chat}`, 'chats');
  }

  private async drain(chat: Id): Promise<void> {
    if (this.busy.has(chat)) return;
    this.busy.add(chat);
    let wait = FIRST_WAIT_MS;
    try {
      for (;;) {
        const item = this.items.find((one) => one.chat === chat && !one.error);
        if (!item || !this.isOpen) return;
        const passing = await this.attempt(item);
        if (!passing) {
          wait = FIRST_WAIT_MS;
          continue;
        }
        const ms = Math.max(wait, (passing.problem.retry_after ?? 0) * 1_000);
        wait = Math.min(LAST_WAIT_MS, wait * 2);
        await new Promise((done) => setTimeout(done, ms));
      }
    } finally {
      this.busy.delete(chat);
    }
  }

  /** Returns an error that may pass. */
  private async attempt(item: Unsent): Promise<ApiError | null> {
    try {
      const { message } = await this.send(item);
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
