/**
 * A person's client: session, rows kept up to date, messages sent for certain, calls.
 *
 * After each connection it syncs first and then lets events count as complete; what is known is
 * kept in the browser, so that the next visit begins with it, with or without a network.
 */

import { Calls } from './calls.js';
import { Changes } from './changes.js';
import { Drafts } from './drafts.js';
import { Files } from './files.js';
import { instance } from './instance.js';
import { type Draft, Outbox, uniqueId } from './outbox.js';
import { ApiError, Rest, gone, offline } from './rest.js';
import { type Connection, type Listener, Socket } from './socket.js';
import { type SavedSession, Storage, type Unsent } from './storage.js';
import { ChatState, Store } from './store.js';
import type {
  CallKind, Chat, ChatPage, CodeSent, Events, Id, Me, Member, Message, MessagePage, News, OpenChat, Sent,
  ServerInfo, SignedIn, Tongue, User,
} from './types.js';

/** Rows asked of each chat that is new here, and rows kept of each chat for the next visit. */
const LATEST = 12;
const KEPT = 60;
const SAVE_MS = 400;
const PAGE = 60;
/** A frame holds at most 64 KiB; a chat takes about 40 bytes of a request to sync. */
const CHATS_A_FRAME = 1_000;

export interface Options {
  /** The server's origin; that of the page when it is left out. */
  base?: string;
  storage?: Storage;
}

const shown = (machineKey: string): Record<string, string> =>
  (machineKey ? { 'machine-key': machineKey } : {});

export class Client {
  readonly changes = new Changes();
  readonly store = new Store(this.changes);
  readonly rest: Rest;
  readonly calls: Calls;
  readonly files: Files;
  readonly outbox: Outbox;
  readonly drafts: Drafts;
  session: SavedSession | null;
  connection: Connection = 'off';
  /** When the next try is, in milliseconds since 1970, while `connection` is `waiting`. */
  retryAt: number | null = null;
  /** The rows are those of the server; not so before the first sync of a connection. */
  isSynced = false;
  /** What was kept in the browser is there. */
  isLoaded = false;
  /** The session ended from elsewhere: logged out, or the account is gone. */
  onEnded: () => void = () => undefined;
  /** A message of somebody else came while the client was live. */
  onIncoming: (row: Message, state: ChatState) => void = () => undefined;

  private readonly storage: Storage;
  private socket: Socket | null = null;
  private isStarting = false;
  /** How far the server's clock is ahead of this device's, in milliseconds. */
  private ahead = 0;
  private isSyncing = false;
  /** Grows with all that calls for a sync: a page that was asked for before does not make up for it. */
  private losses = 0;
  /** Nothing was lost since sync caught up: what comes live has nothing missing below it. */
  private isComplete = false;
  private dirty = new Set<Id>();
  private gone = new Set<Id>();
  /** What is kept in the browser is of another life of the server's store. */
  private isAnew = false;
  private freshUsers = new Map<Id, User>();
  private saving: ReturnType<typeof setTimeout> | undefined;
  private readonly reads = new Map<Id, number>();
  private readonly wanted = new Set<Id>();
  private readonly delivering = new Set<Id>();
  private watched: Id[] = [];
  private tellsPresence = true;
  private hasLearned = false;

  constructor(options: Options = {}) {
    this.storage = options.storage ?? new Storage();
    this.rest = new Rest(options.base ?? '');
    const send = (item: Unsent, signal: AbortSignal): Promise<{ message: Message }> =>
      item.edit === undefined ? this.sendNow(item, signal) : this.editNow(item, item.edit);
    this.outbox = new Outbox(this.storage, this.changes, send, (row) => this.replied(row));
    this.drafts = new Drafts(this.storage);
    this.calls = new Calls(this, this.storage);
    this.files = new Files(this.rest);
    this.session = this.storage.session();
    this.rest.token = this.session?.token ?? null;
  }

  /** The server's clock, in milliseconds since 1970: that of a device may be wrong. */
  now(): number {
    return Date.now() + this.ahead;
  }

  get me(): Me | null {
    return this.session?.me ?? null;
  }

  // ---- session ----

  signUp(name: string, email: string, language: Tongue): Promise<CodeSent> {
    return this.asked('/users', { name, email, language });
  }

  askCode(email: string): Promise<CodeSent> {
    return this.asked('/auth/codes', { email });
  }

