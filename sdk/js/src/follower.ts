/**
 * Keeps the store equal to the server's: after each connection it syncs first and then lets events
 * count as complete. Called by `Client`, which has the connection.
 */

import type { Cursors } from './cursors.js';
import type { Keeper } from './keeper.js';
import type { Line } from './line.js';
import type { Outbox } from './outbox.js';
import type { People } from './people.js';
import { ApiError } from './rest.js';
import type { ChatState } from './store.js';
import type { Events, Id, Message, News } from './types.js';

/** Rows asked of each chat that is new here. */
const LATEST = 12;
/** A frame holds at most 64 KiB; a chat takes about 40 bytes of a request to sync. */
const CHATS_A_FRAME = 1_000;
/** After a refused sync, at least this long until the next. */
const AGAIN_S = 2;

/** What the follower moves with the store. */
export interface Parts {
  keeper: Keeper;
  people: People;
  cursors: Cursors;
  outbox: Outbox;
  /** Fetches a chat. */
  open: (chat: Id) => Promise<ChatState>;
  /** A message of somebody else came while the client was live. */
  incoming: (row: Message, state: ChatState) => void;
}

export class Follower {
  /** The rows are those of the server. */
  isSynced = false;
  private isSyncing = false;
  /**
   * Grows with all that calls for a sync: a page that was asked for before does not make up for it.
   */
  private losses = 0;
  /** Nothing was lost since sync caught up: what comes live has nothing missing below it. */
  private isComplete = false;

  constructor(private readonly line: Line, private readonly parts: Parts) {}

  /** A connection is live. */
  live({ incarnation }: Pick<Events['hello'], 'incarnation'>): void {
    const { store } = this.line;
    // Nothing was synced yet: what is here came from this server.
    if (!store.incarnation && !store.inbox) store.incarnation = incarnation;
    this.isSynced = false;
    this.sync();
  }

  /** The connection is gone, and with it what was told on it. */
  cut(): void {
    this.isSynced = this.isComplete = false;
    this.losses++;
    this.parts.outbox.open(false);
  }

  /** The session is over. */
  clear(): void {
    this.isSynced = this.isComplete = false;
  }

  // ---- events ----

  happened<K extends keyof Events>(name: K, data: Events[K]): void {
    switch (name) {
      case 'message': return this.cameIn(data as Message);
      case 'chat': return this.chatMoved(data as Events['chat']);
      case 'member': return this.memberMoved(data as Events['member']);
      case 'receipt': return this.receiptMoved(data as Events['receipt']);
      case 'typing': return this.typed(data as Events['typing']);
      case 'presence': return this.presenceMoved(data as Events['presence']);
      case 'resync': return this.sync();
      default:
    }
  }

  private cameIn(row: Message): void {
    const { store } = this.line;
    const held = store.chats.get(row.chat);
    const isNew = !held?.rows.has(row.seq) && row.seq > (held?.member.read_seq ?? 0);
    const state = store.applyMessage(row, 'event', this.isComplete);
    this.settleOwn([row]);
    if (!state) return this.sync();
    this.parts.keeper.soil(row.chat);
    const isMine = row.from === store.me;
    if (!isMine) this.parts.cursors.deliver(row.chat);
    if (isNew && !isMine && row.kind !== 'deleted') this.parts.incoming(row, state);
    // What ended an earlier stay than this one is told late.
    const isOver = row.event && endsMembership(row, store.me);
    if (isOver && row.seq >= state.member.join_seq) this.drop(row.chat);
  }

  private chatMoved(row: Events['chat']): void {
    if (!this.line.store.applyChat(row)) this.sync();
    else this.parts.keeper.soil(row.id);
    // Presence is for people one has a chat with: one has begun.
    if (row.kind === 'direct' && this.isSynced) this.parts.people.sendWatch();
  }

  private memberMoved(row: Events['member']): void {
    const held = this.line.store.chats.get(row.chat);
    if (held && held.member.rev > row.rev) return;
    if (row.state !== 'active') this.drop(row.chat);
    else if (!this.line.store.applyMember(row)) this.sync();
    else this.parts.keeper.soil(row.chat);
  }

  private receiptMoved(row: Events['receipt']): void {
    this.line.store.applyReceipt(row);
    this.parts.keeper.soil(row.chat);
  }

  private typed(data: Events['typing']): void {
    const { store, changes } = this.line;
    store.applyTyping(data);
    if (data.for_ms <= 0) return;
    setTimeout(() => changes.touch('chats', `chat:${data.chat}`), data.for_ms + 50);
  }

  private presenceMoved(row: Events['presence']): void {
    this.line.store.presence.set(row.user, row);
    this.line.changes.touch('presence');
  }

