/** Chooses a picture of a person or group, or takes it away. */

import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';

import { HAS_FILES } from './files_text.js';
import { t } from './i18n.js';

export function ChangePicture({ has, onChange }: {
  has: boolean; onChange: (picture: Blob | null) => void;
}): JSX.Element | null {
  const input = useRef<HTMLInputElement>(null);
  if (!HAS_FILES) return null;
  return (
    <div class="picture-choice">
      <button type="button" class="button small" onClick={() => input.current?.click()}>{t('file.change')}</button>
      {has && <button type="button" class="button small" onClick={() => onChange(null)}>{t('remove')}</button>}
      <input ref={input} type="file" accept="image/*" hidden aria-label={t('file.change')}
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          event.currentTarget.value = '';
          if (file) onChange(file);
        }} />
    </div>
  );
}
