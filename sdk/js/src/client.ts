/**
 * A person's client: session, rows kept up to date, messages sent for certain, calls.
 *
 * After each connection it syncs first and then lets events count as complete; what is known is
 * kept in the browser, so that the next visit begins with it, with or without a network. The parts
 * do the work: `follower`, `people`, `cursors`, `keeper`, `sender`, `outbox`, `calls`.
 */

import { About, shown } from './about.js';
import { AlertSettings } from './alerts.js';
import { Calls } from './calls.js';
import { Changes } from './changes.js';
import { Contacts } from './contacts.js';
import { Cursors } from './cursors.js';
import { Drafts } from './drafts.js';
import { Files } from './files.js';
import { Follower } from './follower.js';
import { instance } from './instance.js';
import { Joining } from './joining.js';
import { Keeper } from './keeper.js';
import type { Line } from './line.js';
import { type Draft, Outbox, uniqueId } from './outbox.js';
import { People } from './people.js';
import type { Push } from './push.js';
import { Rest, offline } from './rest.js';
import { Sender } from './sender.js';
import { type Connection, type Listener, Socket } from './socket.js';
import { type Saved, type SavedSession, Storage, type Unsent } from './storage.js';
import { ChatState, Store } from './store.js';
import type {
  AddressAsked, CallKind, ChangeMember, Chat, CodeSent, Events, Export, Id, Limits, Me, Member,
  Message, MessagePage, OpenChat, RecoveryAsked, RecoveryCodes, RecoveryState, Report, Sent,
  ServerInfo, SignedIn, Tongue, User,
} from './types.js';

/** Rows of a page of history. */
const PAGE = 60;

export interface Options {
  /** The server's origin; that of the page when it is left out. */
  base?: string;
  storage?: Storage;
}

export class Client implements Line {
  readonly changes = new Changes();
  readonly store = new Store(this.changes);
  readonly rest: Rest;
  readonly about: About;
  readonly alerts: AlertSettings;
  readonly calls: Calls;
  readonly contacts: Contacts;
  readonly files: Files;
  readonly joining: Joining;
  readonly outbox: Outbox;
  readonly drafts: Drafts;
  session: SavedSession | null;
  connection: Connection = 'off';
  /** When the next try is, in milliseconds since 1970, while `connection` is `waiting`. */
  retryAt: number | null = null;
  /** What was kept in the browser is there. */
  isLoaded = false;
  /** The session ended from elsewhere: logged out, or the account is gone. */
  onEnded: () => void = () => undefined;
  /** A report of this person's was taken or answered. */
  onReport: (report: Report) => void = () => undefined;
  /** The copy of this person's data is ready, or could not be made. */
  onExport: (copy: Export) => void = () => undefined;
  /** A message of somebody else came while the client was live. */
  onIncoming: (row: Message, state: ChatState) => void = () => undefined;

  private readonly storage: Storage;
  private readonly keeper: Keeper;
  private readonly people: People;
  private readonly cursors: Cursors;
  private readonly follower: Follower;
  private socket: Socket | null = null;
  private isStarting = false;
  /** How far the server's clock is ahead of this device's, in milliseconds. */
  private ahead = 0;

  constructor(options: Options = {}) {
    this.storage = options.storage ?? new Storage();
    this.rest = new Rest(options.base ?? '');
    this.about = new About(this.rest, this.storage, this.changes);
    this.files = new Files(this.rest);
    this.drafts = new Drafts(this.storage);
    this.calls = new Calls(this, this.storage);
    this.alerts = new AlertSettings(this);
    this.contacts = new Contacts(this);
    this.joining = new Joining(this);
    this.keeper = new Keeper(this, this.storage);
    this.people = new People(this, this.keeper);
    this.cursors = new Cursors(this, this.keeper);
    const sender = new Sender(this, this.files);
    const send = (item: Unsent, signal: AbortSignal): Promise<{ message: Message }> =>
      sender.send(item, signal, this.outbox);
    this.outbox = new Outbox(this.storage, this.changes, send, (row) => this.follower.replied(row));
    const { keeper, people, cursors, outbox } = this;
    this.follower = new Follower(this, {
      keeper, people, cursors, outbox,
      open: (chat) => this.open(chat),
      incoming: (row, state) => this.onIncoming(row, state),
    });
    this.session = this.storage.session();
    this.rest.token = this.session?.token ?? null;
  }

