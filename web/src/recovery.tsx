/** Recovery codes: how many are left, and new ones, which are shown once. */

import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { RecoveryState } from 'wechat-sdk';

import { date } from './format.js';
import { t } from './i18n.js';
import { MailHint } from './mailbox.js';
import { copy } from './message_menu.js';
import { attempt, client, told } from './state.js';
import { Spinner } from './ui.js';

export function RecoveryPage(): JSX.Element {
  const state = useSignal<RecoveryState | null>(null);
  /** The address that a code was mailed to. */
  const asked = useSignal('');
  const codes = useSignal<string[]>([]);
  useEffect(() => {
    void attempt(client.recoveryState()).then((found) => { if (found) state.value = found; });
  }, []);
  if (codes.value.length > 0) return <Shown codes={codes.value} />;
  if (asked.value) return <Prove asked={asked} codes={codes} />;
  if (!state.value) return <div class="empty"><Spinner /></div>;
  return <Ask state={state.value} asked={asked} />;
}

function Ask({ state, asked }: { state: RecoveryState; asked: Signal<string> }): JSX.Element {
  const ask = async (): Promise<void> => {
    const sent = await attempt(client.askRecoveryCodes());
    if (sent) asked.value = sent.email;
  };
  const { left, made } = state;
  return (
    <div class="card form">
      <p class="dim">{t('recovery.hint')}</p>
      <p role="status">
        {made ? t('recovery.left', { n: left, when: date(made) }) : t('recovery.none')}
      </p>
      {made && <p class="dim small">{t('recovery.void')}</p>}
      <div class="buttons">
        <button type="button" class="button primary" onClick={() => void ask()}>
          {t('recovery.make')}
        </button>
      </div>
    </div>
  );
}

interface ProveProps {
  asked: Signal<string>;
  codes: Signal<string[]>;
}

function Prove({ asked, codes }: ProveProps): JSX.Element {
  const code = useSignal('');
  const error = useSignal('');
  const isSent = useSignal(false);
  const prove = async (event: Event): Promise<void> => {
    event.preventDefault();
    error.value = '';
    try {
      codes.value = (await client.makeRecoveryCodes(code.value)).codes;
    } catch (why) {
      error.value = told(why);
      isSent.value = false;
    }
  };
  const again = async (): Promise<void> => {
    isSent.value = true;
    if (!await attempt(client.askRecoveryCodes())) isSent.value = false;
  };
  return (
    <form class="card form" onSubmit={prove}>
      <label class="field"><span>{t('auth.code.label')}</span>
        <input name="code" required inputMode="numeric" autocomplete="one-time-code"
          value={code.value}
          onInput={(event) => { code.value = event.currentTarget.value; }} /></label>
      {error.value && <p class="error-text" role="alert">{error.value}</p>}
      <p class="dim small">{t('auth.code.hint', { email: asked.value })}</p>
      <MailHint />
      <div class="auth-foot">
        <button type="button" class="link" disabled={isSent.value} onClick={() => void again()}>
          {t(isSent.value ? 'auth.sent_again' : 'auth.send_again')}
        </button>
      </div>
      <div class="buttons"><button class="button primary">{t('recovery.make')}</button></div>
    </form>
  );
}

function Shown({ codes }: { codes: string[] }): JSX.Element {
  const text = `${location.host}\n${client.me?.email ?? ''}\n\n${codes.join('\n')}\n`;
  return (
    <div class="card form">
      <p role="status">{t('recovery.shown')}</p>
      <ol class="recovery-codes" dir="ltr">
        {codes.map((code) => <li key={code}><code>{code}</code></li>)}
      </ol>
      <p class="dim small">{t('recovery.keep')}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => void copy(text)}>{t('copy')}</button>
        <button type="button" class="button primary" onClick={() => keep(text)}>
          {t('file.save')}
        </button>
      </div>
    </div>
  );
}

/** Saves the codes as a file of text. */
function keep(text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = 'recovery-codes.txt';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
