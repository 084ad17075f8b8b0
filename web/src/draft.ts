/**
 * What is being written in a chat, as rules without a page: a draft is put aside while a message is
 * changed and comes back after it; mentions stay while their names are in the text; a text is as
 * long as the bytes that it takes.
 */

import type { Id, Message, Outgoing, SavedDraft, SavedText } from 'wechat-sdk';

export interface Written {
  body: string;
  reply: Message | null;
  /** People chosen by `@`, by name. */
  mentions: Map<string, Id>;
}

export interface Writing extends Written {
  edit: Message | null;
  /** The draft that waits until the change is done. */
  aside: Written | null;
  files: readonly Outgoing[];
}

const empty = (): Written => ({ body: '', reply: null, mentions: new Map() });

export const nothing = (): Writing => ({ ...empty(), edit: null, aside: null, files: [] });

const written = ({ body, reply, mentions }: Written): Written => ({ body, reply, mentions });

/** Begins to change a message; `mentions` are the people in it whose names are known. */
export function beginEdit(
  now: Writing, row: Message, body: string, mentions: Map<string, Id>,
): Writing {
  const aside = now.edit ? now.aside : written(now);
  return { body, reply: null, mentions, edit: row, aside, files: now.files };
}

/** The change is sent or given up: what was written before it is back. */
export function endEdit(now: Writing): Writing {
  return { ...now, ...(now.aside ?? empty()), edit: null, aside: null };
}

/** An answer to a message: the draft becomes it. */
export function beginReply(now: Writing, row: Message): Writing {
  return { ...(now.edit ? endEdit(now) : now), reply: row };
}

/** Files go into a message of their own, never into a change: both texts stay. */
export function withFiles(now: Writing, files: readonly Outgoing[]): Writing {
  if (!now.edit) return { ...now, files };
  const before = now.aside ?? empty();
  const body = [before.body, now.body].filter((text) => text.trim()).join('\n');
  const mentions = new Map([...before.mentions, ...now.mentions]);
  return { body, reply: before.reply, mentions, edit: null, aside: null, files };
}

/** What is kept for the next visit; `null` when nothing is written. */
export function toSaved({ edit, aside, ...now }: Writing): SavedDraft | null {
  const text = (one: Written): SavedText => ({ ...written(one), mentions: [...one.mentions] });
  const isEmpty = !now.body && !now.reply && !edit;
  return isEmpty ? null : { ...text(now), edit, aside: aside && text(aside) };
}

export function fromSaved({ edit, aside, ...now }: SavedDraft): Writing {
  const text = (one: SavedText): Written => ({ ...one, mentions: new Map(one.mentions) });
  return { ...text(now), edit, aside: aside && text(aside), files: [] };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What finds `@` with one of these names, the longest first; `null` without names. */
export function mentionPattern(names: readonly string[]): RegExp | null {
  if (!names.length) return null;
  const longestFirst = [...names].sort((a, b) => b.length - a.length).map(escaped);
  return new RegExp(`@(?:${longestFirst.join('|')})`, 'gu');
}

/** Who of these people is named in the text. */
export function chosenIn(text: string, mentions: ReadonlyMap<string, Id>): Id[] {
  const pattern = mentionPattern([...mentions.keys()]);
  const found = new Set(pattern ? [...text.matchAll(pattern)].map(([name]) => name.slice(1)) : []);
  return [...mentions].filter(([name]) => found.has(name)).map(([, id]) => id);
}

/** The words that mention everybody. */
const ALL = new Map([['all', 'all'], ['todos', 'all']]);

/**
 * Whom a changed message mentions: whoever was chosen and is named in it, and whoever was mentioned
 * before under a name that cannot be told (unknown, or another one since).
 */
export function mentionsAfter(
  old: Pick<Message, 'body' | 'mentions' | 'mention_all'>, text: string,
  chosen: ReadonlyMap<string, Id>,
): { mentions: Id[]; mention_all: boolean } {
  const before = old.body ?? '';
  const told = new Set(chosenIn(before, chosen));
  const untold = (old.mentions ?? []).filter((id) => !told.has(id));
  const mentions = [...new Set([...chosenIn(text, chosen), ...untold])];
  const wasTold = chosenIn(before, ALL).length > 0;
  const mention_all = !!old.mention_all && (!wasTold || chosenIn(text, ALL).length > 0);
  return { mentions, mention_all };
}

/** How many bytes of UTF-8 a text takes. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // Two units of a pair take four bytes; one that stands alone is written as U+FFFD, three bytes.
    const isPair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
    if (isPair) at += 1;
  }
  return bytes;
}

/** How near a text is to the limit: it is said from four fifths on. */
export function room(
  text: string, most: number,
): { bytes: number; isNear: boolean; isOver: boolean } {
  // A unit of text takes at most three bytes.
  const bytes = text.length * 3 < most * 0.8 ? 0 : byteLength(text);
  return { bytes, isNear: bytes > most * 0.8, isOver: bytes > most };
}
