/**
 * The rows that a client holds, and how they apply: of two rows of one (chat, seq) the one with the
 * higher rev holds, cursors only grow, and unread is derived. See docs/protocol.md.
 *
 * Of a chat's history it holds what lies from `floor` on without a gap, and whatever changed row
 * came besides; older pages are put under the floor as they are fetched.
 */

import type { Changes } from './changes.js';
import type { SavedChat } from './storage.js';
import type {
  Chat, ChatNews, Events, Id, Member, Membership, Message, Standing, User,
} from './types.js';

const DAY_MS = 86_400_000;

/** How far another member has come. */
export interface Cursor {
  read: number;
  delivered: number;
}

/** One chat with what is held of it. */
export class ChatState {
  readonly hidden = new Set<number>();
  /** Seqs of rows that are not held and have nothing to read in them. */
  quiet = new Set<number>();
  readonly rows = new Map<number, Message>();
  readonly cursors = new Map<Id, Cursor>();
  /** Who types, and until when (milliseconds since 1970). */
  readonly typing = new Map<Id, number>();
  /** Everything from this seq on is held; `Infinity` while nothing is. */
  floor = Infinity;
  /** Complete up to this rev. */
  rev = 0;
  /** The highest rev that came live, before the sync that fills what is below it was done. */
  ahead = 0;
  private seen: readonly Message[] | null = null;

  constructor(
    public chat: Chat,
    public member: Membership,
  ) {}

  get id(): Id {
    return this.chat.id;
  }

  /** The first message that this person may see at all. */
  get first(): number {
    const joined = this.chat.kind === 'group' && !this.chat.history_shared;
    return Math.max(joined ? this.member.join_seq : 1, this.member.hide_seq + 1);
  }

  /** Nothing older is to be fetched. */
  get isWhole(): boolean {
    return this.floor <= this.first || this.chat.head_seq === 0;
  }

  /** Everything up to this seq counts as read. */
  private get readFloor(): number {
    const { read_seq, join_seq, hide_seq, own_seq } = this.member;
    return Math.max(read_seq, join_seq - 1, hide_seq, own_seq);
  }

  /**
   * Messages not read that there is something to read in: no system messages, none that was
   * deleted or hidden. Of a row that is not held it is taken that there is, unless it is known to
   * be quiet.
   */
  get unread(): number {
    const { readFloor, chat, hidden, quiet } = this;
    let count = chat.head_seq - readFloor;
    if (count <= 0) return 0;
    for (const row of this.rows.values()) {
      if (row.seq > readFloor && (isQuiet(row) || hidden.has(row.seq))) count -= 1;
    }
    for (const seq of hidden) {
      if (seq > readFloor && seq <= chat.head_seq && !this.rows.has(seq)) count -= 1;
    }
    for (const seq of quiet) {
      if (seq > readFloor && !this.rows.has(seq) && !hidden.has(seq)) count -= 1;
    }
    return Math.max(0, count);
  }

  /** The first message that was not read; 0 when all are. */
  get firstUnread(): number {
    if (!this.unread) return 0;
    const { readFloor } = this;
    if (this.floor > readFloor + 1) return readFloor + 1;
    const row = this.messages.find(({ seq }) => seq > readFloor && !isQuiet(this.rows.get(seq)));
    return row?.seq ?? 0;
  }

  isMuted(now = Date.now()): boolean {
    return !!this.member.muted_until && Date.parse(this.member.muted_until) > now;
  }

  /** The rows to be shown, in order. */
  get messages(): readonly Message[] {
    if (!this.seen) {
      const rows = [...this.rows.values()].filter((row) => this.shows(row));
      this.seen = rows.sort((a, b) => a.seq - b.seq);
    }
    return this.seen;
  }

  get last(): Message | undefined {
    return this.messages.at(-1);
  }

  /** Unread messages that mention `me`, as far as they are held. */
  mentions(me: Id): number {
    if (!this.unread) return 0;
    const from = this.firstUnread;
    const is = (row: Message): boolean =>
      row.seq >= from && row.from !== me && (!!row.mention_all || !!row.mentions?.includes(me));
    return this.messages.filter(is).length;
  }

