/** Settings: profile, looks, language, alerts, privacy, devices, people who are blocked. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { AddedBy, Blocked, Privacy, Session, Strangers } from 'wechat-sdk';

import { AddressPage } from './address.js';
import { AlertsPage } from './alert_settings.js';
import { AlertsSwitch } from './alerts.js';
import { bytes } from './files_text.js';
import { brief, date } from './format.js';
import { LANGS, LANGUAGES, type Lang, lang, speak, t, tongue } from './i18n.js';
import { ChangePicture } from './change_picture.js';
import { ExportPage } from './export.js';
import { RecoveryPage } from './recovery.js';
import { Action, Link } from './row_buttons.js';
import type { Key } from './texts/en.js';
import {
  type Theme, attempt, back, client, go, limits, route, say, sounds, theme, watch,
} from './state.js';
import {
  Avatar, Choice, Confirm, Empty, Icon, IconButton, Spinner, Switch,
} from './ui.js';

export function Settings(): JSX.Element {
  watch('session');
  switch (route.value[1]) {
    case 'profile': return <Page title={t('profile')}><EditProfile /></Page>;
    case 'address': return <Page title={t('address')}><AddressPage /></Page>;
    case 'recovery': return <Page title={t('recovery')}><RecoveryPage /></Page>;
    case 'export': return <Page title={t('export')}><ExportPage /></Page>;
    case 'alerts': return <Page title={t('alerts')}><AlertsPage /></Page>;
    case 'privacy': return <Page title={t('privacy')}><PrivacyPage /></Page>;
    case 'devices': return <Page title={t('devices')}><Devices /></Page>;
    case 'blocked': return <Page title={t('blocked')}><BlockedPeople /></Page>;
    default: return <Page title={t('settings')}><Overview /></Page>;
  }
}

function Page({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  const up = (): void => (route.value.length > 1 ? go('settings', true) : back());
  return (
    <section class="pane list-pane" aria-label={title}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={up} />
        <h1 class="grow">{title}</h1>
      </header>
      <div class="scroll info">{children}</div>
    </section>
  );
}

function Overview(): JSX.Element {
  watch('session');
  const { me } = client;
  const leaving = useSignal(false);
  const done = (yes: boolean): void => {
    leaving.value = false;
    if (yes) void client.logOut();
  };
  return (
    <>
      <a class="me-card" href="#/settings/profile">
        <Avatar id={me?.id ?? ''} name={me?.name ?? ''} size="l" />
        <span class="grow">
          <span class="chat-name" dir="auto">{me?.name}</span>
          <span class="dim small">{me?.email}</span>
        </span>
        <Icon name="pencil" label={t('edit')} />
      </a>
      <div class="card">
        <Choice<Theme> label={t('theme')} icon="sun-moon" value={theme.value}
          options={[
            ['auto', t('theme.auto')], ['light', t('theme.light')], ['dark', t('theme.dark')],
          ]}
          onChange={(value) => { theme.value = value; }} />
        <Choice<Lang> label={t('language')} icon="languages" value={lang.value}
          options={LANGS.map((code) => [code, LANGUAGES[code].name])}
          onChange={(value) => {
            void attempt(speak(value).then(() => client.setMe({ language: tongue() })));
          }} />
      </div>
      <div class="card">
        <AlertsSwitch />
        <Switch label={t('sounds')} on={sounds.value} onChange={(on) => { sounds.value = on; }} />
        <Link to="settings/alerts" icon="moon" label={t('alerts.more')} />
      </div>
      <div class="card">
        <Link to="contacts/card" icon="qr-code" label={t('card.mine')} />
        <Link to="settings/privacy" icon="lock" label={t('privacy')} />
        <Link to="settings/devices" icon="monitor-smartphone" label={t('devices')} />
        <Link to="settings/blocked" icon="ban" label={t('blocked')} />
        {me?.operator && <Link to="admin" icon="shield" label={t('admin')} />}
        <a class="row-button" href="/call-test" target="_blank" rel="noopener">
          <Icon name="activity" />
          <span class="grow">{t('call.test')}</span>
          <Icon name="external-link" />
        </a>
      </div>
      <Storage />
      <div class="card">
        <Action icon="log-out" label={t('log_out')} danger
          onClick={() => { leaving.value = true; }} />
      </div>
      {leaving.value && (
        <Confirm title={t('log_out')} action={t('log_out')} onDone={done}
          text={t(client.outbox.size ? 'log_out.unsent' : 'log_out.hint')} />
      )}
    </>
  );
}

/** How much of one's room for files is taken. */
function Storage(): JSX.Element | null {
  const room = useSignal<{ used: number; quota: number } | null>(null);
  useEffect(() => {
    client.files.storage().then((found) => { room.value = found; }, () => undefined);
  }, []);
  if (!room.value) return null;
  const { used, quota } = room.value;
  const words = t('storage.of', { used: bytes(used), quota: bytes(quota) });
  return (
    <div class="card storage">
      <p class="storage-line">
        <Icon name="hard-drive" />
        <span class="grow">{t('storage')}</span> <span class="dim">{words}</span>
      </p>
      <meter max={quota || 1} value={used} high={quota * 0.9} aria-label={t('storage')}
        aria-valuetext={words} />
      <p class="dim small">{t('storage.hint')}</p>
    </div>
  );
}

