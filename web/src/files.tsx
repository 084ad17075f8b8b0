/** Files in messages: pictures and films in a grid, sounds, all else with its name. */

import { useSignal } from '@preact/signals';
import type { CSSProperties, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Attachment, ChatState, Message } from 'wechat-sdk';

import { attachmentsOf, bytes } from './files_text.js';
import { duration } from './format.js';
import { t } from './i18n.js';
import { usePicture } from './pictures.js';
import { Sound } from './player.js';
import { attempt, client } from './state.js';
import { Icon } from './ui.js';
import { save, view } from './viewing.js';

/** More pictures than these are behind the last of them. */
const TILES = 4;
/** Pictures that move are fetched in full up to this size. */
const LIVELY = 8_000_000;
const isCalm = matchMedia('(prefers-reduced-motion: reduce)');

export const isPictured = ({ kind }: Pick<Attachment, 'kind'>): boolean =>
  kind === 'image' || kind === 'video';

export function Attachments(
  { row, state }: { row: Message; state: ChatState },
): JSX.Element | null {
  const all = attachmentsOf(row);
  if (!all.length) return null;
  const pictures = all.filter(isPictured);
  const [one] = pictures;
  return (
    <>
      {pictures.length > 1 && <Grid files={pictures} state={state} />}
      {pictures.length === 1 && one && (
        <div class="pictures">
          {one.kind === 'video' ? <Film file={one} /> : <Picture file={one} state={state} alone />}
        </div>
      )}
      {all.filter((file) => !isPictured(file)).map((file) => file.kind === 'document'
        ? <Document key={file.id} file={file} />
        : <Sound key={file.id} file={file} />)}
    </>
  );
}

function Grid({ files, state }: { files: readonly Attachment[]; state: ChatState }): JSX.Element {
  const more = files.length > TILES ? files.length - TILES : 0;
  return (
    <div class="pictures many">
      {files.slice(0, TILES).map((file, at) => (
        <Picture key={file.id} file={file} state={state} more={at === TILES - 1 ? more : 0} />
      ))}
    </div>
  );
}

/** Room for a picture before it is there, so that nothing moves when it comes. */
function room(file: Attachment): { width: string; aspectRatio: string } {
  const [width, height] = [file.width || 320, file.height || 240];
  const ratio = Math.min(3, Math.max(0.5, width / height));
  const wide = Math.min(width, 320, 380 * ratio);
  return { width: `${Math.max(140, Math.round(wide))}px`, aspectRatio: `${ratio}` };
}

interface PictureProps {
  file: Attachment;
  state: ChatState;
  alone?: boolean;
  /** So many more are behind it. */
  more?: number;
}

function Picture({ file, state, alone = false, more = 0 }: PictureProps): JSX.Element {
  const { kind, name, url, small_url, large_url, animated, size } = file;
  const moves = animated && alone && size < LIVELY && !isCalm.matches;
  const best = alone || !small_url ? large_url ?? url : small_url;
  const source = usePicture(moves ? url : kind === 'video' ? small_url : best);
  const label = t(kind === 'video' ? 'file.play' : 'file.open', { name });
  return (
    <button type="button" class="picture" style={alone ? room(file) : undefined}
      onClick={() => view(state, file.id)}>
      <span class="hidden">{label} </span>
      <Placeholder hash={file.thumbhash} />
      {source && <img src={source} alt="" decoding="async" />}
      {kind === 'video' && !small_url && <FirstFrame file={file} />}
      {source === '' && (
        <span class="picture-gone"><Icon name="image-off" label={t('file.gone')} /></span>
      )}
      {kind === 'video' && !more && <FilmMarks file={file} />}
      {animated && !moves && <span class="film-time">GIF</span>}
      {more > 0 && <span class="picture-more">+{more}</span>}
    </button>
  );
}