  /** The other person of a direct chat; nobody in a group. */
  peer(me: Id): Id | null {
    if (this.chat.kind !== 'direct') return null;
    return this.chat.peers?.find((id) => id !== me) ?? me;
  }

  /** Whether the row is newer than what is held. */
  put(row: Message): boolean {
    const held = this.rows.get(row.seq);
    if (held && held.rev >= row.rev) return false;
    this.rows.set(row.seq, row);
    // What lies right below the floor leaves no gap.
    if (row.seq === this.floor - 1 && row.seq >= this.first) this.floor = row.seq;
    if (row.seq > this.chat.head_seq) this.chat = { ...this.chat, head_seq: row.seq };
    this.forgetOrder(row, held !== undefined);
    return true;
  }

  /** Appending is by far the most frequent change: it needs no new order. */
  private forgetOrder(row: Message, isHeld: boolean): void {
    const last = this.seen?.at(-1);
    if (!isHeld && this.seen && this.shows(row) && (!last || last.seq < row.seq)) {
      this.seen = [...this.seen, row];
    } else {
      this.seen = null;
    }
  }

  private shows(row: Message): boolean {
    return row.seq >= this.floor && row.seq > this.member.hide_seq && !this.hidden.has(row.seq);
  }

  /** A page of history that ends right below the floor (or at the head). */
  putPage(rows: Message[], isLast: boolean): void {
    for (const row of rows) this.put(row);
    const first = rows[0]?.seq ?? this.floor;
    this.lower(isLast ? Math.min(first, this.first) : first);
  }

  lower(floor: number): void {
    this.floor = Math.min(this.floor, floor);
    this.seen = null;
  }

  setMember(row: Membership): boolean {
    if (row.rev < this.member.rev) return false;
    for (const seq of row.hidden ?? []) this.hidden.add(seq);
    const { read_seq, own_seq } = this.member;
    this.member = {
      ...row, read_seq: Math.max(row.read_seq, read_seq), own_seq: Math.max(row.own_seq, own_seq),
    };
    this.seen = null;
    return true;
  }

  setChat(chat: Chat): void {
    if (chat.head_rev < this.chat.head_rev) return;
    this.chat = { ...chat, head_seq: Math.max(chat.head_seq, this.chat.head_seq) };
    this.dropUnseen();
  }

  /** When the past closes, what lies before one came is no longer told of: it is not kept. */
  private dropUnseen(): void {
    const { first } = this;
    if (this.floor >= first) return;
    for (const seq of this.rows.keys()) if (seq < first) this.rows.delete(seq);
    this.floor = first;
    this.seen = null;
  }

  /** Whether the row, if it is newer, is of another stay in the chat than what is held. */
  isOtherStay(row: Membership): boolean {
    return row.rev > this.member.rev && row.join_seq !== this.member.join_seq;
  }

  /** Drops what is held, except what came live after `rev`. */
  reset(rev: number): void {
    for (const [seq, row] of this.rows) if (row.rev <= rev) this.rows.delete(seq);
    this.floor = Infinity;
    this.seen = null;
  }

  /** Keeps the latest rows alone, so that memory does not grow with what was read. */
  trim(keep: number): boolean {
    const { messages } = this;
    if (messages.length <= keep) return false;
    const floor = messages[messages.length - keep]?.seq ?? this.floor;
    for (const seq of this.quietBefore(floor)) this.quiet.add(seq);
    for (const seq of this.rows.keys()) if (seq < floor) this.rows.delete(seq);
    this.floor = floor;
    this.seen = null;
    return true;
  }

  /** What is not read before a seq and has nothing to read in it, as far as it is known. */
  private quietBefore(end: number): number[] {
    const held = [...this.rows.values()].filter(isQuiet).map(({ seq }) => seq);
    const known = new Set([...this.quiet, ...held]);
    return [...known].filter((seq) => seq > this.readFloor && seq < end);
  }

