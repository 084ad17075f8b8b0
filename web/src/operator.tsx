/** What operators see: how much there is, people, groups, reports, invitations, and the audit. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Figures } from 'wechat-sdk';

import { bytes } from './files_text.js';
import { lang, t } from './i18n.js';
import { Charts } from './operator_charts.js';
import { AuditList, GroupPage, Groups, Invitations } from './operator_lists.js';
import { People, PersonPage } from './operator_people.js';
import { ReportPage, Reports } from './operator_reports.js';
import { SettingsAsTheyAre } from './operator_settings.js';
import { Link } from './row_buttons.js';
import { attempt, back, client, go, route, say, watch } from './state.js';
import type { Key } from './texts/en.js';
import { Empty, IconButton, Spinner } from './ui.js';

const PLACES = [
  ['overview', 'chart-column'], ['people', 'users'], ['groups', 'message-circle'],
  ['reports', 'flag'], ['invitations', 'ticket'], ['audit', 'scroll-text'],
  ['settings', 'settings'],
] as const;

type Place = typeof PLACES[number][0];

const name = (place: Place): string => t(`admin.${place}` as Key);
const isPlace = (word: string): word is Place => PLACES.some(([place]) => place === word);

/** The list of places, beside them. */
export function OperatorMenu(): JSX.Element {
  watch('session');
  useEffect(() => { void attempt(client.learnMe()); }, []);
  const here = route.value[1] ?? '';
  return (
    <section class="pane list-pane" aria-label={t('admin')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip"
          onClick={() => go('settings', true)} />
        <h1 class="grow">{t('admin')}</h1>
      </header>
      <div class="scroll info">
        {client.me?.operator ? (
          <nav class="card" aria-label={t('admin')}>
            {PLACES.map(([place, icon]) => (
              <Link key={place} to={`admin/${place}`} icon={icon} label={name(place)}
                isHere={place === here} />
            ))}
          </nav>
        ) : <TakeRole />}
      </div>
    </section>
  );
}

/** For the first operator: the key from the server's terminal. */
function TakeRole(): JSX.Element {
  const key = useSignal('');
  const take = async (event: Event): Promise<void> => {
    event.preventDefault();
    const body = { key: key.value.trim() };
    const taken = await attempt(client.rest.post('/operator/key', body).then(() => true));
    if (!taken) return;
    await attempt(client.learnMe());
    say(t('admin.taken'));
    go('admin/overview', true);
  };
  return (
    <form class="card form" onSubmit={take}>
      <label class="field"><span>{t('admin.key')}</span>
        <input required autocomplete="off" spellcheck={false} value={key.value}
          onInput={(event) => { key.value = event.currentTarget.value; }} /></label>
      <p class="dim small">{t('admin.key.hint')}</p>
      <div class="buttons"><button class="button primary">{t('admin.take')}</button></div>
    </form>
  );
}

/** One of the places. */
export function OperatorPage(): JSX.Element {
  watch('session');
  const [, word = '', one = ''] = route.value;
  const place = isPlace(word) ? word : 'overview';
  const title = name(place);
  const up = (): void => (one ? go(`admin/${place}`, true) : back('admin'));
  return (
    <section class="pane chat-pane plain operator" aria-label={title}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class={one ? 'flip' : 'flip back'}
          onClick={up} />
        <h1 class="grow">{title}</h1>
      </header>
      {/* Settings have nothing that is focused, and are scrolled by keys all the same. */}
      <div class="scroll info" tabIndex={place === 'settings' ? 0 : undefined}>
        {client.me?.operator
          ? <Content place={place} one={one} />
          : <Empty icon="lock" title={t('admin.operators_only')} />}
      </div>
    </section>
  );
}

function Content({ place, one }: { place: Place; one: string }): JSX.Element {
  switch (place) {
    case 'overview': return <Overview />;
    case 'people': return one ? <PersonPage id={one} key={one} /> : <People />;
    case 'groups': return one ? <GroupPage id={one} key={one} /> : <Groups />;
    case 'reports': return one ? <ReportPage id={one} key={one} /> : <Reports />;
    case 'invitations': return <Invitations />;
    case 'audit': return <AuditList />;
    case 'settings': return <SettingsAsTheyAre />;
  }
}

/** How much there is on the server. */
function Overview(): JSX.Element {
  const figures = useSignal<Figures | null>(null);
  useEffect(() => {
    const learn = async (): Promise<void> => {
      figures.value = await attempt(client.rest.get<Figures>('/operator/figures')) ?? figures.value;
    };
    void learn();
    const again = setInterval(() => void learn(), 30_000);
    return () => clearInterval(again);
  }, []);
  const found = figures.value;
  if (!found) return <div class="empty"><Spinner /></div>;
  const count = (n: number): string => n.toLocaleString(lang.value);
  const tiles: [Key, string][] = [
    ['admin.people', count(found.people)],
    ['admin.connections', count(found.connections)],
    ['admin.groups', count(found.groups)],
    ['admin.messages', count(found.messages)],
    ['admin.files', bytes(found.file_bytes)],
  ];
  return (
    <>
      <dl class="tiles">
        {tiles.map(([key, value]) => (
          <div class="card tile" key={key}><dt>{t(key)}</dt><dd>{value}</dd></div>
        ))}
      </dl>
      <Charts now={found} />
      <p class="dim small">{t('admin.privacy')}</p>
    </>
  );
}
