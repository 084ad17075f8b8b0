/**
 * Keeps what the store holds for the next visit: some moments after a change, all that has changed
 * in one batch. Called by the parts that change the store.
 */

import type { Line } from './line.js';
import type { Storage } from './storage.js';
import type { Id, User } from './types.js';

/** Rows kept of each chat. */
const KEPT = 60;
const SAVE_MS = 400;

export class Keeper {
  private readonly dirty = new Set<Id>();
  private readonly gone = new Set<Id>();
  private readonly users = new Map<Id, User>();
  /** What is kept in the browser is of another life of the server's store. */
  private isAnew = false;
  private saving: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly line: Line, private readonly storage: Pick<Storage, 'save'>) {}

  /** A chat has changed. */
  soil(chat: Id): void {
    this.dirty.add(chat);
    this.saveSoon();
  }

  /** A chat is no longer held. */
  drop(chat: Id): void {
    this.gone.add(chat);
    this.saveSoon();
  }

  keepUsers(users: readonly User[]): void {
    for (const user of this.line.store.addUsers(users)) this.users.set(user.id, user);
    this.saveSoon();
  }

  /** Begins with what the browser has: of several lives of the store, it is void. */
  begin(isMixed: boolean): void {
    this.isAnew = isMixed;
  }

  /** All that was kept is void. */
  beginAnew(): void {
    for (const waiting of [this.dirty, this.gone, this.users]) waiting.clear();
    this.isAnew = true;
    this.saveSoon();
  }

  /** The session is over: nothing is kept any more. */
  clear(): void {
    clearTimeout(this.saving);
    this.saving = undefined;
    this.isAnew = false;
    for (const waiting of [this.dirty, this.gone, this.users]) waiting.clear();
  }

  saveSoon(): void {
    this.saving ??= setTimeout(() => void this.save(), SAVE_MS);
  }

  private async save(): Promise<void> {
    this.saving = undefined;
    if (!this.line.session) return;
    const { store } = this.line;
    const { incarnation, inbox } = store;
    const held = [...this.dirty].map((id) => store.chats.get(id))
      .filter((one) => one !== undefined);
    const chats = held.map((one) => ({ ...one.toSaved(KEPT), incarnation }));
    const [isAnew, gone, users] = [this.isAnew, [...this.gone], [...this.users.values()]];
    const batch = { isAnew, incarnation, inbox, chats, gone, users };
    this.isAnew = false;
    this.dirty.clear();
    this.gone.clear();
    this.users.clear();
    await this.storage.save(batch);
  }
}