  /** The code is for whoever has the ticket: it is kept, and sent with whatever is asked next. */
  private async asked(path: string, what: object): Promise<CodeSent> {
    const sent = await this.rest.post<CodeSent>(path, { ...what, ticket: this.storage.ticket() });
    this.storage.setTicket(sent.ticket);
    return sent;
  }

  async logIn(email: string, code: string, device: string): Promise<void> {
    const ticket = this.storage.ticket();
    const { token, session, user } =
      await this.rest.post<SignedIn>('/auth/sessions', { email, code, device, ticket });
    await this.enter({ token, session: session.id, me: user });
  }

  /**
   * What is known of the server before anybody is logged in; with the machine's key, which the
   * server's terminal prints, also what is for the person at the machine.
   */
  server(machineKey = ''): Promise<ServerInfo> {
    return this.rest.ask('/server', { headers: shown(machineKey) });
  }

  /** Logs in as a demo person: on a server in dev mode, from its own machine, with its key. */
  async demo(person: Id, device: string, machineKey: string): Promise<void> {
    const body = { user: person, device };
    const { token, session, user } = await this.rest.ask<SignedIn>('/demo/sessions', {
      method: 'POST', body, headers: shown(machineKey),
    });
    await this.enter({ token, session: session.id, me: user });
  }

  /** Takes a session that exists. */
  async enter(session: SavedSession): Promise<void> {
    const before = this.storage.session();
    if (before && before.me.id !== session.me.id) await this.storage.clear();
    this.session = session;
    this.rest.token = session.token;
    this.storage.setSession(session);
    this.changes.touch('session');
    await this.start();
  }

  /** Begins with what is kept here, then connects. Does nothing without a session. */
  async start(): Promise<void> {
    if (!this.session || this.socket || this.isStarting) return;
    this.store.me = this.session.me.id;
    const origin = this.rest.base || location.origin;
    const url = `${origin.replace(/^http/, 'ws')}/api/v1/ws`;
    const { token } = this.session;
    this.isStarting = true;
    const [saved, name] = await Promise.all([this.storage.load(), instance()]);
    this.isStarting = false;
    if (!this.session) return;
    this.socket = new Socket(url, token, name, this.listener());
    for (const chat of saved.chats) {
      if (!this.store.chats.has(chat.id)) this.store.chats.set(chat.id, ChatState.fromSaved(chat));
    }
    this.store.addUsers(saved.users);
    this.store.incarnation = saved.incarnation;
    this.store.inbox = saved.inbox;
    this.isAnew = saved.isMixed;
    this.outbox.load(saved.unsent);
    this.drafts.load(saved.drafts);
    this.isLoaded = true;
    this.changes.touch('chats', 'session');
    this.socket.start();
  }

  /** Ends the session on the server, if that can be reached, and forgets everything here. */
  async logOut(): Promise<void> {
    const { session } = this;
    if (session) await this.rest.delete(`/auth/sessions/${session.session}`).catch(() => undefined);
    await this.leave();
  }

  async setMe(change: Partial<Pick<Me, 'name' | 'about' | 'privacy' | 'language'>>): Promise<void> {
    this.keepMe(await this.rest.patch<Me>('/me', change));
  }

  /** One's own picture; `null` takes it away. */
  async setPicture(picture: Blob | null): Promise<void> {
    this.keepMe(await this.putPicture<Me>('/me/avatar', picture));
  }

  async setGroupPicture(group: Id, picture: Blob | null): Promise<void> {
    this.store.applyChat(await this.putPicture<Chat>(`/groups/${group}/avatar`, picture));
  }

  private async putPicture<T>(path: string, picture: Blob | null): Promise<T> {
    if (!picture) return this.rest.delete<T>(path);
    const file = { blob: picture, name: 'picture', kind: 'auto' } as const;
    const { id } = await this.files.upload(file, { progress: () => undefined });
    return this.rest.put<T>(path, { file: id });
  }

  async deleteAccount(): Promise<void> {
    await this.rest.delete('/me');
    await this.leave();
  }

  private keepMe(me: Me): void {
    if (!this.session) return;
    this.session = { ...this.session, me };
    this.storage.setSession(this.session);
    this.changes.touch('session');
  }

