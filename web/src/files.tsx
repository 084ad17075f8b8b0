/** Files in messages: pictures, films, sounds, all else; and a picture in full. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Attachment, Message, Outgoing } from 'wechat-sdk';

import { duration } from './format.js';
import { attachmentsOf, bytes } from './files_text.js';
import { t } from './i18n.js';
import { usePicture } from './pictures.js';
import { attempt, client } from './state.js';
import { Icon, IconButton, Spinner } from './ui.js';

export function Attachments({ row }: { row: Message }): JSX.Element | null {
  const all = attachmentsOf(row);
  if (!all.length) return null;
  const pictures = all.filter(({ kind }) => kind === 'image' || kind === 'video');
  const others = all.filter(({ kind }) => kind !== 'image' && kind !== 'video');
  return (
    <>
      {pictures.length > 0 && (
        <div class={`pictures ${pictures.length > 1 ? 'many' : ''}`}>
          {pictures.map((one) => one.kind === 'video'
            ? <Film key={one.id} file={one} />
            : <Picture key={one.id} file={one} alone={pictures.length === 1} />)}
        </div>
      )}
      {others.map((one) => one.kind === 'document'
        ? <Document key={one.id} file={one} />
        : <Sound key={one.id} file={one} />)}
    </>
  );
}

/** Room for a picture before it is there, so that nothing moves when it comes. */
function room(file: Attachment): { width: string; aspectRatio: string } {
  const [width, height] = [file.width || 320, file.height || 240];
  const scale = Math.min(1, 320 / width, 380 / height);
  return { width: `${Math.max(120, Math.round(width * scale))}px`, aspectRatio: `${width} / ${height}` };
}

function Picture({ file, alone }: { file: Attachment; alone: boolean }): JSX.Element {
  const isOpen = useSignal(false);
  const url = usePicture((alone ? file.large_url : file.small_url) ?? file.url);
  return (
    <>
      <button type="button" class="picture" style={alone ? room(file) : undefined}
        aria-label={t('file.open', { name: file.name })} onClick={() => { isOpen.value = true; }}>
        {url ? <img src={url} alt="" decoding="async" /> : <span class="picture-wait" />}
      </button>
      {isOpen.value && <Full file={file} onClose={() => { isOpen.value = false; }} />}
    </>
  );
}

function Full({ file, onClose }: { file: Attachment; onClose: () => void }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const url = usePicture(file.animated ? file.url : file.large_url ?? file.url);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} class="full" aria-label={file.name} onCancel={(event) => { event.preventDefault(); onClose(); }}
      onClick={(event) => { if (!(event.target as Element).closest('button, img')) onClose(); }}>
      <header>
        <span class="grow" dir="auto">{file.name}</span>
        <IconButton icon="download" label={t('file.save')} onClick={() => void save(file)} />
        <IconButton icon="x" label={t('close')} onClick={onClose} />
      </header>
      {url ? <img src={url} alt={file.name} /> : <Spinner />}
    </dialog>
  );
}

function Film({ file }: { file: Attachment }): JSX.Element {
  const link = useSignal('');
  const poster = usePicture(file.small_url);
  const play = async (): Promise<void> => {
    link.value = await attempt(client.files.link(file.id)) ?? '';
  };
  if (link.value) {
    return <video class="picture" style={room(file)} src={link.value} controls autoplay playsInline />;
  }
  return (
    <button type="button" class="picture film" style={room(file)} onClick={() => void play()}>
      <span class="hidden">{t('file.play', { name: file.name })} </span>
      {poster ? <img src={poster} alt="" /> : <span class="picture-wait" />}
      <span class="film-play"><Icon name="play" /></span>
      <span class="film-time">{file.duration_ms ? duration(file.duration_ms / 1000) : bytes(file.size)}</span>
    </button>
  );
}

function Sound({ file }: { file: Attachment }): JSX.Element {
  const link = useSignal('');
  const play = async (): Promise<void> => {
    link.value = await attempt(client.files.link(file.id)) ?? '';
  };
  if (link.value) return <audio class="sound" src={link.value} controls autoplay />;
  return (
    <button type="button" class="file" onClick={() => void play()}>
      <span class="hidden">{t('file.play', { name: '' })}</span>
      <span class="file-icon"><Icon name="play" /></span>
      <span class="file-text">
        <span class="chat-name" dir="auto">{file.kind === 'voice' ? t('file.voice') : file.name}</span>
        <small>{file.duration_ms ? duration(file.duration_ms / 1000) : bytes(file.size)}</small>
      </span>
    </button>
  );
}

function Document({ file }: { file: Attachment }): JSX.Element {
  return (
    <button type="button" class="file" onClick={() => void save(file)}>
      <span class="hidden">{t('file.save')} </span>
      <span class="file-icon"><Icon name="file-text" /></span>
      <span class="file-text">
        <span class="chat-name" dir="auto">{file.name}</span>
        <small>{bytes(file.size)}</small>
      </span>
    </button>
  );
}

async function save(file: Attachment): Promise<void> {
  const url = await attempt(client.files.link(file.id));
  if (!url) return;
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = file.name;
  anchor.rel = 'noopener';
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** Files that wait to be sent, in the composer or in a message on its way. */
export function Waiting({ files, onRemove }: {
  files: readonly Outgoing[]; onRemove?: (file: Outgoing) => void;
}): JSX.Element {
  return (
    <ul class="waiting-files">
      {files.map((file) => <WaitingFile key={`${file.name} ${file.blob.size}`} file={file} {...(onRemove ? { onRemove } : {})} />)}
    </ul>
  );
}

function WaitingFile({ file, onRemove }: { file: Outgoing; onRemove?: (file: Outgoing) => void }): JSX.Element {
  const url = useSignal('');
  useEffect(() => {
    if (!/^image\/(png|jpeg|gif|webp|avif)$/.test(file.blob.type)) return undefined;
    const made = URL.createObjectURL(file.blob);
    url.value = made;
    return () => URL.revokeObjectURL(made);
  }, [file]);
  const name = file.kind === 'voice' ? t('file.voice') : file.name;
  return (
    <li class={url.value ? 'waiting-picture' : 'waiting-file'}>
      {url.value
        ? <img src={url.value} alt={file.name} />
        : <><Icon name={file.kind === 'voice' ? 'mic' : 'file-text'} /><span class="file-text"><span class="chat-name" dir="auto">{name}</span><small>{bytes(file.blob.size)}</small></span></>}
      {onRemove && <IconButton icon="x" label={t('remove')} onClick={() => onRemove(file)} />}
    </li>
  );
}
