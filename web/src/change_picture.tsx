/** Chooses a picture of a person or group, or takes it away. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';

import { t } from './i18n.js';
import { lazy } from './lazy.js';
import { attempt, say } from './state.js';

const Crop = lazy(async () => (await import('./crop.js')).Crop, '');

export function ChangePicture({ has, onChange }: {
  has: boolean; onChange: (picture: Blob | null) => Promise<void>;
}): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const chosen = useSignal<Blob | null>(null);
  const busy = useSignal(false);
  const change = async (picture: Blob | null): Promise<void> => {
    busy.value = true;
    if (await attempt(onChange(picture).then(() => true))) say(t('saved'));
    busy.value = false;
  };
  return (
    <div class="picture-choice">
      <button type="button" class="button small" disabled={busy.value}
        onClick={() => input.current?.click()}>
        {t('file.change')}
      </button>
      {has && (
        <button type="button" class="button small" disabled={busy.value}
          onClick={() => void change(null)}>
          {t('file.take_away')}
        </button>
      )}
      <input ref={input} type="file" accept="image/*" hidden aria-label={t('file.change')}
        onChange={(event) => {
          chosen.value = event.currentTarget.files?.[0] ?? null;
          event.currentTarget.value = '';
        }} />
      {chosen.value && (
        <Crop file={chosen.value} onDone={(picture) => {
          chosen.value = null;
          if (picture) void change(picture);
        }} />
      )}
    </div>
  );
}