  private async leave(): Promise<void> {
    this.socket?.stop();
    this.socket = null;
    this.calls.clear();
    this.session = null;
    this.rest.token = null;
    this.isSynced = this.isComplete = this.isLoaded = this.hasLearned = false;
    clearTimeout(this.saving);
    this.saving = undefined;
    this.isAnew = false;
    this.dirty.clear();
    this.outbox.clear();
    this.drafts.clear();
    this.files.clear();
    this.store.clear();
    await this.storage.clear();
    this.changes.touch('session', 'connection');
  }

  // ---- chats and messages ----

  /** Sends, now or as soon as there is a connection. Resolves when the message is kept here. */
  send(chat: Id, draft: Draft): Promise<Unsent> {
    return this.outbox.add(chat, draft);
  }

  /** A chat by its id; the direct chat with a person by the person's id. */
  async open(id: Id): Promise<ChatState> {
    return this.addOpen(await this.rest.get<OpenChat>(`/chats/${id}`));
  }

  async openDirect(user: Id): Promise<ChatState> {
    return this.addOpen(await this.rest.post<OpenChat>('/chats', { user }));
  }

  private addOpen({ chat, member, last, users }: OpenChat): ChatState {
    this.keepUsers(users);
    const state = this.store.addChat(chat, member);
    if (last && state.floor === Infinity) {
      state.put(last);
      state.lower(last.seq);
    }
    this.soil(chat.id);
    this.changes.touch(`rows:${chat.id}`);
    return state;
  }

  /** Fetches the page of history above what is held. Returns whether there may be more. */
  async older(id: Id, limit = PAGE): Promise<boolean> {
    const held = this.store.chats.get(id);
    if (!held || held.isWhole) return false;
    const before = held.floor === Infinity ? undefined : held.floor;
    const page = await this.rest.get<MessagePage>(`/chats/${id}/messages`, { before, limit });
    const chat = this.store.chats.get(id);
    if (!chat) return false;
    this.keepUsers(page.users);
    // Rows may have been trimmed or reset meanwhile: then this page no longer fits below them.
    if (chat !== held || chat.floor !== (before ?? Infinity)) return !chat.isWhole;
    chat.putPage(page.messages, page.messages.length < limit);
    this.soil(id);
    this.changes.touch(`rows:${id}`);
    return !chat.isWhole;
  }

  /** Moves the own cursor, at once here, and on the server as soon as it can be reached. */
  read(id: Id, seq: number): void {
    const chat = this.store.chats.get(id);
    if (!chat || chat.member.read_seq >= seq) return;
    this.store.moveOwnCursor(id, { read_seq: seq, delivered_seq: Math.max(seq, chat.member.delivered_seq) });
    this.soil(id);
    this.reads.set(id, seq);
    this.flushReads();
  }

  typing(chat: Id, on: boolean): void {
    this.ask('typing', { chat, on }).catch(() => undefined);
  }

  /**
   * Gives a message a new text, now or as soon as there is a connection. Resolves when it is kept
   * here; `outbox.changeOf` has it until the server acknowledged it, with an error if it refused.
   * What is left out of the mentions stays as it is.
   */
  edit(row: Message, body: string, mentions = row.mentions ?? [], mention_all = !!row.mention_all): Promise<Unsent> {
    return this.outbox.change(row, { body, mentions, mention_all });
  }

  async delete({ chat, seq }: Message): Promise<void> {
    await this.change('message.delete', { chat, seq });
  }

  async react({ chat, seq }: Message, emoji: string, on: boolean): Promise<void> {
    await this.change('message.react', { chat, seq, emoji, on });
  }

  async pin({ chat, seq }: Message, on: boolean): Promise<void> {
    await this.change('message.pin', { chat, seq, on });
  }

  /** Deletes a message here and on one's other devices alone. */
  async hide({ chat, seq }: Message): Promise<void> {
    const { member } = await this.ask<{ member: Member | null }>('message.hide', { chat, seqs: [seq] });
    this.store.chats.get(chat)?.hidden.add(seq);
    if (member) this.store.applyMember(member);
    this.soil(chat);
  }

  async forward(row: Message, to: Id): Promise<void> {
    const key = uniqueId();
    const what = { chat: to, from: row.chat, seq: row.seq, client_msg_id: key };
    this.replied((await this.ask<Sent>('message.forward', what)).message);
  }

