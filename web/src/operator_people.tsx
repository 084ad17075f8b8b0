/** People as operators see them: found, looked at, suspended, restored, deleted. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Account, AccountDetail, Accounts, Id } from 'wechat-sdk';

import { date, full } from './format.js';
import { t } from './i18n.js';
import { List, usePages } from './operator_parts.js';
import { Action } from './row_buttons.js';
import { attempt, client, go, say } from './state.js';
import type { Key } from './texts/en.js';
import { Avatar, Choice, Confirm, Dialog, Spinner } from './ui.js';

const LISTS = ['all', 'suspended', 'operators'] as const;
const DAY = 86_400_000;
/** For how many days somebody may be suspended; 0 is until an operator ends it. */
const TERMS = [1, 7, 30, 0];

export function People(): JSX.Element {
  const words = useSignal('');
  const which = useSignal<typeof LISTS[number]>('all');
  const pages = usePages<Account>(async (after) => {
    const q = words.peek().trim() || undefined;
    const query = q ? { q } : { which: which.peek(), after };
    const { people, next } = await client.rest.get<Accounts>('/operator/people', query);
    return { rows: people, next };
  }, `${which.value} ${words.value.trim()}`);
  return (
    <>
      <label class="field search-field"><span>{t('admin.find')}</span>
        <input type="search" autocomplete="off" spellcheck={false} value={words.value}
          onInput={(event) => { words.value = event.currentTarget.value; }} /></label>
      {!words.value.trim() && (
        <Choice<typeof LISTS[number]> label={t('admin.people')} icon="users" value={which.value}
          options={LISTS.map((list) => [list, t(`admin.people.${list}` as Key)])}
          onChange={(list) => { which.value = list; }} />
      )}
      <List pages={pages} icon="users" none={t('admin.people.none')}>
        {(person) => (
          <a class="row-button member" href={`#/admin/people/${person.id}`} key={person.id}>
            <Avatar id={person.id} name={person.name} size="s" picture={person.avatar ?? null} />
            <span class="grow two-lines">
              <span dir="auto">{person.name || t('user.deleted')}</span>
              <small class="dim">{person.email}</small>
            </span>
            <Tags person={person} />
          </a>
        )}
      </List>
    </>
  );
}

/** Whether a suspension is not over. */
function isSuspended({ suspended }: Account): boolean {
  return !!suspended && (!suspended.until || Date.parse(suspended.until) > Date.now());
}

function Tags({ person }: { person: Account }): JSX.Element {
  return (
    <>
      {person.operator && <span class="tag">{t('admin.operator')}</span>}
      {isSuspended(person) && <span class="tag bad">{t('admin.suspended')}</span>}
      {person.deleted_at && <span class="tag bad">{t('admin.deleted')}</span>}
    </>
  );
}

/** What is asked for before it is done. */
type Asked = 'suspend' | 'delete' | 'log_out' | 'address' | null;

export function PersonPage({ id }: { id: Id }): JSX.Element {
  const found = useSignal<AccountDetail | null>(null);
  const asked = useSignal<Asked>(null);
  const path = `/operator/people/${id}`;
  const look = async (): Promise<void> => {
    found.value = await attempt(client.rest.get<AccountDetail>(path)) ?? found.value;
  };
  useEffect(() => { void look(); }, [id]);
  const act = async (work: Promise<unknown>): Promise<void> => {
    asked.value = null;
    if (await attempt(work.then(() => true))) say(t('admin.done'));
    await look();
  };
  if (!found.value) return <div class="empty"><Spinner /></div>;
  const { person, sessions, groups } = found.value;
  const ask = (what: Asked) => () => { asked.value = what; };
  return (
    <>
      <div class="face">
        <Avatar id={id} name={person.name} size="xl" picture={person.avatar ?? null} />
        <h2 dir="auto">{person.name || t('user.deleted')}</h2>
        <p class="dim">{person.email}</p>
        <p class="tags"><Tags person={person} /></p>
      </div>
      {isSuspended(person) && person.suspended && (
        <p class="card told">
          {person.suspended.until
            ? t('admin.suspended.until', { when: full(person.suspended.until) })
            : t('admin.suspended.open')}{' '}
          <q dir="auto">{person.suspended.why}</q>
        </p>
      )}
      <dl class="card facts">
        <dt>{t('admin.since')}</dt><dd>{date(person.created_at)}</dd>
        <dt>{t('admin.groups')}</dt><dd>{groups}</dd>
        <dt>{t('devices')}</dt>
        <dd>{sessions.map(({ device }) => device || t('device.unknown')).join(', ') || '–'}</dd>
      </dl>
      {!person.deleted_at && (
        <div class="card">
          {isSuspended(person)
            ? <Action icon="undo-2" label={t('admin.restore')}
                onClick={() => void act(client.rest.post(`${path}/restore`))} />
            : <Action icon="ban" label={t('admin.suspend')} onClick={ask('suspend')} />}
          <Action icon="log-out" label={t('admin.log_out')} onClick={ask('log_out')} />
          <Action icon="mail" label={t('admin.address')} onClick={ask('address')} />
          <Action icon="shield" label={t(person.operator ? 'admin.dismiss' : 'admin.appoint')}
            onClick={() => void act(person.operator
              ? client.rest.delete(`${path}/operator`) : client.rest.put(`${path}/operator`))} />
          <Action icon="trash-2" label={t('account.delete')} danger onClick={ask('delete')} />
        </div>
      )}
      <Asking what={asked.value} path={path} onDone={(work) => {
        if (work) void act(work);
        else asked.value = null;
      }} />
    </>
  );
}

