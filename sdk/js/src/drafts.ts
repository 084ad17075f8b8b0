/**
 * What is being written in each chat and was not sent: kept here, so that a closed page loses none
 * of it. Files are no part of it: they are chosen again.
 */

import type { SavedDraft, Storage } from './storage.js';
import type { Id } from './types.js';

export class Drafts {
  private readonly all = new Map<Id, SavedDraft>();
  /** Chats whose draft is being written, and whether it has changed since. */
  private readonly writing = new Map<Id, boolean>();

  constructor(private readonly storage: Pick<Storage, 'keepDraft'>) {}

  load(saved: ReadonlyMap<Id, SavedDraft>): void {
    for (const [chat, draft] of saved) if (!this.all.has(chat)) this.all.set(chat, draft);
  }

  of(chat: Id): SavedDraft | undefined {
    return this.all.get(chat);
  }

  /** Keeps the latest; what came while it was being written follows in one go. */
  keep(chat: Id, draft: SavedDraft | null): void {
    if (draft) this.all.set(chat, draft);
    else if (!this.all.delete(chat)) return;
    if (this.writing.has(chat)) this.writing.set(chat, true);
    else void this.write(chat);
  }

  clear(): void {
    this.all.clear();
    this.writing.clear();
  }

  private async write(chat: Id): Promise<void> {
    do {
      this.writing.set(chat, false);
      await this.storage.keepDraft(chat, this.all.get(chat) ?? null);
    } while (this.writing.get(chat));
    this.writing.delete(chat);
  }
}