  async setChat(
    id: Id,
    change: { pinned?: boolean; muted_until?: string | null; hide_seq?: number },
  ): Promise<void> {
    const row = await this.rest.patch<Member>(`/chats/${id}`, change);
    this.store.applyMember(row);
    this.soil(id);
  }

  private async change(op: string, what: unknown): Promise<void> {
    const { message } = await this.ask<{ message: Message }>(op, what);
    this.replied(message);
  }

  // ---- people ----

  /** The name to show; it is fetched when it is not known. */
  user(id: Id): User | undefined {
    const known = this.store.users.get(id);
    if (!known) this.wantUser(id);
    return known;
  }

  keepUsers(users: readonly User[]): void {
    for (const user of this.store.addUsers(users)) this.freshUsers.set(user.id, user);
    this.saveSoon();
  }

  private wantUser(id: Id): void {
    if (this.wanted.has(id) || !this.session) return;
    this.wanted.add(id);
    this.rest.get<User>(`/users/${id}`).then(
      (user) => this.keepUsers([user]),
      // An unknown person is not asked for again; a broken network is.
      (error: unknown) => {
        if (error instanceof ApiError && error.isPassing) setTimeout(() => this.wanted.delete(id), 5_000);
      },
    );
  }

  /** Whose presence is on screen, at most 100; how each stands comes into `store.presence`. */
  watchPresence(users: readonly Id[]): void {
    const wanted = [...new Set(users)].slice(0, 100).sort();
    if (wanted.join() === this.watched.join()) return;
    this.watched = wanted;
    if (this.isSynced) this.sendWatch();
  }

  private sendWatch(): void {
    const { presence } = this.store;
    for (const id of presence.keys()) if (!this.watched.includes(id)) presence.delete(id);
    if (this.tellsPresence && (this.watched.length || presence.size)) {
      this.ask('presence.watch', { users: this.watched }).catch((error: unknown) => {
        // An older server does not know of it.
        if (error instanceof ApiError && !error.isPassing) this.tellsPresence = false;
      });
    }
  }

  startCall(chat: Id, kind: CallKind): void {
    this.calls.start(chat, kind);
  }

  /** A request on the socket. */
  ask<T>(op: string, data: unknown = {}): Promise<T> {
    return this.socket ? this.socket.ask<T>(op, data) : Promise.reject(offline());
  }

  // ---- live ----

  private listener(): Listener {
    return {
      onLive: ({ now, incarnation }) => {
        this.ahead = Date.parse(now) - Date.now() || 0;
        // An older server lets no page of another origin send the header.
        this.rest.instance = this.socket?.isNamed ? this.socket.instance : null;
        // Nothing was synced yet: what is here came from this server.
        if (!this.store.incarnation && !this.store.inbox) this.store.incarnation = incarnation;
        this.isSynced = false;
        this.calls.live();
        this.sync();
      },
      onEvent: (name, data) => this.happened(name, data),
      onState: (connection, retryAt) => {
        this.connection = connection;
        this.retryAt = retryAt;
        if (connection !== 'live') {
          this.isSynced = this.isComplete = false;
          this.losses++;
          this.outbox.open(false);
          this.calls.cut();
        }
        this.changes.touch('connection');
      },
      onRefused: (code) => {
        if (code === 4501) return;
        void this.leave().then(() => this.onEnded());
      },
    };
  }

  private happened<K extends keyof Events>(name: K, data: Events[K]): void {
    switch (name) {
      case 'message':
        this.cameIn(data as Message);
        break;
      case 'chat':
        if (!this.store.applyChat(data as Events['chat'])) this.sync();
        else this.soil((data as Events['chat']).id);
        // Presence is for people one has a chat with: one has begun.
        if ((data as Events['chat']).kind === 'direct' && this.isSynced) this.sendWatch();
        break;
      case 'member':
        this.memberMoved(data as Events['member']);
        break;
      case 'receipt':
        this.store.applyReceipt(data as Events['receipt']);
        this.soil((data as Events['receipt']).chat);
        break;
      case 'typing':
        this.typed(data as Events['typing']);
        break;
      case 'presence':
        this.store.presence.set((data as Events['presence']).user, data as Events['presence']);
        this.changes.touch('presence');
        break;
      case 'resync':
        this.sync();
        break;
      case 'call':
        this.calls.stands(data as Events['call']);
        break;
      case 'call.signal':
        this.calls.signalled(data as Events['call.signal']);
        break;
      default:
        break;
    }
  }

