/** What a composer does with what is written: tells that somebody types, sends, obeys keys. */

import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ChatState, Id, Outgoing } from 'wechat-sdk';

import { type Writing, chosenIn, room } from './draft.js';
import { attachmentsOf, bytes } from './files_text.js';
import { t } from './i18n.js';
import { type Mention, useMention } from './mention.js';
import { myId } from './names.js';
import { client, limits, say } from './state.js';
import { useVoice } from './voice.js';
import { clear, composer, dropAbout, editRow, ready, saveEdit, writing } from './writing.js';

const TYPING_EVERY_MS = 3_000;
export const isTouch = matchMedia('(pointer: coarse)').matches;

export interface Composing {
  now: Writing;
  area: RefObject<HTMLTextAreaElement | null>;
  mention: Mention;
  voice: ReturnType<typeof useVoice>;
  /** Whether the emoji are open. */
  emoji: Signal<boolean>;
  limit: ReturnType<typeof room>;
  /** There is nothing to send. */
  isEmpty: boolean;
  set: (change: Partial<Writing>) => void;
  write: (text: string) => void;
  /** Puts a text where the cursor is. */
  insert: (text: string) => void;
  send: () => void;
  onKeyDown: (event: KeyboardEvent) => void;
  onBlur: () => void;
}

export function useComposer(state: ChatState): Composing {
  const all = writing(state.id);
  const now = all.value;
  const { body, edit, files } = now;
  const area = useRef<HTMLTextAreaElement>(null);
  const emoji = useSignal(false);
  const typing = useTyping(state.id);
  const mention = useMention(state, area);
  const voice = useVoice(state.id, (file) => sendVoice(state.id, all.value, file));
  const set = (change: Partial<Writing>): void => { all.value = { ...all.value, ...change }; };
  const limit = room(body.trim(), most());
  // The text beside files may be taken away again.
  const isEmpty = !body.trim() && !files.length && !(edit && attachmentsOf(edit).length);
  useFocus(state.id, area, body);

  const write = (text: string): void => {
    set({ body: text });
    mention.look();
    if (text && !edit) typing.goesOn();
  };
  const send = (): void => {
    if (isEmpty) return;
    if (limit.isOver) return say(tooLong(limit.bytes), true);
    typing.isSent();
    area.current?.focus();
    void (edit ? saveEdit(state.id, body.trim()) : sendText(state.id, all.value));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!mention.onKeyDown(event)) pressed(event, state, now, send);
  };
  const insert = (text: string): void => {
    emoji.value = false;
    const box = area.current;
    const at = box?.selectionStart ?? body.length;
    set({ body: body.slice(0, at) + text + body.slice(box?.selectionEnd ?? at) });
    box?.focus();
  };
  return {
    now, area, mention, voice, emoji, limit, isEmpty, set, write, insert, send, onKeyDown,
    onBlur: typing.ends,
  };
}

/** Tells the others, now and then, that one types. */
function useTyping(chat: Id): { goesOn: () => void; isSent: () => void; ends: () => void } {
  const typed = useRef(0);
  return {
    goesOn: () => {
      if (Date.now() - typed.current < TYPING_EVERY_MS) return;
      typed.current = Date.now();
      client.typing(chat, true);
    },
    isSent: () => { typed.current = 0; },
    ends: () => {
      if (typed.current) client.typing(chat, false);
      typed.current = 0;
    },
  };
}

/** The focus comes with the chat, and the box is as high as its text. */
function useFocus(chat: Id, area: RefObject<HTMLTextAreaElement | null>, body: string): void {
  useEffect(() => {
    composer.focus = () => area.current?.focus();
    if (!isTouch) area.current?.focus();
    return () => { composer.focus = () => undefined; };
  }, [chat]);
  useEffect(() => {
    const box = area.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${box.scrollHeight}px`;
  }, [body]);
}

const answerTo = ({ reply }: Writing): { reply_to?: number } =>
  (reply ? { reply_to: reply.seq } : {});

async function sendText(chat: Id, now: Writing): Promise<void> {
  const body = now.body.trim();
  const files = [...now.files];
  const message = { body, mentions: chosenIn(body, now.mentions), files, ...answerTo(now) };
  // A message is kept before its draft is dropped; one with films waits for their looks first.
  const kept = files.length ? null : client.send(chat, message);
  clear(chat);
  if (!kept) await ready(files);
  await (kept ?? client.send(chat, message));
}

function sendVoice(chat: Id, now: Writing, file: Outgoing): void {
  const answer = answerTo(now);
  clear(chat);
  void client.send(chat, { body: '', files: [file], ...answer });
}

function pressed(event: KeyboardEvent, state: ChatState, now: Writing, send: () => void): void {
  const { body, reply, edit } = now;
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !isTouch) {
    event.preventDefault();
    send();
  } else if (event.key === 'Escape' && (reply || edit)) {
    event.stopPropagation();
    dropAbout(state.id);
  } else if (event.key === 'ArrowUp' && !body && !edit) {
    const mine = state.messages.findLast((row) => row.from === myId() && row.kind === 'text');
    if (!mine) return;
    event.preventDefault();
    editRow(mine);
  }
}

/** How many bytes a text may have; no end to them while the server has not said it. */
export const most = (): number => limits()?.message_bytes ?? Infinity;

export const tooLong = (size: number): string =>
  t('composer.too_long', { n: bytes(size - most()), all: bytes(most()) });