function EditProfile(): JSX.Element {
  watch('session');
  const { me } = client;
  const name = useSignal(me?.name ?? '');
  const about = useSignal(me?.about ?? '');
  const ending = useSignal(false);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const change = { name: name.value.trim(), about: about.value.trim() };
    if (await attempt(client.setMe(change).then(() => true))) say(t('saved'));
  };
  const end = (yes: boolean): void => {
    ending.value = false;
    if (yes) void attempt(client.deleteAccount());
  };
  return (
    <>
      <div class="face"><Avatar id={me?.id ?? ''} name={name.value} size="xl" /></div>
      <ChangePicture has={!!me?.avatar} onChange={(picture) => client.setPicture(picture)} />
      <form class="card form" onSubmit={save}>
        <label class="field"><span>{t('name')}</span>
          <input required maxLength={limits()?.name_chars} autocomplete="name" dir="auto"
            value={name.value}
            onInput={(event) => { name.value = event.currentTarget.value; }} /></label>
        <label class="field"><span>{t('about')}</span>
          <textarea rows={3} maxLength={limits()?.about_chars} dir="auto" value={about.value}
            onInput={(event) => { about.value = event.currentTarget.value; }} /></label>
        <div class="buttons"><button class="button primary">{t('save')}</button></div>
      </form>
      <div class="card">
        <p class="dim small padded">{t('email.hint', { email: me?.email ?? '' })}</p>
        <Link to="settings/address" icon="at-sign" label={t('address.change')} />
        <Link to="settings/recovery" icon="key-round" label={t('recovery')} />
        <Link to="settings/export" icon="download" label={t('export')} />
      </div>
      <div class="card">
        <Action icon="trash-2" label={t('account.delete')} danger
          onClick={() => { ending.value = true; }} />
      </div>
      {ending.value && (
        <Confirm title={t('account.delete')} text={t('account.delete.hint')}
          action={t('account.delete')} onDone={end} />
      )}
    </>
  );
}

function PrivacyPage(): JSX.Element {
  watch('session');
  const privacy = client.me?.privacy;
  if (!privacy) return <Spinner />;
  const line = (name: keyof Privacy): JSX.Element => (
    <Switch label={t(`privacy.${name}` as Key)} hint={t(`privacy.${name}.hint` as Key)}
      on={privacy[name]}
      onChange={(on) => void attempt(client.setMe({ privacy: { ...privacy, [name]: on } }))} />
  );
  return (
    <>
      <div class="card">{line('receipts')}{line('presence')}{line('found_by_email')}</div>
      <ReachChoices />
    </>
  );
}

