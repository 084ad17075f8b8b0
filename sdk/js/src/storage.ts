/**
 * What stays in the browser between visits: the session, the latest rows of each chat, messages and
 * changes not yet sent, what is being written. Kept in IndexedDB; where a browser refuses that
 * (private windows of some), the page works all the same and begins anew next time.
 */

import type { Kept, Owed } from './call_machine.js';
import type { Outgoing } from './outgoing.js';
import type { Chat, Id, Me, Membership, Message, ServerInfo, User } from './types.js';

/** Who is logged in here. */
export interface SavedSession {
  token: string;
  session: Id;
  me: Me;
}

/** A chat as it is kept: rows and the rev that they were complete up to, so never at odds. */
export interface SavedChat {
  id: Id;
  /** The life of the server's store that it is from. */
  incarnation?: Id | undefined;
  chat: Chat;
  member: Membership;
  hidden: number[];
  quiet?: number[];
  rev: number;
  rows: Message[];
  /** From this seq on there is no gap in them. */
  floor?: number;
  receipts: [Id, number, number][];
}

/** A message, or a new text for one, that the server has not acknowledged. */
export interface Unsent {
  /** The idempotency key: sent again under the same one, the message is there once. */
  client_msg_id: string;
  chat: Id;
  /** The seq of the message that this changes; a new message has none. */
  edit?: number;
  /** The id of that message: after a restore its seq may be that of another one. */
  message?: Id;
  body: string;
  reply_to?: number;
  mentions: Id[];
  mention_all: boolean;
  files?: Outgoing[];
  /** When it was written, in milliseconds since 1970. */
  at: number;
  /** Why the server refused it; it is not sent again by itself. */
  error?: string;
}

/** What somebody was writing: text, the message that it answers, people named in it. */
export interface SavedText {
  body: string;
  reply: Message | null;
  mentions: [string, Id][];
}

/** What is being written in a chat: a message, or a change of one while the message waits. */
export interface SavedDraft extends SavedText {
  edit: Message | null;
  aside: SavedText | null;
}

/** What the page's worker goes by while no page is open. */
export interface ForWorker {
  /** The session's, so that an answer in a notification goes out. */
  token: string;
  /** The language of the page (BCP 47). */
  language: string;
}

/** A button of a notification that opened the page, or called it to the front. */
export interface Pressed {
  /** The call to answer. */
  answer: Id;
  /** When, in milliseconds since 1970. */
  at: number;
}

/** All that is kept of one person. */
export interface Saved {
  incarnation: Id | undefined;
  inbox: number;
  chats: SavedChat[];
  users: User[];
  unsent: Unsent[];
  drafts: Map<Id, SavedDraft>;
  /** What was kept is of several lives of the server's store, and was left aside. */
  isMixed: boolean;
}

/** How far a file has come. */
type Came = Pick<Outgoing, 'id' | 'upload'>;
const uploadsOf = (key: string): string => `files:${key}`;
const DRAFT = 'draft:';
/** Facts that the page's worker reads and writes. */
const WORKER = 'worker';
const PRESSED = 'pressed';

const SESSION = 'wechat.session';
const CALL = 'wechat.call';
const OWED = 'wechat.owed';
const TICKET = 'wechat.ticket';
const SERVER = 'wechat.server';
const STORES = ['chats', 'users', 'unsent', 'facts'] as const;
type StoreName = (typeof STORES)[number];

/** A set of changes that become durable together. */
export interface Batch {
  /** All that was kept of the server's rows is void; what is not sent stays. */
  isAnew?: boolean;
  incarnation?: Id | undefined;
  inbox?: number;
  chats?: SavedChat[];
  gone?: Id[];
  users?: User[];
}

export class Storage {
  private db: Promise<IDBDatabase | null> | null = null;
  private lastTicket = '';

  /** The session lives in `localStorage`, so that the page knows it before it paints. */
  session(): SavedSession | null {
    try {
      return JSON.parse(localStorage.getItem(SESSION) ?? 'null') as SavedSession | null;
    } catch {
      return null;
    }
  }

