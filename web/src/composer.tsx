/** Where a message is written: text, emoji, mentions, files, an answer to one, a change of one. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { MAX_BODY_BYTES } from 'wechat-sdk';
import type { ChatState, GroupMember, Id, MemberPage, Message, Outgoing } from 'wechat-sdk';

import { fold } from './chats.js';
import { type Writing, chosenIn, room } from './draft.js';
import { EmojiPicker } from './emoji.js';
import { attachmentsOf, bytes } from './files_text.js';
import { t } from './i18n.js';
import { myId, preview } from './names.js';
import { client, say } from './state.js';
import { Avatar, Dialog, Icon, IconButton } from './ui.js';
import { Recording, recording, useVoice } from './voice.js';
import { Tray } from './waiting.js';
import { addFiles, clear, composer, dropAbout, editRow, ready, saveEdit, writing } from './writing.js';

const TYPING_EVERY_MS = 3_000;
const isTouch = matchMedia('(pointer: coarse)').matches;

export function Composer({ state }: { state: ChatState }): JSX.Element {
  const now = writing(state.id);
  const { body, reply, edit, files } = now.value;
  const area = useRef<HTMLTextAreaElement>(null);
  const emoji = useSignal(false);
  const typed = useRef(0);
  const mention = useMention(state, area);
  const set = (change: Partial<Writing>): void => { now.value = { ...now.value, ...change }; };

  useEffect(() => {
    composer.focus = () => area.current?.focus();
    if (!isTouch) area.current?.focus();
    return () => { composer.focus = () => undefined; };
  }, [state.id]);
  useEffect(() => { if (area.current) fit(area.current); }, [body]);

  const write = (text: string): void => {
    set({ body: text });
    mention.look();
    if (!text || edit || Date.now() - typed.current < TYPING_EVERY_MS) return;
    typed.current = Date.now();
    client.typing(state.id, true);
  };
  const send = async (): Promise<void> => {
    const text = body.trim();
    if (isEmpty) return;
    if (limit.isOver) return say(tooLong(limit.bytes), true);
    typed.current = 0;
    area.current?.focus();
    if (edit) return saveEdit(state.id, text);
    const answer = reply ? { reply_to: reply.seq } : {};
    const message = { body: text, mentions: chosenIn(text, now.value.mentions), files: [...files], ...answer };
    // A message is kept before its draft is dropped; one with films waits for their looks first.
    const kept = files.length ? null : client.send(state.id, message);
    clear(state.id);
    if (!kept) await ready(files);
    await (kept ?? client.send(state.id, message));
  };
  const limit = room(body.trim(), MAX_BODY_BYTES);
  // The text beside files may be taken away again.
  const isEmpty = !body.trim() && !files.length && !(edit && attachmentsOf(edit).length);
  const isRecording = recording.value?.chat === state.id;
  const voice = useVoice(state.id, (file: Outgoing) => {
    const answer = reply ? { reply_to: reply.seq } : {};
    clear(state.id);
    void client.send(state.id, { body: '', files: [file], ...answer });
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (mention.onKeyDown(event)) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !isTouch) {
      event.preventDefault();
      void send();
    } else if (event.key === 'Escape' && (reply || edit)) {
      event.stopPropagation();
      dropAbout(state.id);
    } else if (event.key === 'ArrowUp' && !body && !edit) {
      const mine = state.messages.findLast((row) => row.from === myId() && row.kind === 'text');
      if (mine) {
        event.preventDefault();
        editRow(mine);
      }
    }
  };
  const insert = (text: string): void => {
    emoji.value = false;
    const box = area.current;
    const at = box?.selectionStart ?? body.length;
    set({ body: body.slice(0, at) + text + body.slice(box?.selectionEnd ?? at) });
    box?.focus();
  };

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); void send(); }}>
      {mention.list}
      {(reply ?? edit) && (
        <About row={(reply ?? edit) as Message} isEdit={!!edit} onClose={() => dropAbout(state.id)} />
      )}
      {files.length > 0 && (
        <div class="about-files">
          <Tray files={files} onRemove={(file) => set({ files: files.filter((one) => one !== file) })} />
        </div>
      )}
      {limit.isNear && <Limit {...limit} />}
      <div class="composer-row">
        {isRecording ? <Recording /> : <Tools chat={state.id} onEmoji={() => { emoji.value = true; }} />}
        <textarea hidden={isRecording} ref={area} rows={1} dir="auto" value={body}
          placeholder={t('composer.hint')} aria-label={t('composer.hint')}
          enterkeyhint={isTouch ? 'enter' : 'send'}
          onInput={(event) => write(event.currentTarget.value)} onKeyDown={onKeyDown}
          onPaste={(event) => {
            const pasted = filesIn(event.clipboardData);
            if (!pasted.length) return;
            event.preventDefault();
            addFiles(state.id, pasted);
          }}
          onBlur={() => { if (typed.current) client.typing(state.id, false); typed.current = 0; }} />
        <SendButton isEmpty={isEmpty} isEdit={!!edit} isRecording={isRecording} voice={voice} />
      </div>
      {emoji.value && (
        <Dialog title={t('emoji')} onClose={() => { emoji.value = false; }} class="emoji-dialog">
          <EmojiPicker onPick={insert} />
        </Dialog>
      )}
    </form>
  );
}

interface SendButtonProps {
  isEmpty: boolean;
  isEdit: boolean;
  isRecording: boolean;
  voice: ReturnType<typeof useVoice>;
}

/** One button, whatever it does at the moment, so that finger and focus stay on it. */
function SendButton({ isEmpty, isEdit, isRecording, voice }: SendButtonProps): JSX.Element {
  const isMic = isEmpty && !isEdit && !isRecording;
  const isVoice = isMic || isRecording;
  const label = t(isMic ? 'file.record' : isEdit ? 'save' : 'send');
  return (
    <button type={isVoice ? 'button' : 'submit'} class={`icon-button ${isMic ? 'mic' : 'send'}`} title={label}
      aria-label={label} disabled={isEmpty && !isVoice}
      onClick={isVoice ? voice.onClick : undefined}
      onContextMenu={isVoice ? (event) => event.preventDefault() : undefined}
      onPointerDown={(event) => {
        if (isVoice) voice.onPointerDown(event);
        else event.preventDefault();
      }}>
      <Icon name={isMic ? 'mic' : isEdit ? 'check' : 'send'} />
    </button>
  );
}

