/** The settings that the server runs with, for operators to look at. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { SettingNow, SettingsNow } from 'wechat-sdk';

import { t } from './i18n.js';
import { attempt, client } from './state.js';
import { Spinner } from './ui.js';

export function SettingsAsTheyAre(): JSX.Element {
  const found = useSignal<readonly SettingNow[] | null>(null);
  useEffect(() => {
    void attempt(client.rest.get<SettingsNow>('/operator/settings')).then((page) => {
      if (page) found.value = page.settings;
    });
  }, []);
  if (!found.value) return <div class="empty"><Spinner /></div>;
  const groups = grouped(found.value);
  return (
    <>
      <p class="dim small">{t('admin.settings.hint')}</p>
      {[...groups].map(([group, settings]) => (
        <section class="card" key={group} aria-label={group}>
          <h2 class="section" lang="en">{group}</h2>
          {settings.map((one) => <Row key={one.name} one={one} />)}
        </section>
      ))}
    </>
  );
}

function grouped(settings: readonly SettingNow[]): Map<string, SettingNow[]> {
  const groups = new Map<string, SettingNow[]>();
  for (const one of settings) groups.set(one.group, [...groups.get(one.group) ?? [], one]);
  return groups;
}

/** A setting; what it does is told in the language of the documents. */
function Row({ one }: { one: SettingNow }): JSX.Element {
  return (
    <div class="setting-now">
      <code>{one.name}</code>
      <span class="setting-value">
        {one.value
          ? <code>{one.value}</code>
          : <em class="dim">{t(one.hidden ? 'admin.setting.hidden' : 'admin.setting.unset')}</em>}
        {one.place !== 'default' && <small class="dim">{one.place}</small>}
      </span>
      <small class="dim" lang="en" dir="ltr">{one.about}</small>
    </div>
  );
}