  private cameIn(row: Message): void {
    const held = this.store.chats.get(row.chat);
    const isNew = !held?.rows.has(row.seq) && row.seq > (held?.member.read_seq ?? 0);
    const state = this.store.applyMessage(row, 'event', this.isComplete);
    if (row.client_msg_id && row.from === this.store.me) this.outbox.settle(row.client_msg_id);
    if (!state) return this.sync();
    this.soil(row.chat);
    const isMine = row.from === this.store.me;
    if (!isMine) this.deliver(row.chat);
    if (isNew && !isMine && row.kind !== 'deleted') this.onIncoming(row, state);
    if (row.event && endsMembership(row, this.store.me)) this.drop(row.chat);
  }

  private memberMoved(row: Events['member']): void {
    if (row.state !== 'active') this.drop(row.chat);
    else if (!this.store.applyMember(row)) this.sync();
    else this.soil(row.chat);
  }

  private typed(data: Events['typing']): void {
    this.store.applyTyping(data);
    if (data.for_ms > 0) setTimeout(() => this.changes.touch('chats', `chat:${data.chat}`), data.for_ms + 50);
  }

  private drop(chat: Id): void {
    this.store.forget(chat);
    this.gone.add(chat);
    this.saveSoon();
  }

  private replied(row: Message): void {
    const state = this.store.applyMessage(row, 'reply');
    if (!state) this.sync();
    this.soil(row.chat);
  }

  private async sendNow(item: Unsent, signal: AbortSignal): Promise<Sent> {
    const attachments = await this.sendFiles(item, signal);
    const { chat, client_msg_id, body, reply_to, mentions, mention_all } = item;
    const more = {
      ...(reply_to === undefined ? {} : { reply_to }),
      ...(attachments.length ? { attachments } : {}),
    };
    return this.ask('message.send', { chat, client_msg_id, body, mentions, mention_all, ...more });
  }

  private editNow(
    { chat, message, body, mentions, mention_all }: Unsent, seq: number,
  ): Promise<{ message: Message }> {
    const held = this.store.chats.get(chat)?.rows.get(seq);
    if (held && held.id !== message) return Promise.reject(gone());
    return this.ask('message.edit', { chat, seq, body, mentions, mention_all });
  }

  /** The files of a message first; what the server has already is not sent again. */
  private async sendFiles(item: Unsent, signal: AbortSignal): Promise<Id[]> {
    const files = item.files ?? [];
    const total = files.reduce((sum, { blob }) => sum + blob.size, 1);
    let sent = 0;
    for (const file of files) {
      const progress = (part: number): void => {
        this.outbox.progress.set(item.client_msg_id, (sent + part * file.blob.size) / total);
        this.changes.touch(`rows:${item.chat}`);
      };
      const began = (): Promise<void> => this.outbox.keepUploads(item);
      if (!file.id) {
        const made = await this.files.upload(file, { progress, began, signal });
        file.id = made.id;
        this.files.sent(made, file.blob);
        await this.outbox.keepUploads(item);
      }
      sent += file.blob.size;
      progress(0);
    }
    if (signal.aborted) throw offline('It was discarded.');
    return files.map(({ id }) => id ?? '');
  }

