/** Where a message is written: text, emoji, mentions, files, an answer to one, a change of one. */

import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { ChatState, Id, Message } from 'wechat-sdk';

import { EmojiPicker } from './emoji.js';
import { bytes } from './files_text.js';
import { t } from './i18n.js';
import { myId, preview } from './names.js';
import { client, recording, watch } from './state.js';
import { Dialog, Icon, IconButton } from './ui.js';
import { type Composing, isTouch, most, tooLong, useComposer } from './use_composer.js';
import { Recording } from './voice.js';
import { Tray } from './waiting.js';
import { addFiles, dropAbout } from './writing.js';

export function Composer({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`, 'session');
  const composing = useComposer(state);
  const hasFiles = client.contacts.lets(state, 'send files');
  const { now: { reply, edit, files }, emoji, limit, mention, set } = composing;
  const isRecording = recording.value?.chat === state.id;
  const about = reply ?? edit;
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); composing.send(); }}>
      {mention.list}
      {about && <About row={about} isEdit={!!edit} onClose={() => dropAbout(state.id)} />}
      {files.length > 0 && (
        <div class="about-files">
          <Tray files={files}
            onRemove={(file) => set({ files: files.filter((one) => one !== file) })} />
        </div>
      )}
      {limit.isNear && <Limit {...limit} />}
      <div class="composer-row">
        {isRecording
          ? <Recording />
          : <Tools chat={state.id} hasFiles={hasFiles} onEmoji={() => { emoji.value = true; }} />}
        <Area chat={state.id} composing={composing} isHidden={isRecording} />
        <SendButton isEmpty={composing.isEmpty} isEdit={!!edit} isRecording={isRecording}
          hasVoice={hasFiles} voice={composing.voice} />
      </div>
      {emoji.value && (
        <Dialog title={t('emoji')} onClose={() => { emoji.value = false; }} class="emoji-dialog">
          <EmojiPicker onPick={composing.insert} />
        </Dialog>
      )}
    </form>
  );
}

interface AreaProps {
  chat: Id;
  composing: Composing;
  isHidden: boolean;
}

/** The box for the text; files may be pasted into it. */
function Area({ chat, composing, isHidden }: AreaProps): JSX.Element {
  return (
    <textarea hidden={isHidden} ref={composing.area} rows={1} dir="auto" value={composing.now.body}
      placeholder={t('composer.hint')} aria-label={t('composer.hint')}
      enterkeyhint={isTouch ? 'enter' : 'send'}
      onInput={(event) => composing.write(event.currentTarget.value)}
      onKeyDown={composing.onKeyDown} onBlur={composing.onBlur}
      onPaste={(event) => {
        const pasted = filesIn(event.clipboardData);
        if (!pasted.length) return;
        event.preventDefault();
        addFiles(chat, pasted);
      }} />
  );
}

interface SendButtonProps {
  isEmpty: boolean;
  isEdit: boolean;
  isRecording: boolean;
  /** A voice message may be sent. */
  hasVoice: boolean;
  voice: Composing['voice'];
}

/** One button, whatever it does at the moment, so that finger and focus stay on it. */
function SendButton(
  { isEmpty, isEdit, isRecording, hasVoice, voice }: SendButtonProps,
): JSX.Element {
  const isMic = isEmpty && !isEdit && !isRecording && hasVoice;
  const isVoice = isMic || isRecording;
  const label = t(isMic ? 'file.record' : isEdit ? 'save' : 'send');
  return (
    <button type={isVoice ? 'button' : 'submit'} class={`icon-button ${isMic ? 'mic' : 'send'}`}
      title={label} aria-label={label} disabled={isEmpty && !isVoice}
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
function Tools({ chat, hasFiles, onEmoji }: {
  chat: Id; hasFiles: boolean; onEmoji: () => void;
}): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton icon="smile" label={t('emoji')} onClick={onEmoji} />
      {hasFiles && (
        <IconButton icon="paperclip" label={t('file.attach')}
          onClick={() => input.current?.click()} />
      )}
      <input ref={input} type="file" multiple hidden aria-label={t('file.attach')}
        onChange={(event) => {
          addFiles(chat, event.currentTarget.files ?? []);
          event.currentTarget.value = '';
        }} />
    </>
  );
}

/**
 * Files that are pasted. A text processor puts a picture of the text beside it: the text is meant.
 */
function filesIn(data: DataTransfer | null): File[] {
  const isText = data?.types.includes('text/plain') && data.types.includes('text/html');
  return isText ? [] : [...data?.files ?? []];
}

/** How much more fits, or what to do with what does not. */
function Limit({ bytes: size, isOver }: { bytes: number; isOver: boolean }): JSX.Element {
  return (
    <p class={`composer-limit ${isOver ? 'over' : ''}`} role="status">
      {isOver ? tooLong(size) : t('composer.room', { n: bytes(most() - size) })}
    </p>
  );
}

function About({ row, isEdit, onClose }: {
  row: Message; isEdit: boolean; onClose: () => void;
}): JSX.Element {
  const name = row.from === myId() ? t('you') : row.from_name;
  return (
    <div class="about">
      <Icon name={isEdit ? 'pencil' : 'reply'} />
      <span class="about-text">
        <span class="about-head" dir="auto">
          {isEdit ? t('edit') : t('replying', { name })}
        </span>
        <span class="about-body" dir="auto">{preview(row)}</span>
      </span>
      <IconButton icon="x" label={t('cancel')} onClick={onClose} />
    </div>
  );
}