interface AskingProps {
  what: Asked;
  path: string;
  onDone: (work: Promise<unknown> | null) => void;
}

function Asking({ what, path, onDone }: AskingProps): JSX.Element | null {
  switch (what) {
    case 'delete': return (
      <Confirm title={t('account.delete')} text={t('admin.delete.hint')}
        action={t('account.delete')}
        onDone={(yes) => onDone(yes ? gone(client.rest.delete(path)) : null)} />
    );
    case 'log_out': return (
      <Confirm title={t('admin.log_out')} text={t('admin.log_out.hint')}
        action={t('admin.log_out')}
        onDone={(yes) => onDone(yes ? client.rest.delete(`${path}/sessions`) : null)} />
    );
    case 'suspend': return <Suspending path={path} onDone={onDone} />;
    case 'address': return <Moving path={path} onDone={onDone} />;
    default: return null;
  }
}

async function gone(work: Promise<unknown>): Promise<void> {
  await work;
  go('admin/people', true);
}

function Suspending({ path, onDone }: Omit<AskingProps, 'what'>): JSX.Element {
  const why = useSignal('');
  const days = useSignal(7);
  const suspend = (event: Event): void => {
    event.preventDefault();
    const until = days.value ? new Date(Date.now() + days.value * DAY).toISOString() : undefined;
    onDone(client.rest.post(`${path}/suspend`, { why: why.value.trim(), until }));
  };
  return (
    <Dialog title={t('admin.suspend')} onClose={() => onDone(null)}>
      <form onSubmit={suspend}>
        <p class="dim">{t('admin.suspend.hint')}</p>
        <Choice label={t('admin.suspend.term')} icon="clock" value={String(days.value)}
          options={TERMS.map((term) =>
            [String(term), term ? t('span.days', { n: term }) : t('admin.open')])}
          onChange={(term) => { days.value = Number(term); }} />
        <label class="field"><span>{t('admin.suspend.why')}</span>
          <textarea required rows={2} maxLength={200} dir="auto" value={why.value}
            onInput={(event) => { why.value = event.currentTarget.value; }} /></label>
        <div class="buttons">
          <button type="button" class="button" onClick={() => onDone(null)}>{t('cancel')}</button>
          <button class="button danger">{t('admin.suspend')}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Moving({ path, onDone }: Omit<AskingProps, 'what'>): JSX.Element {
  const email = useSignal('');
  const move = (event: Event): void => {
    event.preventDefault();
    onDone(client.rest.put(`${path}/email`, { email: email.value.trim() }));
  };
  return (
    <Dialog title={t('admin.address')} onClose={() => onDone(null)}>
      <form onSubmit={move}>
        <p class="dim">{t('admin.address.hint')}</p>
        <label class="field"><span>{t('email')}</span>
          <input type="email" required autocomplete="off" value={email.value}
            onInput={(event) => { email.value = event.currentTarget.value; }} /></label>
        <div class="buttons">
          <button type="button" class="button" onClick={() => onDone(null)}>{t('cancel')}</button>
          <button class="button primary">{t('save')}</button>
        </div>
      </form>
    </Dialog>
  );
}