/** What stands before the text: emoji, files. */
function Tools({ chat, onEmoji }: { chat: Id; onEmoji: () => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton icon="smile" label={t('emoji')} onClick={onEmoji} />
      <IconButton icon="paperclip" label={t('file.attach')} onClick={() => input.current?.click()} />
      <input ref={input} type="file" multiple hidden aria-label={t('file.attach')}
        onChange={(event) => {
          addFiles(chat, event.currentTarget.files ?? []);
          event.currentTarget.value = '';
        }} />
    </>
  );
}

/** Files that are pasted. A text processor puts a picture of the text beside it: the text is meant. */
function filesIn(data: DataTransfer | null): File[] {
  const isText = data?.types.includes('text/plain') && data.types.includes('text/html');
  return isText ? [] : [...data?.files ?? []];
}

function fit(area: HTMLTextAreaElement): void {
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight}px`;
}

const tooLong = (size: number): string =>
  t('composer.too_long', { n: bytes(size - MAX_BODY_BYTES), all: bytes(MAX_BODY_BYTES) });

/** How much more fits, or what to do with what does not. */
function Limit({ bytes: size, isOver }: { bytes: number; isOver: boolean }): JSX.Element {
  return (
    <p class={`composer-limit ${isOver ? 'over' : ''}`} role="status">
      {isOver ? tooLong(size) : t('composer.room', { n: bytes(MAX_BODY_BYTES - size) })}
    </p>
  );
}

function About({ row, isEdit, onClose }: {
  row: Message; isEdit: boolean; onClose: () => void;
}): JSX.Element {
  return (
    <div class="about">
      <Icon name={isEdit ? 'pencil' : 'reply'} />
      <span class="about-text">
        <span class="about-head" dir="auto">
          {isEdit ? t('edit') : t('replying', { name: row.from === myId() ? t('you') : row.from_name })}
        </span>
        <span class="about-body" dir="auto">{preview(row)}</span>
      </span>
      <IconButton icon="x" label={t('cancel')} onClick={onClose} />
    </div>
  );
}

interface Mention {
  list: JSX.Element | null;
  look: () => void;
  /** Whether the key was meant for the list. */
  onKeyDown: (event: KeyboardEvent) => boolean;
}

/** The list of members that opens behind an `@` in a group. */
function useMention(state: ChatState, area: { current: HTMLTextAreaElement | null }): Mention {
  const query = useSignal<string | null>(null);
  const people = useSignal<GroupMember[]>([]);
  const chosen = useSignal(0);
  const isGroup = state.chat.kind === 'group';
  const look = (): void => {
    const box = area.current;
    const before = box?.value.slice(0, box.selectionStart) ?? '';
    const found = isGroup ? /(?:^|\s)@([^\s@]{0,30})$/u.exec(before) : null;
    query.value = found ? found[1] ?? '' : null;
    chosen.value = 0;
    if (found && !people.value.length) {
      void client.rest.get<MemberPage>(`/groups/${state.id}/members`, { limit: 100 }).then(
        (page) => { people.value = page.members.filter(({ user }) => user.id !== myId()); },
        () => undefined,
      );
    }
  };
  const shown = query.value === null ? [] : people.value
    .filter(({ user }) => fold(user.name).includes(fold(query.value ?? ''))).slice(0, 6);
  const pick = (member: GroupMember): void => {
    const box = area.current;
    if (!box) return;
    const end = box.selectionStart;
    const begin = box.value.lastIndexOf('@', end - 1);
    const { name, id } = member.user;
    const now = writing(state.id);
    const body = `${box.value.slice(0, begin)}@${name} ${box.value.slice(end)}`;
    now.value = { ...now.value, body, mentions: new Map(now.value.mentions).set(name, id) };
    query.value = null;
    box.focus();
  };
  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (!shown.length) return false;
    if (event.key === 'ArrowDown') chosen.value = (chosen.value + 1) % shown.length;
    else if (event.key === 'ArrowUp') chosen.value = (chosen.value + shown.length - 1) % shown.length;
    else if (event.key === 'Escape') query.value = null;
    else if (event.key === 'Enter' || event.key === 'Tab') pick(shown[chosen.value] as GroupMember);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const list = shown.length ? (
    <ul class="mention-list" role="listbox" aria-label={t('mention')}>
      {shown.map((member, at) => (
        <li key={member.user.id} role="option" aria-selected={at === chosen.value}
          onPointerDown={(event) => { event.preventDefault(); pick(member); }}>
          <Avatar id={member.user.id} name={member.user.name} size="s" />
          <span dir="auto">{member.user.name}</span>
        </li>
      ))}
    </ul>
  ) : null;
  return { list, look, onKeyDown };
}
