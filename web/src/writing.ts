/** What is being written in each chat: text, an answer to, a change of. Kept until it is sent. */

import { type Signal, signal } from '@preact/signals';
import type { Id, Message } from 'wechat-sdk';

export interface Writing {
  body: string;
  reply: Message | null;
  edit: Message | null;
  /** People chosen by `@`, by name. */
  mentions: Map<string, Id>;
}

const nothing = (): Writing => ({ body: '', reply: null, edit: null, mentions: new Map() });
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

export function clear(chat: Id): void {
  writing(chat).value = nothing();
}

export function forgetWriting(): void {
  all.clear();
}
