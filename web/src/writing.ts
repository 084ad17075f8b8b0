/** What is being written in each chat: text, an answer to, a change of. Kept until it is sent. */

import { type Signal, signal } from '@preact/signals';
import type { Id, Message, Outgoing } from 'wechat-sdk';

export interface Writing {
  body: string;
  reply: Message | null;
  edit: Message | null;
  /** People chosen by `@`, by name. */
  mentions: Map<string, Id>;
  files: readonly Outgoing[];
}

const nothing = (): Writing => ({ body: '', reply: null, edit: null, mentions: new Map(), files: [] });
const all = new Map<Id, Signal<Writing>>();

export function writing(chat: Id): Signal<Writing> {
  const known = all.get(chat) ?? signal(nothing());
  all.set(chat, known);
  return known;
}

/** Moves the focus into the composer; set by it. */
export const composer: { focus: () => void } = { focus: () => undefined };

export function replyTo(row: Message): void {
  const one = writing(row.chat);
  one.value = { ...one.value, reply: row, edit: null };
  composer.focus();
}

export function editRow(row: Message): void {
  const one = writing(row.chat);
  one.value = { ...nothing(), edit: row, body: row.body ?? '' };
  composer.focus();
}

export function addFiles(chat: Id, files: Iterable<File>): void {
  const one = writing(chat);
  const more = [...files].map((file): Outgoing => ({ blob: file, name: file.name || 'file', kind: 'auto' }));
  one.value = { ...one.value, edit: null, files: [...one.value.files, ...more].slice(0, 20) };
  composer.focus();
}

export function clear(chat: Id): void {
  writing(chat).value = nothing();
}

export function forgetWriting(): void {
  all.clear();
}