/** What a picture is like until it is there. */
function Placeholder({ hash }: { hash?: string | null | undefined }): JSX.Element | null {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!hash) return;
    void import('./thumbhash.js').then(({ paint }) => {
      if (ref.current) paint(ref.current, hash);
    }, () => undefined);
  }, [hash]);
  return hash ? <canvas ref={ref} width={1} height={1} aria-hidden="true" /> : null;
}

/**
 * A film that came without a picture of itself: the browser fetches just enough of it to draw one.
 */
function FirstFrame({ file }: { file: Attachment }): JSX.Element | null {
  const link = useSignal('');
  useEffect(() => {
    client.files.link(file.id).then((url) => { link.value = `${url}#t=0.3`; }, () => undefined);
  }, [file.id]);
  if (!link.value) return null;
  return (
    <video src={link.value} preload="metadata" muted playsInline tabIndex={-1} aria-hidden="true"
      disablePictureInPicture />
  );
}

function FilmMarks({ file }: { file: Attachment }): JSX.Element {
  return (
    <>
      <span class="film-play"><Icon name="play" /></span>
      <span class="film-time">
        {file.duration_ms ? duration(file.duration_ms / 1000) : bytes(file.size)}
      </span>
    </>
  );
}

function Film({ file }: { file: Attachment }): JSX.Element {
  const isOpen = useSignal(false);
  const poster = usePicture(file.large_url ?? file.small_url);
  if (isOpen.value) {
    return (
      <PlayFilm file={file} class="picture" style={room(file)} {...(poster ? { poster } : {})} />
    );
  }
  return (
    <button type="button" class="picture" style={room(file)}
      onClick={() => { isOpen.value = true; }}>
      <span class="hidden">{t('file.play', { name: file.name })} </span>
      <Placeholder hash={file.thumbhash} />
      {poster && <img src={poster} alt="" decoding="async" />}
      {!file.small_url && <FirstFrame file={file} />}
      <FilmMarks file={file} />
    </button>
  );
}

interface PlayFilmProps {
  file: Pick<Attachment, 'id' | 'name'>;
  class?: string;
  style?: CSSProperties;
  poster?: string;
}

/** Plays by a link that ends after some minutes; a new one takes its place then. */
export function PlayFilm({ file, class: name, style, poster }: PlayFilmProps): JSX.Element {
  const ref = useRef<HTMLVideoElement>(null);
  const link = useSignal('');
  const isBad = useSignal(false);
  const get = async (): Promise<void> => {
    const now = link.peek();
    const at = ref.current?.currentTime ?? 0;
    const next = await attempt(client.files.link(file.id));
    // With the same link it failed for another reason: a film that this browser cannot play.
    if (!next || next === now) isBad.value = true;
    else {
      link.value = next;
      if (ref.current && at) ref.current.currentTime = at;
    }
  };
  useEffect(() => { void get(); }, [file.id]);
  if (isBad.value) {
    return (
      <span class={`${name} film-bad`} style={style}>
        <span>{t('file.unplayable')}</span>
        <button type="button" class="button small" onClick={() => void save(file)}>
          {t('file.save')}
        </button>
      </span>
    );
  }
  return (
    <video ref={ref} class={name} style={style} src={link.value || undefined} poster={poster}
      controls autoplay
      playsInline aria-label={file.name} onError={() => { if (link.peek()) void get(); }} />
  );
}

function Document({ file }: { file: Attachment }): JSX.Element {
  return (
    <button type="button" class="file" onClick={() => void save(file)} title={file.name}>
      <span class="hidden">{t('file.save')} </span>
      <FileIcon name={file.name} />
      <span class="file-text">
        <span class="file-name" dir="auto">{file.name}</span>
        <small>{bytes(file.size)}</small>
      </span>
    </button>
  );
}

/** The ending of a name says at a glance what it is. */
export function FileIcon({ name }: { name: string }): JSX.Element {
  const ending = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1];
  return (
    <span class="file-icon" aria-hidden="true">
      {ending ? <b>{ending.toUpperCase()}</b> : <Icon name="file-text" />}
    </span>
  );
}
