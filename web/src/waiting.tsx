/** Files before they are sent: in the composer, and in a message on its way. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Outgoing, Unsent } from 'wechat-sdk';

import { FileIcon } from './files.js';
import { bytes, guessed } from './files_text.js';
import { duration } from './format.js';
import { t } from './i18n.js';
import { client, watch } from './state.js';
import { Icon, IconButton } from './ui.js';

/** What browsers show; all else is a name. */
const SHOWN = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;

/** The address of what a file looks like; empty when it looks like nothing. */
function useLooks(file: Outgoing): string {
  const url = useSignal('');
  const looks =
    file.poster ?? (SHOWN.test(file.blob.type) && file.kind === 'auto' ? file.blob : null);
  useEffect(() => {
    if (!looks) {
      url.value = '';
      return undefined;
    }
    const made = URL.createObjectURL(looks);
    url.value = made;
    return () => URL.revokeObjectURL(made);
  }, [looks]);
  return url.value;
}

/** The files that a message is to have, each with a way to take it out. */
export function Tray({ files, onRemove }: {
  files: readonly Outgoing[]; onRemove: (file: Outgoing) => void;
}): JSX.Element {
  return (
    <ul class="tray" aria-label={t('file.chosen')}>
      {files.map((file, at) => <TrayFile key={at} file={file} onRemove={() => onRemove(file)} />)}
    </ul>
  );
}

function TrayFile({ file, onRemove }: { file: Outgoing; onRemove: () => void }): JSX.Element {
  const url = useLooks(file);
  return (
    <li title={file.name} class={url ? 'tray-picture' : ''}>
      {url ? <img src={url} alt={file.name} /> : <Named file={file} />}
      {url && file.poster && <span class="film-play"><Icon name="play" /></span>}
      <IconButton icon="x" label={t('file.remove', { name: file.name })} onClick={onRemove} />
    </li>
  );
}

function Named({ file }: { file: Outgoing }): JSX.Element {
  const { kind, duration_ms } = guessed(file);
  const isVoice = kind === 'voice';
  return (
    <span class="file">
      {isVoice ? <span class="file-icon"><Icon name="mic" /></span> : <FileIcon name={file.name} />}
      <span class="file-text">
        <span class="file-name" dir="auto">{isVoice ? t('file.voice') : file.name}</span>
        <small>
          {isVoice && duration_ms ? duration(duration_ms / 1000) : bytes(file.blob.size)}
        </small>
      </span>
    </span>
  );
}

/** The files of a message on its way. */
export function Leaving({ item, failed }: { item: Unsent; failed: boolean }): JSX.Element {
  const files = item.files ?? [];
  const [one] = files;
  return (
    <>
      {files.length === 1 && one ? <LeavingFile file={one} /> : (
        <ul class="tray">
          {files.map((file, at) => <li key={at}><LeavingFile file={file} /></li>)}
        </ul>
      )}
      {!failed && <Progress item={item} />}
    </>
  );
}

function LeavingFile({ file }: { file: Outgoing }): JSX.Element {
  const url = useLooks(file);
  return url ? <img class="leaving" src={url} alt={file.name} /> : <Named file={file} />;
}

function Progress({ item }: { item: Unsent }): JSX.Element {
  watch(`rows:${item.chat}`, 'connection');
  const part = client.outbox.progress.get(item.client_msg_id) ?? 0;
  const total = (item.files ?? []).reduce((sum, { blob }) => sum + blob.size, 0);
  const isMoving = client.isSynced;
  return (
    <div class="leaving-foot">
      <progress max={1} value={part} aria-label={t('file.sending')} />
      <small>
        {isMoving
          ? t('file.of', { part: bytes(part * total), total: bytes(total) })
          : t('file.waits')}
      </small>
      <IconButton icon="x" label={t('file.cancel')}
        onClick={() => client.outbox.discard(item.client_msg_id)} />
    </div>
  );
}
