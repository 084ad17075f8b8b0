/** Sounds and voice messages: one plays at a time, with seeking and speed. */

import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Attachment, Id } from 'wechat-sdk';

import { bytes } from './files_text.js';
import { duration } from './format.js';
import { lang, t } from './i18n.js';
import { attempt, client } from './state.js';
import { Icon } from './ui.js';

/** What plays or stands still in the middle. It outlives its row, which goes when scrolled away. */
const current = signal<{ id: Id; audio: HTMLAudioElement } | null>(null);
const position = signal(0);
const isOn = signal(false);
/** Seconds, once the sound itself says it. */
const length = signal(0);
const speed = signal(1);

const SPEEDS = [1, 1.5, 2];
/** Sounds up to this size are fetched whole: those of a recorder cannot be sought in otherwise. */
const WHOLE = 8_000_000;

/** Nothing plays on when the chat is left. */
export function stopSound(): void {
  current.peek()?.audio.pause();
  current.value = null;
  isOn.value = false;
}

async function start(file: Attachment, from: number): Promise<void> {
  stopSound();
  const audio = new Audio();
  current.value = { id: file.id, audio };
  position.value = from;
  length.value = 0;
  const url =
    await attempt(file.size < WHOLE ? client.files.picture(file.url) : client.files.link(file.id));
  if (current.peek()?.audio !== audio) return;
  if (!url) return stopSound();
  audio.src = url;
  audio.playbackRate = speed.peek();
  const isHere = (): boolean => current.peek()?.audio === audio;
  audio.ontimeupdate = () => { if (isHere()) position.value = audio.currentTime; };
  audio.ondurationchange = () => {
    if (isHere() && Number.isFinite(audio.duration)) length.value = audio.duration;
  };
  audio.onplay = audio.onpause = () => { if (isHere()) isOn.value = !audio.paused; };
  audio.onended = () => {
    position.value = 0;
    stopSound();
  };
  audio.currentTime = from;
  await attempt(audio.play());
}

function toggle(file: Attachment): void {
  const now = current.peek();
  if (now?.id !== file.id) void start(file, 0);
  else if (now.audio.paused) void attempt(now.audio.play());
  else now.audio.pause();
}

function seek(file: Attachment, to: number): void {
  const now = current.peek();
  if (now?.id !== file.id) return void start(file, to);
  position.value = to;
  now.audio.currentTime = to;
}

function faster(): void {
  speed.value = SPEEDS[(SPEEDS.indexOf(speed.peek()) + 1) % SPEEDS.length] ?? 1;
  const now = current.peek();
  if (now) now.audio.playbackRate = speed.peek();
}

export function Sound({ file }: { file: Attachment }): JSX.Element {
  const isMine = current.value?.id === file.id;
  const name = file.kind === 'voice' ? t('file.voice') : file.name;
  const total = (isMine && length.value) || (file.duration_ms ?? 0) / 1000;
  const now = isMine ? Math.min(position.value, total || Infinity) : 0;
  const isPlaying = isMine && isOn.value;
  const times = total ? `${duration(now)} / ${duration(total)}` : bytes(file.size);
  return (
    <div class="sound" role="group" aria-label={name}>
      <button type="button" class="file-icon" onClick={() => toggle(file)}
        aria-label={t(isPlaying ? 'file.pause' : 'file.play', { name })}>
        <Icon name={isPlaying ? 'pause' : 'play'} />
      </button>
      <div class="sound-text">
        {file.kind === 'audio' && <span class="file-name" dir="auto">{name}</span>}
        <input type="range" class="seek" min={0} max={total || 1} step={0.1} value={now}
          disabled={!total}
          style={{ '--part': total ? now / total : 0 }}
          aria-label={t('file.position')} aria-valuetext={times}
          onInput={(event) => seek(file, Number(event.currentTarget.value))} />
        <span class="sound-foot">
          <small>{isMine || !total ? times : duration(total)}</small>
          <button type="button" class="speed" title={t('file.speed')} onClick={faster}>
            <span class="hidden">{t('file.speed')} </span>{speed.value.toLocaleString(lang.value)}×
          </button>
        </span>
      </div>
    </div>
  );
}