  toSaved(rows: number): SavedChat {
    const receipts = [...this.cursors].map(
      ([user, { read, delivered }]): [Id, number, number] => [user, read, delivered],
    );
    const { id, chat, member, hidden, rev } = this;
    const saved = this.messages.slice(-rows);
    const quiet = this.quietBefore(saved[0]?.seq ?? Infinity);
    const floor = saved[0]?.seq ?? this.floor;
    return { id, chat, member, hidden: [...hidden], quiet, rev, rows: saved, floor, receipts };
  }

  static fromSaved(saved: SavedChat): ChatState {
    const state = new ChatState(saved.chat, saved.member);
    for (const seq of saved.hidden) state.hidden.add(seq);
    for (const seq of saved.quiet ?? []) state.quiet.add(seq);
    for (const row of saved.rows) state.rows.set(row.seq, row);
    for (const [user, read, delivered] of saved.receipts) {
      state.cursors.set(user, { read, delivered });
    }
    state.floor = saved.floor ?? saved.rows[0]?.seq ?? Infinity;
    state.rev = saved.rev;
    return state;
  }
}

export class Store {
  readonly chats = new Map<Id, ChatState>();
  readonly users = new Map<Id, User>();
  /** Who is there, of those that are watched. */
  readonly presence = new Map<Id, Standing>();
  /** The life of the server's store that all this is from; none before the first page of sync. */
  incarnation: Id | undefined;
  inbox = 0;
  me: Id = '';

  constructor(private readonly changes: Changes) {}

  clear(): void {
    for (const id of this.chats.keys()) this.changes.touch(`chat:${id}`, `rows:${id}`);
    this.chats.clear();
    this.users.clear();
    this.presence.clear();
    this.incarnation = undefined;
    this.inbox = 0;
    this.changes.touch('chats', 'users');
  }

  /** The chats of the list: pinned first, then by their latest message. */
  list(): ChatState[] {
    const active = [...this.chats.values()].filter((state) => isListed(state));
    return active.sort(
      (a, b) => Number(b.member.pinned) - Number(a.member.pinned) || latest(b) - latest(a),
    );
  }

  addUsers(users: readonly User[]): User[] {
    const fresh = users.filter((user) => !same(this.users.get(user.id), user));
    for (const user of fresh) this.users.set(user.id, user);
    if (fresh.length) this.changes.touch('users');
    return fresh;
  }

  addChat(chat: Chat, member: Membership): ChatState {
    const held = this.chats.get(chat.id);
    if (held) {
      held.setChat(chat);
      held.setMember(member);
    } else {
      this.chats.set(chat.id, new ChatState(chat, member));
    }
    this.changes.touch('chats', `chat:${chat.id}`);
    return this.chats.get(chat.id) as ChatState;
  }

  /**
   * A row that came live (`event`), or as a reply, which says nothing of the rows before it. It
   * `counts` when nothing was lost since sync caught up: then all that is below it is here.
   */
  applyMessage(row: Message, from: 'event' | 'reply', counts = false): ChatState | null {
    const state = this.chats.get(row.chat);
    if (!state) return null;
    if (from === 'event') {
      if (counts) state.rev = Math.max(state.rev, row.rev);
      else state.ahead = Math.max(state.ahead, row.rev);
    }
    // A chat that held nothing and was empty is whole with its first message.
    if (state.floor === Infinity && row.seq <= state.first) state.floor = row.seq;
    const isNew = state.put(row);
    this.raiseOwn(state, row);
    state.typing.delete(row.from);
    if (row.from !== this.me) this.raise(state, row.from, row.seq);
    if (isNew) this.changes.touch('chats', `chat:${row.chat}`, `rows:${row.chat}`);
    return state;
  }

  /** What one wrote oneself is read, and so is what stood above; the member row does not tell. */
  private raiseOwn(state: ChatState, { from, seq }: Message): void {
    if (from !== this.me || seq <= state.member.own_seq) return;
    state.member = { ...state.member, own_seq: seq };
  }

  /** Who writes has read what stood above. */
  private raise(state: ChatState, user: Id, seq: number): void {
    if (state.chat.kind !== 'direct') return;
    const { read, delivered } = state.cursors.get(user) ?? { read: 0, delivered: 0 };
    const cursor = { read: Math.max(read, seq), delivered: Math.max(delivered, seq) };
    state.cursors.set(user, cursor);
  }

