/** Which pictures and films are looked at in full: `viewer.tsx` shows them over everything. */

import { signal } from '@preact/signals';
import type { Attachment, ChatState, Id } from 'wechat-sdk';

import { attachmentsOf } from './files_text.js';
import { attempt, client } from './state.js';

/** One of them, and whose it is. */
export interface Shown {
  file: Pick<Attachment, 'id' | 'kind' | 'name' | 'url' | 'large_url' | 'small_url' | 'animated'>;
  by: string;
  /** When it was sent; empty for pictures of people and groups. */
  sent: string;
}

export const viewing = signal<{ all: readonly Shown[]; at: number } | null>(null);

/** Opens one of a chat's pictures; the others that are held lie beside it. */
export function view(state: ChatState, id: Id): void {
  const all = state.messages.filter(({ kind }) => kind === 'text').flatMap((row) =>
    attachmentsOf(row).filter(({ kind }) => kind === 'image' || kind === 'video')
      .map((file) => ({ file, by: row.from_name, sent: row.sent })));
  viewing.value = { all, at: Math.max(0, all.findIndex(({ file }) => file.id === id)) };
}

/** Opens the picture of a person or group. */
export function viewFace(id: Id, name: string): void {
  const url = `/api/v1/files/${id}`;
  const file = { id, kind: 'image' as const, name, url, large_url: `${url}?size=large` };
  viewing.value = { all: [{ file, by: name, sent: '' }], at: 0 };
}

/** Saves a file where the browser saves files. */
export async function save({ id, name }: Pick<Attachment, 'id' | 'name'>): Promise<void> {
  const url = await attempt(client.files.link(id));
  if (!url) return;
  const anchor = document.createElement('a');
  anchor.href = `${url}&download=1`;
  anchor.download = name;
  anchor.rel = 'noopener';
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}
