/**
 * What is being written in each chat: text, files, an answer to, a change of. Kept until it is
 * sent.
 */

import { type Signal, signal } from '@preact/signals';
import type { Id, Message, Outgoing } from 'wechat-sdk';

import {
  type Writing, beginEdit, beginReply, endEdit, fromSaved, mentionsAfter, nothing, toSaved,
  withFiles,
} from './draft.js';
import { t } from './i18n.js';
import { client, say } from './state.js';

const all = new Map<Id, Signal<Writing>>();
/** Films that are being looked at. */
const described = new WeakMap<Outgoing, Promise<void>>();
/** Longer than this a message does not wait for the looks of its films. */
const PATIENCE_MS = 1_500;

/** Begins with what was written here before the page was closed. */
export function writing(chat: Id): Signal<Writing> {
  const known = all.get(chat);
  if (known) return known;
  const saved = client.drafts.of(chat);
  const made = signal(saved ? fromSaved(saved) : nothing());
  all.set(chat, made);
  made.subscribe((now) => { if (client.session) client.drafts.keep(chat, toSaved(now)); });
  return made;
}

/** Moves the focus into the composer; set by it. */
export const composer: { focus: () => void } = { focus: () => undefined };

export function replyTo(row: Message): void {
  const one = writing(row.chat);
  one.value = beginReply(one.value, row);
  composer.focus();
}

/** Begins with the text that the row shows: one that waits to be sent, or its own. */
export function editRow(row: Message): void {
  const one = writing(row.chat);
  const { body, mentions, mention_all } = client.outbox.changeOf(row) ?? row;
  const shown: Message = {
    ...row, body: body ?? '', mentions: mentions ?? [], mention_all: !!mention_all,
  };
  const names =
    new Map((mentions ?? []).map((id): [string, Id] => [client.user(id)?.name ?? '', id]));
  names.delete('');
  one.value = beginEdit(one.value, shown, shown.body ?? '', names);
  composer.focus();
}

/** Sends the change; what was written before it is back. */
export async function saveEdit(chat: Id, text: string): Promise<void> {
  const one = writing(chat);
  const { edit, mentions } = one.value;
  if (!edit) return;
  const after = mentionsAfter(edit, text, mentions);
  const kept =
    text === edit.body ? null : client.edit(edit, text, after.mentions, after.mention_all);
  one.value = endEdit(one.value);
  await kept;
}

/** Gives up the change or the answer, and keeps the rest of what is written. */
export function dropAbout(chat: Id): void {
  const one = writing(chat);
  one.value = one.value.edit ? endEdit(one.value) : { ...one.value, reply: null };
}

export function addFiles(chat: Id, files: Iterable<File>): void {
  const state = client.store.chats.get(chat);
  if (state && !client.contacts.lets(state, 'send files')) {
    say(t('request.texts_only'), true);
    return;
  }
  const one = writing(chat);
  const more = [...files]
    .map((file): Outgoing => ({ blob: file, name: file.name || 'file', kind: 'auto' }));
  if (!more.length) return;
  const now = [...one.value.files, ...more];
  const most = client.limits?.message_files ?? Infinity;
  if (now.length > most) say(t('file.most', { n: most }), true);
  one.value = withFiles(one.value, now.slice(0, most));
  for (const file of more) if (file.blob.type.startsWith('video/')) describe(one, file);
  composer.focus();
}

function describe(one: Signal<Writing>, file: Outgoing): void {
  const work = import('./poster.js').then((module) => module.describe(file)).catch(() => undefined);
  described.set(file, work);
  void work.then(() => { one.value = { ...one.value, files: [...one.value.files] }; });
}

/** Waits a moment for what is still being found out about the files. */
export async function ready(files: readonly Outgoing[]): Promise<void> {
  const works = files.map((file) => described.get(file)).filter((work) => work !== undefined);
  if (works.length) {
    await Promise.race([Promise.all(works), new Promise((done) => setTimeout(done, PATIENCE_MS))]);
  }
}

export function clear(chat: Id): void {
  writing(chat).value = nothing();
}

/** Nothing of it outlives the session. */
client.changes.listen((topics) => {
  if (topics.has('session') && !client.session) all.clear();
});