  /** Something is missing: catches up. What is under way was asked for before, so another follows. */
  private sync(): void {
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
      const ms = Math.max(2, error.problem.retry_after ?? 0) * 1_000;
      if (this.socket?.isLive) setTimeout(() => this.sync(), ms);
      return;
    } finally {
      this.isSyncing = false;
    }
    this.store.settle();
    this.isSynced = this.isComplete = true;
    this.changes.touch('connection', 'chats');
    this.outbox.open(true);
    this.flushReads();
    this.sendWatch();
    for (const id of this.store.chats.keys()) this.deliver(id);
    this.saveSoon();
    await this.learnPeers().catch(() => undefined);
  }

  /**
   * One page; says whether there is more. A page that rests on what was forgotten since it was asked
   * for, a chat that was left or come back to, is void and asked for again.
   */
  private async syncOnce(): Promise<boolean> {
    const { store } = this;
    const held = [...store.chats.values()];
    const chats = Object.fromEntries(held.map(({ id, rev }) => [id, rev]));
    const { incarnation, inbox } = store;
    const have = { ...(incarnation && { incarnation }), inbox, chats, latest: LATEST };
    const news = store.chats.size > CHATS_A_FRAME
      ? await this.rest.post<News>('/sync', have)
      : await this.ask<News>('sync', have);
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
    const members = new Map(news.memberships.map((row) => [row.chat, row]));
    for (const page of news.chats) {
      if (members.get(page.chat.id)?.state === 'left') continue;
      if (store.applyNews(page, members.get(page.chat.id))) this.soil(page.chat.id);
      this.settleOwn(page.messages);
    }
    for (const row of news.memberships) this.memberSynced(row);
    store.incarnation = news.incarnation;
    store.inbox = news.inbox;
    return news.more;
  }

  /**
   * The server's store is another one: a backup was restored. All that it gave is void, here and in
   * the browser; what is not sent is kept, and sent.
   */
  private beginAnew(incarnation: Id): void {
    this.store.clear();
    this.store.incarnation = incarnation;
    this.outbox.beginAnew();
    // A cursor was read in another log, and people may be called otherwise.
    for (const waiting of [this.reads, this.wanted, this.dirty, this.gone, this.freshUsers]) waiting.clear();
    this.hasLearned = false;
    this.isAnew = true;
    this.saveSoon();
  }

  private settleOwn(rows: readonly Message[]): void {
    for (const row of rows) {
      if (row.client_msg_id && row.from === this.store.me) this.outbox.settle(row.client_msg_id);
    }
  }

  private memberSynced(row: Events['member']): void {
    if (row.state !== 'active') return this.drop(row.chat);
    if (this.store.applyMember(row)) this.soil(row.chat);
    // A chat without messages has a membership and no news.
    else this.open(row.chat).catch(() => undefined);
  }

  /** Names and pictures of the people of direct chats: all once a visit, as nothing tells of their
   * changes; later those that are missing. */
  private async learnPeers(): Promise<void> {
    const peers = [...this.store.chats.values()].map((chat) => chat.peer(this.store.me));
    const missing = peers.filter((id) => id && !this.store.users.has(id));
    if (this.hasLearned && missing.length < 5) {
      for (const id of missing) if (id) this.wantUser(id);
      return;
    }
    let after: string | undefined;
    do {
      const page: ChatPage = await this.rest.get('/chats', { after, limit: 100 });
      this.keepUsers(page.users);
      after = page.next ?? undefined;
    } while (after !== undefined);
    this.hasLearned = true;
  }

  /** Tells the senders that their messages are on this device. */
  private deliver(id: Id): void {
    const chat = this.store.chats.get(id);
    if (!chat || chat.member.delivered_seq >= chat.chat.head_seq || this.delivering.has(id)) return;
    this.delivering.add(id);
    setTimeout(() => {
      this.delivering.delete(id);
      const now = this.store.chats.get(id);
      if (!now || !this.isSynced || now.member.delivered_seq >= now.chat.head_seq) return;
      const seq = now.chat.head_seq;
      this.store.moveOwnCursor(id, { delivered_seq: seq });
      this.ask('delivered', { chat: id, seq }).catch(() => undefined);
    }, 250);
  }

  private flushReads(): void {
    if (!this.isSynced) return;
    for (const [chat, seq] of this.reads) {
      this.reads.delete(chat);
      this.ask('read', { chat, seq }).catch((error: unknown) => {
        if (error instanceof ApiError && error.isOffline && !this.reads.has(chat)) this.reads.set(chat, seq);
      });
    }
  }

  // ---- keeping ----

  private soil(chat: Id): void {
    this.dirty.add(chat);
    this.saveSoon();
  }

  private saveSoon(): void {
    this.saving ??= setTimeout(() => void this.save(), SAVE_MS);
  }

  private async save(): Promise<void> {
    this.saving = undefined;
    if (!this.session) return;
    const states = [...this.dirty].map((id) => this.store.chats.get(id));
    const { incarnation, inbox } = this.store;
    const held = states.filter((one) => one !== undefined);
    const chats = held.map((one) => ({ ...one.toSaved(KEPT), incarnation }));
    const [isAnew, gone, users] = [this.isAnew, [...this.gone], [...this.freshUsers.values()]];
    const batch = { isAnew, incarnation, inbox, chats, gone, users };
    this.isAnew = false;
    this.dirty.clear();
    this.gone.clear();
    this.freshUsers.clear();
    await this.storage.save(batch);
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