  setSession(session: SavedSession | null): void {
    try {
      if (session) localStorage.setItem(SESSION, JSON.stringify(session));
      else localStorage.removeItem(SESSION);
    } catch {
      // Storage is full or refused: the session lives as long as the page.
    }
  }

  /** The call of this tab, which outlives a reload, and the hang-ups that any tab may tell. */
  keptCall(): Kept | null {
    try {
      const owed = JSON.parse(localStorage.getItem(OWED) ?? '[]') as Owed[];
      const call = JSON.parse(sessionStorage.getItem(CALL) ?? '{}') as Partial<Kept>;
      return { mine: null, isMuted: false, wants: { mic: false, cam: false }, ...call, owed };
    } catch {
      return null;
    }
  }

  keepCall(call: Omit<Kept, 'owed'>): void {
    try {
      if (call.mine) sessionStorage.setItem(CALL, JSON.stringify(call));
      else sessionStorage.removeItem(CALL);
    } catch {
      // Refused: a reload leaves the call.
    }
  }

  keepOwed(owed: readonly Owed[]): void {
    try {
      if (owed.length) localStorage.setItem(OWED, JSON.stringify(owed));
      else localStorage.removeItem(OWED);
    } catch {
      // Refused: the server ends such a call by the silence.
    }
  }

  /**
   * What tells the server that the same browser asks again; it outlives a logout. Empty: none yet.
   */
  ticket(): string {
    try {
      return localStorage.getItem(TICKET) ?? this.lastTicket;
    } catch {
      return this.lastTicket;
    }
  }

  setTicket(ticket: string): void {
    this.lastTicket = ticket;
    try {
      localStorage.setItem(TICKET, ticket);
    } catch {
      // Storage is full or refused: the ticket lives as long as the page.
    }
  }

  /** What the server said of itself when it was asked last; it outlives a logout. */
  server(): ServerInfo | null {
    try {
      return JSON.parse(localStorage.getItem(SERVER) ?? 'null') as ServerInfo | null;
    } catch {
      return null;
    }
  }

  setServer(info: ServerInfo): void {
    try {
      localStorage.setItem(SERVER, JSON.stringify(info));
    } catch {
      // Storage is full or refused: it is asked again at the next visit.
    }
  }

  async load(): Promise<Saved> {
    const [chats, users, unsent, facts] = await Promise.all([
      this.all<SavedChat>('chats'),
      this.all<User>('users'),
      this.all<Unsent>('unsent'),
      this.all<{ id: string; value: unknown }>('facts'),
    ]);
    const fact = new Map(facts.map(({ id, value }) => [id, value]));
    for (const item of unsent) {
      const came = fact.get(uploadsOf(item.client_msg_id)) as Came[] | undefined;
      item.files?.forEach((file, at) => Object.assign(file, came?.[at]));
    }
    unsent.sort((a, b) => a.at - b.at || (a.client_msg_id < b.client_msg_id ? -1 : 1));
    const drafts = new Map<Id, SavedDraft>();
    for (const { id, value } of facts) {
      if (id.startsWith(DRAFT)) drafts.set(id.slice(DRAFT.length), value as SavedDraft);
    }
    const incarnation = fact.get('incarnation') as Id | undefined;
    // Another tab may have kept rows of an earlier life: then how far the inbox is says nothing.
    const isOne = chats.every((chat) => chat.incarnation === incarnation);
    const nothing = { chats: [], users: [], incarnation: undefined, inbox: 0 };
    const inbox = Number(fact.get('inbox') ?? 0);
    return {
      ...(isOne ? { chats, users, incarnation, inbox } : nothing), unsent, drafts, isMixed: !isOne,
    };
  }

