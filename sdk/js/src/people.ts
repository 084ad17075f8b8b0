/** Who people are, and whether they are there. Called by `Client` and `Follower`. */

import type { Keeper } from './keeper.js';
import type { Line } from './line.js';
import { ApiError } from './rest.js';
import type { ChatPage, Id, User } from './types.js';

/** A person whom a broken network kept away is asked for again after this time. */
const AGAIN_MS = 5_000;
/** From so many missing peers on, all are learned in one go. */
const MANY = 5;

export class People {
  private readonly wanted = new Set<Id>();
  private watched: Id[] = [];
  private tellsPresence = true;
  private hasLearned = false;

  constructor(private readonly line: Line, private readonly keeper: Keeper) {}

  /** A person; they are fetched when they are not known. */
  user(id: Id): User | undefined {
    const known = this.line.store.users.get(id);
    if (!known) this.want(id);
    return known;
  }

  private want(id: Id): void {
    if (this.wanted.has(id) || !this.line.session) return;
    this.wanted.add(id);
    this.line.rest.get<User>(`/users/${id}`).then(
      (user) => this.keeper.keepUsers([user]),
      // An unknown person is not asked for again; a broken network is.
      (error: unknown) => {
        const isPassing = error instanceof ApiError && error.isPassing;
        if (isPassing) setTimeout(() => this.wanted.delete(id), AGAIN_MS);
      },
    );
  }

  /**
   * Whose presence is on screen, as many as the server takes; how each stands comes into
   * `store.presence`.
   */
  watch(users: readonly Id[]): void {
    const wanted = [...new Set(users)].slice(0, this.line.limits?.watched).sort();
    if (wanted.join() === this.watched.join()) return;
    this.watched = wanted;
    if (this.line.isSynced) this.sendWatch();
  }

  sendWatch(): void {
    const { presence } = this.line.store;
    for (const id of presence.keys()) if (!this.watched.includes(id)) presence.delete(id);
    if (!this.tellsPresence || !this.watched.length && !presence.size) return;
    this.line.ask('presence.watch', { users: this.watched }).catch((error: unknown) => {
      // An older server does not know of it.
      if (error instanceof ApiError && !error.isPassing) this.tellsPresence = false;
    });
  }

  /**
   * Names and pictures of the people of direct chats: all once a visit, as nothing tells of their
   * changes; later those that are missing.
   */
  async learn(): Promise<void> {
    const { store, rest } = this.line;
    const peers = [...store.chats.values()].map((chat) => chat.peer(store.me));
    const missing = peers.filter((id) => id && !store.users.has(id));
    if (this.hasLearned && missing.length < MANY) {
      for (const id of missing) if (id) this.want(id);
      return;
    }
    let after: string | undefined;
    do {
      const page: ChatPage = await rest.get('/chats', { after, limit: 100 });
      this.keeper.keepUsers(page.users);
      after = page.next ?? undefined;
    } while (after !== undefined);
    this.hasLearned = true;
  }

  /** All are to be learned again. */
  clear(): void {
    this.wanted.clear();
    this.hasLearned = false;
  }
}
