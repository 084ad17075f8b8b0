/** Groups, invitations to the server, and what operators did, as operators see them. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type {
  Audit, Audits, Id, Invitation, Invitations as InvitationRows, OperatedGroup, OperatedGroupDetail,
  OperatedGroups,
} from 'wechat-sdk';

import { date, full } from './format.js';
import { t } from './i18n.js';
import { copy } from './message_menu.js';
import { List, usePages } from './operator_parts.js';
import { QrCode } from './qr.js';
import { Action } from './row_buttons.js';
import { attempt, client, go, say } from './state.js';
import type { Key } from './texts/en.js';
import { Avatar, Confirm, Dialog, Icon, IconButton, Spinner } from './ui.js';

const DAY_SECONDS = 86_400;

export function Groups(): JSX.Element {
  const pages = usePages<OperatedGroup>(async (after) => {
    const found = await client.rest.get<OperatedGroups>('/operator/groups', { after });
    return { rows: found.groups, next: found.next };
  }, '');
  return (
    <List pages={pages} icon="users" none={t('admin.groups.none')}>
      {(group) => (
        <a class="row-button member" href={`#/admin/groups/${group.id}`} key={group.id}>
          <Avatar id={group.id} name={group.title} size="s" group />
          <span class="grow two-lines">
            <span dir="auto">{group.title}</span>
            <small class="dim">
              {t('members', { n: group.member_count })} · {date(group.active_at)}
            </small>
          </span>
          {group.deleted_at && <span class="tag bad">{t('admin.deleted')}</span>}
        </a>
      )}
    </List>
  );
}

export function GroupPage({ id }: { id: Id }): JSX.Element {
  const found = useSignal<OperatedGroupDetail | null>(null);
  const ending = useSignal(false);
  const path = `/operator/groups/${id}`;
  useEffect(() => {
    void attempt(client.rest.get<OperatedGroupDetail>(path)).then((group) => {
      if (group) found.value = group;
    });
  }, [id]);
  if (!found.value) return <div class="empty"><Spinner /></div>;
  const { group, members } = found.value;
  const end = async (yes: boolean): Promise<void> => {
    ending.value = false;
    if (!yes || !await attempt(client.rest.delete(path).then(() => true))) return;
    say(t('admin.done'));
    go('admin/groups', true);
  };
  return (
    <>
      <div class="face">
        <Avatar id={id} name={group.title} size="xl" group />
        <h2 dir="auto">{group.title}</h2>
        {group.about && <p class="about-me" dir="auto">{group.about}</p>}
      </div>
      <dl class="card facts">
        <dt>{t('admin.since')}</dt><dd>{date(group.created_at)}</dd>
        <dt>{t('admin.messages')}</dt><dd>{group.messages}</dd>
        <dt>{t('members.title')}</dt><dd>{group.member_count}</dd>
      </dl>
      <div class="card">
        {members.map(({ user, name }) => (
          <a class="row-button member" href={`#/admin/people/${user}`} key={user}>
            <Avatar id={user} name={name} size="s" picture={null} />
            <span class="grow" dir="auto">{name || t('user.deleted')}</span>
          </a>
        ))}
      </div>
      {!group.deleted_at && (
        <div class="card">
          <Action icon="trash-2" label={t('admin.group.delete')} danger
            onClick={() => { ending.value = true; }} />
        </div>
      )}
      {ending.value && (
        <Confirm title={t('admin.group.delete')} text={t('admin.group.delete.hint')}
          action={t('admin.group.delete')} onDone={(yes) => void end(yes)} />
      )}
    </>
  );
}

export function Invitations(): JSX.Element {
  const made = useSignal<Invitation | null>(null);
  const uses = useSignal(1);
  const days = useSignal(7);
  const pages = usePages<Invitation>(async () => ({
    rows: (await client.rest.get<InvitationRows>('/operator/invitations')).invitations,
  }), made.value?.id ?? '');
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    const body = { uses: uses.value, expires_in: days.value * DAY_SECONDS };
    const found = await attempt(client.rest.post<Invitation>('/operator/invitations', body));
    if (found) made.value = found;
  };
  const end = async (id: Id): Promise<void> => {
    if (await attempt(client.rest.delete(`/operator/invitations/${id}`).then(() => true))) {
      await pages.more(true);
    }
  };
  return (
    <>
      <form class="card form side-by-side" onSubmit={make}>
        <label class="field"><span>{t('admin.invitation.uses')}</span>
          <input type="number" required min={1} max={1000} value={uses.value}
            onInput={(event) => { uses.value = Number(event.currentTarget.value); }} /></label>
        <label class="field"><span>{t('admin.invitation.days')}</span>
          <input type="number" required min={1} max={365} value={days.value}
            onInput={(event) => { days.value = Number(event.currentTarget.value); }} /></label>
        <div class="buttons">
          <button class="button primary">{t('admin.invitation.make')}</button>
        </div>
      </form>
      <List pages={pages} icon="ticket" none={t('admin.invitations.none')}>
        {(one) => (
          <div class="device" key={one.id}>
            <Icon name="ticket" />
            <span class="grow">
              <span>{t('admin.invitation.used', { used: one.used, uses: one.uses })}</span>
              <small class="dim">{t('admin.until', { when: full(one.expires_at) })}</small>
            </span>
            <IconButton icon="trash-2" label={t('admin.invitation.end')}
              onClick={() => void end(one.id)} />
          </div>
        )}
      </List>
      {made.value?.link && (
        <Made link={made.value.link} onClose={() => { made.value = null; }} />
      )}
    </>
  );
}

function Made({ link, onClose }: { link: string; onClose: () => void }): JSX.Element {
  return (
    <Dialog title={t('admin.invitation')} onClose={onClose}>
      <p class="dim">{t('admin.invitation.once')}</p>
      <QrCode text={link} label={t('admin.invitation')} />
      <p class="invite-link"><code>{link}</code></p>
      <div class="buttons">
        <button type="button" class="button primary" onClick={() => void copy(link)}>
          {t('copy')}
        </button>
      </div>
    </Dialog>
  );
}

/** Which operator did it, by name as long as the account is there. */
function whose({ by, by_name }: Audit): string {
  if (!by) return t('admin.machine');
  return by_name ?? t('admin.operator');
}

export function AuditList(): JSX.Element {
  const pages = usePages<Audit>(async (before) => {
    const found = await client.rest.get<Audits>('/operator/audit', { before });
    return { rows: found.audit, next: found.next };
  }, '');
  return (
    <List pages={pages} icon="scroll-text" none={t('admin.audit.none')}>
      {(row) => (
        <div class="device" key={row.id}>
          <span class="grow">
            <span>{t(`admin.act.${row.act}` as Key) || row.act}</span>
            <small class="dim">
              {full(row.at)} · <bdi>{whose(row)}</bdi>
              {row.what && <> · <q dir="auto">{row.what}</q></>}
            </small>
          </span>
          {row.user && (
            <a class="link whom" dir="auto" href={`#/admin/people/${row.user}`}>
              {row.name ?? t('admin.person')}
            </a>
          )}
          {row.group && (
            <a class="link whom" dir="auto" href={`#/admin/groups/${row.group}`}>
              {row.name ?? t('admin.group')}
            </a>
          )}
        </div>
      )}
    </List>
  );
}