  applyChat(chat: Chat): boolean {
    const state = this.chats.get(chat.id);
    state?.setChat(chat);
    this.changes.touch('chats', `chat:${chat.id}`);
    return state !== undefined;
  }

  /** Whether the chat is held; of one that is not, or not as this row says, all is to be synced. */
  applyMember(row: Membership): boolean {
    const state = this.chats.get(row.chat);
    if (row.state !== 'active') return this.forget(row.chat);
    if (state?.isOtherStay(row)) {
      this.forget(row.chat);
      return false;
    }
    state?.setMember(row);
    this.changes.touch('chats', `chat:${row.chat}`, `rows:${row.chat}`);
    return state !== undefined;
  }

  forget(chat: Id): boolean {
    this.chats.delete(chat);
    this.changes.touch('chats', `chat:${chat}`, `rows:${chat}`);
    return true;
  }

  applyReceipt({ chat, user, read_seq, delivered_seq }: Events['receipt']): void {
    const state = this.chats.get(chat);
    if (!state || user === this.me) return;
    const held = state.cursors.get(user) ?? { read: 0, delivered: 0 };
    const read = Math.max(held.read, read_seq);
    state.cursors.set(user, { read, delivered: Math.max(held.delivered, delivered_seq, read) });
    this.changes.touch('chats', `chat:${chat}`);
  }

  applyTyping({ chat, user, for_ms }: Events['typing']): void {
    const state = this.chats.get(chat);
    if (!state || user === this.me) return;
    if (for_ms > 0) state.typing.set(user, Date.now() + for_ms);
    else state.typing.delete(user);
    this.changes.touch('chats', `chat:${chat}`);
  }

  applyNews(news: ChatNews, member: Membership | undefined): ChatState | null {
    const held = this.chats.get(news.chat.id);
    if (!held && !member) return null;
    const state = held ?? this.addChat(news.chat, member as Membership);
    const before = state.floor;
    if (news.reset || !held) {
      state.reset(news.rev);
      state.quiet = new Set(news.quiet ?? []);
    }
    const isFresh = state.floor === Infinity;
    state.setChat(news.chat);
    for (const row of news.messages) {
      state.put(row);
      this.raiseOwn(state, row);
    }
    if (isFresh) state.lower(beginOf(news));
    else state.lower(before);
    state.rev = Math.max(state.rev, news.rev);
    const { id } = news.chat;
    this.changes.touch('chats', `chat:${id}`, `rows:${id}`);
    return state;
  }

  /** The sync is done: what came live meanwhile has nothing missing below it. */
  settle(): void {
    for (const state of this.chats.values()) {
      state.rev = Math.max(state.rev, state.ahead);
      state.ahead = 0;
    }
  }

  moveOwnCursor(chat: Id, change: Partial<Pick<Member, 'read_seq' | 'delivered_seq'>>): void {
    const state = this.chats.get(chat);
    if (!state) return;
    state.member = { ...state.member, ...change };
    this.changes.touch('chats', `chat:${chat}`);
  }
}

/** Whether there is nothing to read in a row. */
function isQuiet(row: Message | undefined): boolean {
  return row?.kind === 'system' || row?.kind === 'deleted';
}

/**
 * Of a chat that is new the server gives the latest messages, without gaps; none when there is none
 * to see, and then all that comes is held.
 */
function beginOf({ chat, messages }: ChatNews): number {
  return messages.reduce((low, { seq }) => Math.min(low, seq), chat.head_seq + 1);
}

function isListed({ chat, member }: ChatState): boolean {
  return member.state === 'active' && (chat.kind === 'group' || chat.head_seq > member.hide_seq);
}

/** A message from the future was sent by a clock that was wrong: it keeps no chat on top. */
function latest(state: ChatState): number {
  const times = [state.last?.sent ?? state.chat.created, state.chat.created].map(Date.parse);
  return times.find((at) => at <= Date.now() + DAY_MS) ?? 0;
}

function same(a: User | undefined, b: User): boolean {
  return a !== undefined && a.name === b.name && a.about === b.about && a.avatar === b.avatar
    && a.deleted === b.deleted;
}