/** Who may write and call, and who may put one into groups. */
function ReachChoices(): JSX.Element | null {
  watch('session');
  const { me } = client;
  if (!me) return null;
  return (
    <>
      <div class="card">
        <Choice<Strangers> label={t('reach')} icon="user-plus" value={me.reach}
          options={[
            ['everyone', t('reach.everyone')], ['requests', t('reach.requests')],
            ['contacts', t('reach.contacts')],
          ]}
          onChange={(reach) => void attempt(client.setMe({ reach }))} />
        <p class="dim small padded">{t('reach.hint')}</p>
      </div>
      <div class="card">
        <Choice<AddedBy> label={t('groups.adders')} icon="users" value={me.groups}
          options={[
            ['everyone', t('reach.everyone')], ['contacts', t('reach.contacts')],
            ['nobody', t('groups.nobody')],
          ]}
          onChange={(groups) => void attempt(client.setMe({ groups }))} />
        <p class="dim small padded">{t('groups.adders.hint')}</p>
      </div>
    </>
  );
}

function Devices(): JSX.Element {
  const list = useSignal<Session[] | null>(null);
  const load = async (): Promise<void> => {
    const found = await attempt(client.rest.get<{ sessions: Session[] }>('/auth/sessions'));
    if (found) list.value = found.sessions;
  };
  useEffect(() => { void load(); }, []);
  const end = async (session: Session): Promise<void> => {
    await attempt(client.rest.delete(`/auth/sessions/${session.id}`));
    await load();
  };
  const endOthers = async (): Promise<void> => {
    await attempt(client.rest.delete('/auth/sessions', { keep: 'current' }));
    await load();
  };
  if (!list.value) return <div class="empty"><Spinner /></div>;
  return (
    <>
      <div class="card">
        {list.value.map((session) => (
          <div class="device" key={session.id}>
            <Icon name="monitor-smartphone" />
            <span class="grow">
              <span>{session.device || t('device.unknown')}</span>
              <small class="dim">
                {session.current
                  ? t('device.this')
                  : t('device.seen', { when: brief(session.last_seen) })}
                {' · '}{t(session.push?.length ? 'device.told' : 'device.untold')}
              </small>
            </span>
            {!session.current && (
              <button type="button" class="button small" onClick={() => void end(session)}>
                {t('log_out')}
              </button>
            )}
          </div>
        ))}
      </div>
      <div class="card"><AlertsSwitch onChange={() => void load()} /></div>
      {list.value.length > 1 && (
        <button type="button" class="button danger wide" onClick={() => void endOthers()}>
          {t('device.end_others')}
        </button>
      )}
    </>
  );
}

function BlockedPeople(): JSX.Element {
  const list = useSignal<Blocked[] | null>(null);
  useEffect(() => {
    void attempt(client.rest.get<{ blocked: Blocked[] }>('/me/blocks')).then((found) => {
      if (found) list.value = found.blocked;
    });
  }, []);
  const unblock = async (id: string): Promise<void> => {
    await attempt(client.rest.delete(`/users/${id}/block`));
    list.value = list.value?.filter(({ user }) => user.id !== id) ?? null;
  };
  if (!list.value) return <div class="empty"><Spinner /></div>;
  if (!list.value.length) {
    return <Empty icon="ban" title={t('blocked.none')} text={t('block.hint')} />;
  }
  return (
    <div class="card">
      {list.value.map(({ user, since }) => (
        <div class="device" key={user.id}>
          <Avatar id={user.id} name={user.name} size="s" />
          <span class="grow">
            <span dir="auto">{user.name}</span><small class="dim">{date(since)}</small>
          </span>
          <button type="button" class="button small" onClick={() => void unblock(user.id)}>
            {t('unblock')}
          </button>
        </div>
      ))}
    </div>
  );
}