  /** The row that a request of one's own gave. */
  replied(row: Message): void {
    if (!this.line.store.applyMessage(row, 'reply')) this.sync();
    this.parts.keeper.soil(row.chat);
  }

  private drop(chat: Id): void {
    this.line.store.forget(chat);
    this.parts.keeper.drop(chat);
  }

  // ---- sync ----

  /**
   * Something is missing: catches up. What is under way was asked for before, so another follows.
   */
  sync(): void {
    this.losses++;
    this.isComplete = false;
    if (!this.isSyncing) void this.syncAll();
  }

  private async syncAll(): Promise<void> {
    this.isSyncing = true;
    try {
      let asked: number;
      do asked = this.losses;
      while (await this.syncOnce() || asked !== this.losses);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // A broken connection syncs when it is back; anything else is tried again.
      const ms = Math.max(AGAIN_S, error.problem.retry_after ?? 0) * 1_000;
      if (this.line.connection === 'live') setTimeout(() => this.sync(), ms);
      return;
    } finally {
      this.isSyncing = false;
    }
    await this.caughtUp();
  }

  private async caughtUp(): Promise<void> {
    const { store, changes } = this.line;
    const { outbox, cursors, people, keeper } = this.parts;
    store.settle();
    this.isSynced = this.isComplete = true;
    changes.touch('connection', 'chats');
    outbox.open(true);
    cursors.flush();
    people.sendWatch();
    for (const id of store.chats.keys()) cursors.deliver(id);
    keeper.saveSoon();
    await people.learn().catch(() => undefined);
  }

  /**
   * One page; says whether there is more. A page that rests on what was forgotten since it was
   * asked for, a chat that was left or come back to, is void and asked for again.
   */
  private async syncOnce(): Promise<boolean> {
    const { store } = this.line;
    const held = [...store.chats.values()];
    const news = await this.askNews(held);
    if (news.reset) {
      this.beginAnew(news.incarnation);
      return true;
    }
    if (held.some((state) => store.chats.get(state.id) !== state)) return true;
    const anew = news.memberships.filter((row) => store.chats.get(row.chat)?.isOtherStay(row));
    if (anew.length) {
      for (const { chat } of anew) store.forget(chat);
      return true;
    }
    this.apply(news);
    return news.more;
  }

  private askNews(held: readonly ChatState[]): Promise<News> {
    const { incarnation, inbox } = this.line.store;
    const chats = Object.fromEntries(held.map(({ id, rev }) => [id, rev]));
    const have = { ...(incarnation && { incarnation }), inbox, chats, latest: LATEST };
    if (held.length > CHATS_A_FRAME) return this.line.rest.post<News>('/sync', have);
    return this.line.ask<News>('sync', have);
  }

  private apply(news: News): void {
    const { store } = this.line;
    const members = new Map(news.memberships.map((row) => [row.chat, row]));
    for (const page of news.chats) {
      const member = members.get(page.chat.id);
      if (member?.state === 'left') continue;
      if (store.applyNews(page, member)) this.parts.keeper.soil(page.chat.id);
      this.settleOwn(page.messages);
    }
    for (const row of news.memberships) this.memberSynced(row);
    store.incarnation = news.incarnation;
    store.inbox = news.inbox;
  }

  private memberSynced(row: Events['member']): void {
    if (row.state !== 'active') return this.drop(row.chat);
    if (this.line.store.applyMember(row)) this.parts.keeper.soil(row.chat);
    // A chat without messages has a membership and no news.
    else this.parts.open(row.chat).catch(() => undefined);
  }

  private settleOwn(rows: readonly Message[]): void {
    for (const { client_msg_id, from } of rows) {
      if (client_msg_id && from === this.line.store.me) this.parts.outbox.settle(client_msg_id);
    }
  }

  /**
   * The server's store is another one: a backup was restored. All that it gave is void, here and in
   * the browser; what is not sent is kept, and sent.
   */
  private beginAnew(incarnation: Id): void {
    const { outbox, cursors, people, keeper } = this.parts;
    this.line.store.clear();
    this.line.store.incarnation = incarnation;
    outbox.beginAnew();
    keeper.beginAnew();
    // A cursor was read in another log, and people may be called otherwise.
    cursors.clear();
    people.clear();
  }
}

/** The last message that a person gets of a group. */
function endsMembership({ event, from }: Message, me: Id): boolean {
  switch (event?.type) {
    case 'member_removed':
    case 'member_banned':
      return event.user === me;
    case 'left':
      return from === me;
    case 'group_deleted':
      return true;
    default:
      return false;
  }
}