  /** The rows are those of the server; not so before the first sync of a connection. */
  get isSynced(): boolean {
    return this.follower.isSynced;
  }

  /** The server's clock, in milliseconds since 1970: that of a device may be wrong. */
  now(): number {
    return Date.now() + this.ahead;
  }

  /** How much the server takes; null until it has said it once in this browser. */
  get limits(): Limits | null {
    return this.about.info?.limits ?? null;
  }

  get me(): Me | null {
    return this.session?.me ?? null;
  }

  // ---- session ----

  /** With the code of an invitation, where sign-up is by invitation. */
  signUp(name: string, email: string, language: Tongue, invitation = ''): Promise<CodeSent> {
    return this.asked('/users', { name, email, language, ...(invitation && { invitation }) });
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

  logIn(email: string, code: string, device: string): Promise<void> {
    return this.begin('/auth/sessions', { email, code, device });
  }

  /** With one of the account's recovery codes, for whoever cannot read its mail. */
  recover(email: string, code: string, device: string): Promise<void> {
    return this.begin('/auth/recovery', { email, code, device });
  }

  private async begin(path: string, what: object): Promise<void> {
    const ticket = this.storage.ticket();
    const { token, session, user } = await this.rest.post<SignedIn>(path, { ...what, ticket });
    await this.enter({ token, session: session.id, me: user });
  }

  /**
   * What is known of the server before anybody is logged in; with the machine's key, which the
   * server's terminal prints, also what is for the person at the machine.
   */
  server(machineKey = ''): Promise<ServerInfo> {
    return this.about.ask(machineKey);
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
    this.load(saved);
    this.socket.start();
  }

  private load({ chats, users, incarnation, inbox, isMixed, unsent, drafts }: Saved): void {
    for (const chat of chats) {
      if (!this.store.chats.has(chat.id)) this.store.chats.set(chat.id, ChatState.fromSaved(chat));
    }
    this.store.addUsers(users);
    this.store.incarnation = incarnation;
    this.store.inbox = inbox;
    this.keeper.begin(isMixed);
    this.outbox.load(unsent);
    this.drafts.load(drafts);
    this.isLoaded = true;
    this.changes.touch('chats', 'session');
  }

  /** How this person is told while no page is open. */
  async push(): Promise<Push> {
    const { Push } = await import('./push.js');
    return new Push(this.rest, this.about, this.storage);
  }

  /** Ends the session on the server, if that can be reached, and forgets everything here. */
  async logOut(): Promise<void> {
    const { session } = this;
    if (session) await this.rest.delete(`/auth/sessions/${session.session}`).catch(() => undefined);
    await this.leave();
  }

  /** Learns what the server knows of oneself, which others may have changed. */
  async learnMe(): Promise<void> {
    this.keepMe(await this.rest.get<Me>('/me'));
  }

  async setMe(
    change: Partial<Pick<Me, 'name' | 'about' | 'privacy' | 'reach' | 'groups' | 'language'>>,
  ): Promise<void> {
    this.keepMe(await this.rest.patch<Me>('/me', change));
  }

  /** Asks for another address of the account: a code is mailed there. */
  askAddress(email: string): Promise<AddressAsked> {
    return this.rest.post<AddressAsked>('/me/address', { email });
  }

  /** Gives the account that address, and logs out its other devices. */
  async verifyAddress(email: string, code: string): Promise<void> {
    this.keepMe(await this.rest.post<Me>('/me/address/verify', { email, code }));
  }

  /** How many recovery codes are left. */
  recoveryState(): Promise<RecoveryState> {
    return this.rest.get<RecoveryState>('/me/recovery-codes');
  }

  /** Asks for recovery codes: a code is mailed to the account's address. */
  askRecoveryCodes(): Promise<RecoveryAsked> {
    return this.rest.post<RecoveryAsked>('/me/recovery-codes');
  }

  /** Makes recovery codes with that code; earlier ones are void. */
  makeRecoveryCodes(code: string): Promise<RecoveryCodes> {
    return this.rest.post<RecoveryCodes>('/me/recovery-codes/verify', { code });
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
    this.alerts.value = {};
    this.session = null;
    this.rest.token = null;
    this.isLoaded = false;
    const { follower, keeper, people, cursors, outbox, drafts, files, store } = this;
    for (const part of [follower, keeper, people, cursors, outbox, drafts, files, store]) {
      part.clear();
    }
    await this.storage.clear();
    void this.push().then((push) => push.forget()).catch(() => undefined);
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
    this.keeper.soil(chat.id);
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
    this.keeper.soil(id);
    this.changes.touch(`rows:${id}`);
    return !chat.isWhole;
  }

  /** Moves the own cursor, at once here, and on the server as soon as it can be reached. */
  read(id: Id, seq: number): void {
    this.cursors.read(id, seq);
  }

  typing(chat: Id, on: boolean): void {
    this.ask('typing', { chat, on }).catch(() => undefined);
  }

  /**
   * Gives a message a new text, now or as soon as there is a connection. Resolves when it is kept
   * here; `outbox.changeOf` has it until the server acknowledged it, with an error if it refused.
   * What is left out of the mentions stays as it is.
   */
  edit(
    row: Message, body: string, mentions = row.mentions ?? [], mention_all = !!row.mention_all,
  ): Promise<Unsent> {
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
    const { member } =
      await this.ask<{ member: Member | null }>('message.hide', { chat, seqs: [seq] });
    this.store.chats.get(chat)?.hidden.add(seq);
    if (member) this.store.applyMember(member);
    this.keeper.soil(chat);
  }

  async forward(row: Message, to: Id): Promise<void> {
    const key = uniqueId();
    const what = { chat: to, from: row.chat, seq: row.seq, client_msg_id: key };
    this.follower.replied((await this.ask<Sent>('message.forward', what)).message);
  }

  async setChat(
    id: Id,
    change: ChangeMember,
  ): Promise<void> {
    const row = await this.rest.patch<Member>(`/chats/${id}`, change);
    this.store.applyMember(row);
    this.keeper.soil(id);
  }

  private async change(op: string, what: unknown): Promise<void> {
    const { message } = await this.ask<{ message: Message }>(op, what);
    this.follower.replied(message);
  }

  // ---- people ----

  /** The name to show; it is fetched when it is not known. */
  user(id: Id): User | undefined {
    return this.people.user(id);
  }

  keepUsers(users: readonly User[]): void {
    this.keeper.keepUsers(users);
  }

  /**
   * Whose presence is on screen, as many as the server takes; how each stands comes into
   * `store.presence`.
   */
  watchPresence(users: readonly Id[]): void {
    this.people.watch(users);
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
      onLive: (hello) => this.live(hello),
      onEvent: (name, data) => this.happened(name, data),
      onState: (connection, retryAt) => {
        this.connection = connection;
        this.retryAt = retryAt;
        if (connection !== 'live') {
          this.follower.cut();
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

  private live(hello: Events['hello']): void {
    this.ahead = Date.parse(hello.now) - Date.now() || 0;
    // An older server lets no page of another origin send the header.
    this.rest.instance = this.socket?.isNamed ? this.socket.instance : null;
    this.calls.live();
    this.follower.live(hello);
    // An older server has neither.
    this.alerts.load().catch(() => undefined);
    this.joining.load().catch(() => undefined);
  }

  private happened<K extends keyof Events>(name: K, data: Events[K]): void {
    if (name === 'call') this.calls.stands(data as Events['call']);
    else if (name === 'export') this.onExport(data as Events['export']);
    else if (name === 'report') this.onReport(data as Events['report']);
    else if (name === 'join_request') this.joining.heed(data as Events['join_request']);
    else if (name === 'alerts') this.alerts.apply(data as Events['alerts']);
    else if (name === 'call.signal') this.calls.signalled(data as Events['call.signal']);
    else this.follower.happened(name, data);
  }
}