  /** Another tab may have written a later state of a chat: the later one stays. */
  async save(
    { isAnew = false, incarnation, inbox, chats = [], gone = [], users = [] }: Batch,
  ): Promise<void> {
    await this.change((store) => {
      if (isAnew) for (const name of ['chats', 'users'] as const) store(name).clear();
      for (const chat of chats) {
        const read = store('chats').get(chat.id);
        read.onsuccess = () => {
          const other = read.result as SavedChat | undefined;
          const isOld = other?.incarnation === chat.incarnation && other !== undefined
            && (other.rev > chat.rev || other.member.rev > chat.member.rev);
          if (!isOld) store('chats').put(chat);
        };
      }
      for (const id of gone) store('chats').delete(id);
      for (const user of users) store('users').put(user);
      if (inbox === undefined) return;
      store('facts').put({ id: 'inbox', value: inbox });
      store('facts').put({ id: 'incarnation', value: incarnation });
    });
  }

  async keepUnsent(item: Unsent): Promise<void> {
    await this.change((store) => {
      store('unsent').put(item);
      store('facts').delete(uploadsOf(item.client_msg_id));
    });
  }

  /** How far the files of a message have come: beside it, as the files themselves may be large. */
  async keepUploads({ client_msg_id, files = [] }: Unsent): Promise<void> {
    const value: Came[] =
      files.map(({ id, upload }) => ({ ...(id && { id }), ...(upload && { upload }) }));
    await this.change((store) => store('facts').put({ id: uploadsOf(client_msg_id), value }));
  }

  async dropUnsent(key: string): Promise<void> {
    await this.change((store) => {
      store('unsent').delete(key);
      store('facts').delete(uploadsOf(key));
    });
  }

  /** What is being written in a chat; `null` when nothing is. */
  async keepDraft(chat: Id, draft: SavedDraft | null): Promise<void> {
    const id = DRAFT + chat;
    await this.change((store) => {
      if (draft) store('facts').put({ id, value: draft });
      else store('facts').delete(id);
    });
  }

  async keepForWorker(value: ForWorker): Promise<void> {
    await this.change((store) => store('facts').put({ id: WORKER, value }));
  }

  /** What was pressed in a notification. It is taken once, whoever asks. */
  async takePressed(): Promise<Pressed | null> {
    let found: { value: Pressed } | undefined;
    await this.change((store) => {
      const read = store('facts').get(PRESSED);
      read.onsuccess = () => {
        found = read.result as typeof found;
        if (found) store('facts').delete(PRESSED);
      };
    });
    return found?.value ?? null;
  }

  /** Forgets everything of this person. */
  async clear(): Promise<void> {
    this.setSession(null);
    this.keepCall({ mine: null, isMuted: false, wants: { mic: false, cam: false } });
    this.keepOwed([]);
    await this.change((store) => STORES.forEach((name) => store(name).clear()));
  }

  private database(): Promise<IDBDatabase | null> {
    this.db ??= new Promise((done) => {
      try {
        const request = indexedDB.open('wechat', 1);
        request.onupgradeneeded = () => {
          for (const name of STORES) {
            const keyPath = name === 'unsent' ? 'client_msg_id' : 'id';
            request.result.createObjectStore(name, { keyPath });
          }
        };
        request.onsuccess = () => done(request.result);
        request.onerror = () => done(null);
        request.onblocked = () => done(null);
      } catch {
        done(null);
      }
    });
    return this.db;
  }

  private async all<T>(name: StoreName): Promise<T[]> {
    const db = await this.database();
    if (!db) return [];
    return new Promise((done) => {
      const request = db.transaction(name).objectStore(name).getAll();
      request.onsuccess = () => done(request.result as T[]);
      request.onerror = () => done([]);
    });
  }

  private async change(work: (store: (name: StoreName) => IDBObjectStore) => void): Promise<void> {
    const db = await this.database();
    if (!db) return;
    await new Promise<void>((done) => {
      try {
        const transaction = db.transaction(STORES, 'readwrite');
        transaction.oncomplete = () => done();
        transaction.onabort = () => done();
        transaction.onerror = () => done();
        work((name) => transaction.objectStore(name));
      } catch {
        done();
      }
    });
  }
}
