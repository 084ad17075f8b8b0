/** Logging in with a recovery code, for whoever has lost their mailbox. */

import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';

import { t } from './i18n.js';
import { client, told } from './state.js';

interface RecoverProps {
  email: Signal<string>;
  /** What the list of devices calls this browser. */
  device: string;
  onBack: () => void;
}

export function Recover({ email, device, onBack }: RecoverProps): JSX.Element {
  const code = useSignal('');
  const busy = useSignal(false);
  const error = useSignal('');
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    error.value = '';
    try {
      await client.recover(email.value.trim(), code.value, device);
    } catch (why) {
      error.value = told(why);
      busy.value = false;
    }
  };
  return (
    <form onSubmit={send} aria-busy={busy.value}>
      <h1>{t('auth.lost')}</h1>
      <p class="dim">{t('recovery.log_in.hint')}</p>
      <label class="field"><span>{t('email')}</span>
        <input name="email" type="email" autocomplete="email" required
          placeholder="ana@example.org" value={email.value}
          onInput={(event) => { email.value = event.currentTarget.value; }} /></label>
      <label class="field"><span>{t('recovery.code')}</span>
        <input name="recovery" required autocomplete="off" autocapitalize="characters"
          spellcheck={false} dir="ltr" placeholder="XXXX-XXXX-XXXX-XXXX" value={code.value}
          onInput={(event) => { code.value = event.currentTarget.value; }} /></label>
      {error.value && <p class="error-text" role="alert">{error.value}</p>}
      <button class="button primary wide" disabled={busy.value}>{t('auth.log_in')}</button>
      <p class="auth-switch">
        <button type="button" class="link" onClick={onBack}>{t('back')}</button>
      </p>
    </form>
  );
}
