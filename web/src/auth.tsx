/** Signing up and logging in: an address, then the six digits that were mailed to it. */

import { type Signal, useSignal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { Brand, Disclaimer } from './brand.js';
import { DoorFields, codeOf, invitationInLink, useDoor } from './door.js';
import { LANGS, LANGUAGES, lang, speak, t, tongue } from './i18n.js';
import { lazy } from './lazy.js';
import { DemoPeople, MailHint } from './mailbox.js';
import { attempt, client, limits, told } from './state.js';

const Recover = lazy(async () => (await import('./recover.js')).Recover, '');

/** How long "Send again" rests after it was pressed. */
const AGAIN_MS = 15_000;

export function Auth(): JSX.Element {
  const invitation = useSignal(invitationInLink());
  const isNew = useSignal(invitation.value !== '');
  const linked = invitationInLink();
  // A link may be opened where the page is open already.
  useEffect(() => {
    if (!linked) return;
    invitation.value = linked;
    isNew.value = true;
  }, [linked]);
  const name = useSignal('');
  const email = useSignal('');
  const step = useSignal<'address' | 'code' | 'lost'>('address');
  const busy = useSignal(false);
  const error = useSignal('');

  const ask = async (): Promise<boolean> => {
    busy.value = true;
    error.value = '';
    try {
      const address = email.value.trim();
      const code = codeOf(invitation.value);
      if (isNew.value) await client.signUp(name.value, address, tongue(), code);
      else await client.askCode(address);
      return true;
    } catch (why) {
      error.value = told(why);
      return false;
    } finally {
      busy.value = false;
    }
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await ask()) step.value = 'code';
  };

  return (
    <main class="auth">
      <div class="auth-card">
        <Brand />
        {step.value === 'lost'
          && <Recover email={email} device={deviceName()}
            onBack={() => { step.value = 'address'; }} />}
        {step.value === 'code'
          && <CodeStep email={email.value.trim()} again={ask} refused={error.value}
            onBack={() => { step.value = 'address'; error.value = ''; }} />}
        {step.value === 'address'
          && <AddressStep {...{ isNew, name, email, invitation, busy, error }} onSubmit={submit}
            onLost={() => { step.value = 'lost'; }} />}
        {step.value === 'address' && <DemoPeople device={deviceName()} />}
      </div>
      <Languages />
      <Disclaimer />
    </main>
  );
}

interface AddressStepProps {
  isNew: Signal<boolean>;
  name: Signal<string>;
  email: Signal<string>;
  invitation: Signal<string>;
  busy: Signal<boolean>;
  error: Signal<string>;
  onSubmit: (event: Event) => Promise<void>;
  /** They cannot read the mail of their account. */
  onLost: () => void;
}

function AddressStep(props: AddressStepProps): JSX.Element {
  const { isNew, name, email, invitation, busy, error, onSubmit, onLost } = props;
  const isClosed = useDoor().sign_up === 'closed' && isNew.value;
  const set = (one: Signal<string>) => (event: { currentTarget: HTMLInputElement }): void => {
    one.value = event.currentTarget.value;
  };
  return (
    <form onSubmit={onSubmit} aria-busy={busy.value}>
      <h1>{t(isNew.value ? 'auth.sign_up' : 'auth.log_in')}</h1>
      <p class="dim">
        {t(isClosed ? 'auth.closed' : isNew.value ? 'auth.sign_up.hint' : 'auth.log_in.hint')}
      </p>
      {isNew.value && !isClosed && (
        <label class="field">
          <span>{t('name')}</span>
          <input name="name" autocomplete="name" required dir="auto"
            maxLength={limits()?.name_chars} value={name.value} onInput={set(name)} />
        </label>
      )}
      {!isClosed && (
        <>
          <label class="field">
            <span>{t('email')}</span>
            <input name="email" type="email" autocomplete="email" required
              placeholder="ana@example.org" value={email.value} onInput={set(email)} />
          </label>
          {isNew.value && <DoorFields invitation={invitation} />}
          {error.value && <p class="error-text" role="alert">{error.value}</p>}
          <button class="button primary wide" disabled={busy.value}>{t('auth.mail_code')}</button>
        </>
      )}
      <p class="auth-switch">
        {t(isNew.value ? 'auth.have_account' : 'auth.no_account')}{' '}
        <button type="button" class="link"
          onClick={() => { isNew.value = !isNew.value; error.value = ''; }}>
          {t(isNew.value ? 'auth.log_in' : 'auth.sign_up')}
        </button>
      </p>
      {!isNew.value && (
        <div class="auth-foot">
          <button type="button" class="link" onClick={onLost}>{t('auth.lost')}</button>
        </div>
      )}
    </form>
  );
}

