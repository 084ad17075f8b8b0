/** What one wants to be told of, in all chats and in one. The rules are the library's. */

import type { JSX } from 'preact';
import type { Alerts, ChatState, Level, Quiet, Shown } from 'wechat-sdk';

import { t } from './i18n.js';
import { toLevel } from './level.js';
import { attempt, client, watch } from './state.js';
import { Choice, Switch } from './ui.js';

/** Ten at night to seven in the morning, until somebody says otherwise. */
const NIGHT = { from: 22 * 60, to: 7 * 60, calls: true };

const zoneHere = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

const set = (change: Partial<Alerts>): void => void attempt(client.alerts.set(change));

export function AlertsPage(): JSX.Element {
  watch('session', 'server');
  const { quiet, mentions_only: mentionsOnly, shown, mail } = client.alerts.value;
  const mails = mail || client.about.info?.features.missed_mail;
  return (
    <>
      <div class="card">
        <Switch label={t('alerts.mentions')} hint={t('alerts.mentions.hint')} on={!!mentionsOnly}
          onChange={(on) => set({ mentions_only: on })} />
      </div>
      <div class="card">
        <Switch label={t('alerts.quiet')} on={!!quiet}
          hint={quiet ? t('alerts.quiet.zone', { zone: quiet.zone }) : t('alerts.quiet.hint')}
          onChange={(on) => set({ quiet: on ? { ...NIGHT, zone: zoneHere() } : null })} />
        {quiet && <Hours quiet={quiet} />}
      </div>
      <div class="card">
        <Choice<Shown> label={t('alerts.shown')} icon="eye" value={shown ?? 'text'}
          options={[
            ['text', t('alerts.shown.text')], ['names', t('alerts.shown.names')],
            ['wake', t('alerts.shown.wake')],
          ]}
          onChange={(value) => set({ shown: value === 'text' ? null : value })} />
        <p class="dim small card-hint">{t('alerts.shown.hint')}</p>
      </div>
      {mails && (
        <div class="card">
          <Switch label={t('alerts.mail')} on={!!mail}
            hint={t('alerts.mail.hint', { email: client.me?.email ?? '' })}
            onChange={(on) => set({ mail: on })} />
        </div>
      )}
    </>
  );
}

function Hours({ quiet }: { quiet: Quiet }): JSX.Element {
  const change = (part: Partial<Quiet>): void => {
    const next = { ...quiet, ...part, zone: zoneHere() };
    if (next.from !== next.to) set({ quiet: next });
  };
  return (
    <>
      <div class="hours">
        <Clock label={t('alerts.quiet.begin')} minute={quiet.from}
          onChange={(minute) => change({ from: minute })} />
        <Clock label={t('alerts.quiet.end')} minute={quiet.to}
          onChange={(minute) => change({ to: minute })} />
      </div>
      <Switch label={t('alerts.calls')} on={!!quiet.calls}
        onChange={(on) => change({ calls: on })} />
    </>
  );
}

interface ClockProps {
  label: string;
  minute: number;
  onChange: (minute: number) => void;
}

function Clock({ label, minute, onChange }: ClockProps): JSX.Element {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="time" required value={clock(minute)}
        onChange={({ currentTarget: { value } }) => {
          const chosen = minuteOf(value);
          if (chosen !== null) onChange(chosen);
        }} />
    </label>
  );
}

/** A minute of the day as a field for times has it. */
function clock(minute: number): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

function minuteOf(text: string): number | null {
  const [, hour, minute] = /^(\d\d):(\d\d)/.exec(text) ?? [];
  return hour && minute ? Number(hour) * 60 + Number(minute) : null;
}

/** Of which messages of a chat one is told. */
export function ChatLevel({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`, 'session');
  return (
    <div class="card">
      <Choice<Level> label={t('alerts.chat')} icon="bell" value={client.alerts.level(state)}
        options={[
          ['all', t('alerts.level.all')], ['mentions', t('alerts.level.mentions')],
          ['nothing', t('alerts.level.nothing')],
        ]}
        onChange={(level) => void attempt(client.setChat(state.id, toLevel(state, level)))} />
    </div>
  );
}
