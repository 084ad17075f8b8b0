/** What is being written in each chat: text, files, an answer to, a change of. Kept until it is sent. */

import { type Signal, signal } from '@preact/signals';
import { type Id, MAX_FILES, type Message, type Outgoing } from 'wechat-sdk';

import { t } from './i18n.js';
import { client, say } from './state.js';

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
/** Films that are being looked at. */
const described = new WeakMap<Outgoing, Promise<void>>();
/** Longer than this a message does not wait for the looks of its films. */
const PATIENCE_MS = 1_500;

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
  if (!more.length) return;
  const now = [...one.value.files, ...more];
  if (now.length > MAX_FILES) say(t('file.most', { n: MAX_FILES }), true);
  // A change of a message takes no files: its text stays, as a new one.
  one.value = { ...one.value, edit: null, files: now.slice(0, MAX_FILES) };
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
  if (works.length) await Promise.race([Promise.all(works), new Promise((done) => setTimeout(done, PATIENCE_MS))]);
}

export function clear(chat: Id): void {
  writing(chat).value = nothing();
}

/** Nothing of it outlives the session. */
client.changes.listen((topics) => {
  if (topics.has('session') && !client.session) all.clear();
});
