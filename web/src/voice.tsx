/**
 * The button that records a voice message, and what stands beside it meanwhile. Held, it sends when
 * it is let go, and drops the message when the finger slides away; tapped, it goes on until one
 * sends or discards.
 */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Id, Outgoing } from 'wechat-sdk';

import { duration } from './format.js';
import { t } from './i18n.js';
import { attempt, recording } from './state.js';
import { IconButton } from './ui.js';

const HELD_MS = 450;
const SLIDE_PX = 90;

const load = (): Promise<typeof import('./recorder.js')> => import('./recorder.js');

interface VoiceKey {
  /** For the button, while there is nothing else to send. */
  onPointerDown: (event: PointerEvent) => void;
  onClick: () => void;
}

/** What the button does; `send` gets what was recorded. */
export function useVoice(chat: Id, send: (file: Outgoing) => void): VoiceKey {
  // A press was dealt with as it began: the click that ends it says nothing new.
  const pressed = useRef(false);
  const begin = async (): Promise<void> => {
    const module = await attempt(load());
    await module?.record(chat);
  };
  const end = async (isWanted: boolean): Promise<void> => {
    const file = await (await load()).finish(isWanted);
    if (file) send(file);
  };
  const onPointerDown = (event: PointerEvent): void => {
    pressed.current = false;
    if (event.button !== 0 || recording.peek()) return;
    pressed.current = true;
    const from = event.clientX;
    const since = Date.now();
    const begun = begin();
    const onUp = (up: PointerEvent): void => {
      removeEventListener('pointerup', onUp);
      removeEventListener('pointercancel', onUp);
      const isHeld = Date.now() - since > HELD_MS;
      const isAway = Math.abs(up.clientX - from) > SLIDE_PX;
      if (isHeld && up.type === 'pointerup') {
        void begun.then(() => recording.peek() && end(!isAway));
      }
    };
    addEventListener('pointerup', onUp);
    addEventListener('pointercancel', onUp);
  };
  const onClick = (): void => {
    if (pressed.current) pressed.current = false;
    else if (recording.peek()) void end(true);
    else void begin();
  };
  return { onPointerDown, onClick };
}

const discard = (): void => void load().then(({ finish }) => finish(false));

/** How long it has been recording, and the way out. */
export function Recording(): JSX.Element {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
      void load().then(({ limit }) => limit());
    }, 250);
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      discard();
    };
    addEventListener('keydown', onKeyDown, true);
    return () => {
      clearInterval(timer);
      removeEventListener('keydown', onKeyDown, true);
      if (recording.peek()) discard();
    };
  }, []);
  const seconds = Math.max(0, now.value - (recording.value?.since ?? now.value)) / 1000;
  return (
    <span class="recording">
      <IconButton icon="trash-2" label={t('discard')} onClick={discard} />
      <span class="hidden" role="status">{t('file.recording')}</span>
      <i aria-hidden="true" /> <span class="recording-time">{duration(seconds)}</span>
      <small class="grow">{t('file.slide')}</small>
    </span>
  );
}
