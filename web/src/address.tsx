/** Another e-mail address for one's account: it is asked for, then proved with a code. */

import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';

import { t } from './i18n.js';
import { MailHint } from './mailbox.js';
import { attempt, client, go, say, told, watch } from './state.js';

export function AddressPage(): JSX.Element {
  /** The address that a code was mailed to. */
  const asked = useSignal('');
  return asked.value
    ? <Prove email={asked.value} onBack={() => { asked.value = ''; }} />
    : <Ask asked={asked} />;
}

function Ask({ asked }: { asked: Signal<string> }): JSX.Element {
  watch('session');
  const email = useSignal('');
  const error = useSignal('');
  const ask = async (event: Event): Promise<void> => {
    event.preventDefault();
    error.value = '';
    try {
      asked.value = (await client.askAddress(email.value.trim())).email;
    } catch (why) {
      error.value = told(why);
    }
  };
  return (
    <form class="card form" onSubmit={ask}>
      <label class="field"><span>{t('address.new')}</span>
        <input type="email" required autocomplete="email" value={email.value}
          onInput={(event) => { email.value = event.currentTarget.value; }} /></label>
      {error.value && <p class="error-text" role="alert">{error.value}</p>}
      <p class="dim small">{t('email.hint', { email: client.me?.email ?? '' })}</p>
      <p class="dim small">{t('address.hint')}</p>
      <div class="buttons"><button class="button primary">{t('auth.mail_code')}</button></div>
    </form>
  );
}

function Prove({ email, onBack }: { email: string; onBack: () => void }): JSX.Element {
  const code = useSignal('');
  const error = useSignal('');
  const isSent = useSignal(false);
  const prove = async (event: Event): Promise<void> => {
    event.preventDefault();
    error.value = '';
    try {
      await client.verifyAddress(email, code.value);
      say(t('address.changed'));
      go('settings/profile', true);
    } catch (why) {
      error.value = told(why);
      isSent.value = false;
    }
  };
  const again = async (): Promise<void> => {
    isSent.value = true;
    if (!await attempt(client.askAddress(email))) isSent.value = false;
  };
  return (
    <form class="card form" onSubmit={prove}>
      <label class="field"><span>{t('auth.code.label')}</span>
        <input name="code" required inputMode="numeric" autocomplete="one-time-code"
          value={code.value}
          onInput={(event) => { code.value = event.currentTarget.value; }} /></label>
      {error.value && <p class="error-text" role="alert">{error.value}</p>}
      <p class="dim small">{t('auth.code.hint', { email })}</p>
      <MailHint />
      <div class="auth-foot">
        <button type="button" class="link" onClick={onBack}>{t('auth.other_address')}</button>
        <button type="button" class="link" disabled={isSent.value} onClick={() => void again()}>
          {t(isSent.value ? 'auth.sent_again' : 'auth.send_again')}
        </button>
      </div>
      <div class="buttons"><button class="button primary">{t('address.change')}</button></div>
    </form>
  );
}