interface CodeStepProps {
  email: string;
  /** What the server said to the last wish for a code. */
  refused: string;
  again: () => Promise<boolean>;
  onBack: () => void;
}

function CodeStep({ email, refused, again, onBack }: CodeStepProps): JSX.Element {
  const { code, busy, error, isSent, input, write, send, sendAgain } = useCode(email, again);
  const wrong = error.value || refused;
  return (
    <form
      onSubmit={(event) => { event.preventDefault(); if (code.value.length === 6) void send(); }}
      aria-busy={busy.value}>
      <h1>{t('auth.code')}</h1>
      <p class="dim">{t('auth.code.hint', { email })}</p>
      <MailHint />
      <label class="code-field">
        <span class="hidden">{t('auth.code.label')}</span>
        <input ref={input} name="code" inputMode="numeric" autocomplete="one-time-code"
          value={code.value} disabled={busy.value} aria-invalid={error.value ? 'true' : undefined}
          onInput={(event) => write(event.currentTarget.value)}
          onPaste={(event) => {
            event.preventDefault();
            write(event.clipboardData?.getData('text') ?? '');
          }} />
        <CodeBoxes code={code.value} />
      </label>
      {wrong && <p class="error-text" role="alert">{wrong}</p>}
      <div class="auth-foot">
        <button type="button" class="link" onClick={onBack}>{t('auth.other_address')}</button>
        <button type="button" class="link" disabled={isSent.value}
          onClick={() => void sendAgain()}>
          {t(isSent.value ? 'auth.sent_again' : 'auth.send_again')}
        </button>
      </div>
    </form>
  );
}

function CodeBoxes({ code }: { code: string }): JSX.Element {
  const now = Math.min(5, code.length);
  return (
    <span class="code-boxes" aria-hidden="true">
      {[...code.padEnd(6)].map((digit, at) => (
        <span key={at} class={at === now ? 'now' : ''}>{digit.trim()}</span>
      ))}
    </span>
  );
}

interface CodeEntry {
  code: Signal<string>;
  busy: Signal<boolean>;
  error: Signal<string>;
  /** Another code was just sent. */
  isSent: Signal<boolean>;
  input: RefObject<HTMLInputElement | null>;
  write: (text: string) => void;
  send: () => Promise<void>;
  sendAgain: () => Promise<void>;
}

/** A code that is being written: it is sent with its last digit. */
function useCode(email: string, again: () => Promise<boolean>): CodeEntry {
  const code = useSignal('');
  const busy = useSignal(false);
  const error = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  const { isSent, rest } = useRest();
  useEffect(() => { input.current?.focus(); }, []);
  const sendAgain = async (): Promise<void> => {
    error.value = '';
    rest(true);
    if (!await again()) rest(false);
    input.current?.focus();
  };
  const send = async (): Promise<void> => {
    busy.value = true;
    error.value = '';
    try {
      await client.logIn(email, code.value, deviceName());
    } catch (why) {
      error.value = told(why);
      code.value = '';
      busy.value = false;
      rest(false);
      input.current?.focus();
    }
  };
  // Pasted with spaces or a dash, or the whole line of the mail: its digits count.
  const write = (text: string): void => {
    code.value = digitsOf(text).slice(0, 6);
    if (input.current) input.current.value = code.value;
    if (code.value.length === 6 && !busy.value) void send();
  };
  return { code, busy, error, isSent, input, write, send, sendAgain };
}

/** Another code may be asked for after a while, and at once when this one is refused. */
function useRest(): { isSent: Signal<boolean>; rest: (on: boolean) => void } {
  const isSent = useSignal(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const rest = (on: boolean): void => {
    clearTimeout(timer.current);
    isSent.value = on;
    if (on) timer.current = setTimeout(() => { isSent.value = false; }, AGAIN_MS);
  };
  return { isSent, rest };
}

export function Languages(): JSX.Element {
  const choices = LANGS.flatMap((code, at) => [
    at > 0 && ' · ',
    <button type="button" class="link" lang={code} key={code} aria-pressed={lang.value === code}
      onClick={() => void attempt(speak(code))}>{LANGUAGES[code].name}</button>,
  ]);
  return <p class="languages">{choices}</p>;
}

/** What the list of devices calls this browser. */
function deviceName(): string {
  const { userAgent } = navigator;
  const found = (names: [RegExp, string][]): string | undefined =>
    names.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser = found([
    [/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari'],
  ]);
  const system = found([
    [/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'],
    [/Linux/, 'Linux'],
  ]);
  return [browser ?? 'Browser', system].filter(Boolean).join(', ');
}

/** The digits of a text, of whatever script: the server reads them all. */
const digitsOf = (text: string): string => text.normalize('NFKC').replace(/\P{Nd}/gu, '');
