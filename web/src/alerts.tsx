/**
 * Being told of messages and calls: the switch in the settings, the question in the list of chats,
 * and what is renewed at each visit. While a page is open it tells itself (`notify`); while none
 * is, the server does, by the browser's push service.
 */

import { signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { PushState } from 'wechat-sdk';

import { lang, t } from './i18n.js';
import type { Key } from './texts/en.js';
import { alerts, alertsAsked, attempt, client, say, watch } from './state.js';
import { Icon, Switch } from './ui.js';

/** Whether one is told while no page is open; null until the browser has said it. */
const push = signal<PushState | null>(null);

async function look(): Promise<void> {
  push.value = await (await client.push()).state();
}

/** Whoever wants to be told goes on being told, whatever the server or the browser has lost. */
export async function renewAlerts(): Promise<void> {
  if (alerts.value) await (await client.push()).renew(lang.value);
}

async function turnOn(): Promise<void> {
  const isHere = 'Notification' in window && isSecureContext;
  const isAllowed = isHere && await Notification.requestPermission() === 'granted';
  alerts.value = isAllowed;
  alertsAsked.value = true;
  if (isAllowed) await attempt(client.push().then((it) => it.turnOn(lang.value)));
  await look();
  if (!isAllowed) say(hint(), true);
}

async function turnOff(): Promise<void> {
  alerts.value = false;
  if (push.value === 'on') await attempt(client.push().then((it) => it.turnOff()));
  await look();
}

const HINTS: Partial<Record<PushState, Key>> = {
  insecure: 'alerts.insecure', denied: 'alerts.denied', lacking: 'alerts.lacking',
  unserved: 'alerts.unserved',
};

/** What the switch does here, or why it does less. */
function hint(): string {
  const state = push.value;
  if (state && HINTS[state]) return t(HINTS[state]);
  return t(alerts.value && state === 'off' ? 'alerts.hint' : 'alerts.closed');
}

export function AlertsSwitch({ onChange }: { onChange?: () => void }): JSX.Element {
  const isTesting = useSignal(false);
  useEffect(() => { void look(); }, []);
  const test = async (): Promise<void> => {
    isTesting.value = true;
    const sent = await attempt(client.push().then((it) => it.test()).then(() => true));
    if (sent) say(t('alerts.tested'));
    isTesting.value = false;
  };
  return (
    <>
      <Switch label={t('alerts')} hint={hint()} on={alerts.value}
        onChange={(on) => void (on ? turnOn() : turnOff()).then(onChange)} />
      {alerts.value && push.value === 'on' && (
        <button type="button" class="row-button" disabled={isTesting.value}
          onClick={() => void test()}>
          <Icon name="bell-ring" /><span class="grow">{t('alerts.test')}</span>
        </button>
      )}
    </>
  );
}

/** Asked once, of somebody who has a chat: then it is clear what for. */
export function AskAlerts(): JSX.Element | null {
  watch('chats');
  useEffect(() => { void look(); }, []);
  const isOpen = push.value === 'off' && Notification.permission === 'default';
  if (!isOpen || alerts.value || alertsAsked.value || !client.store.list().length) return null;
  return (
    <div class="ask-alerts" role="group" aria-label={t('alerts')}>
      <Icon name="bell-ring" />
      <p class="grow">{t('alerts.ask')}</p>
      <button type="button" class="button small" onClick={() => { alertsAsked.value = true; }}>
        {t('alerts.ask.no')}
      </button>
      <button type="button" class="button small primary" onClick={() => void turnOn()}>
        {t('alerts.ask.yes')}
      </button>
    </div>
  );
}
