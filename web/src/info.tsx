/** About a chat: the person, or the group with its members, invitation link and settings. */

import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ChatState, GroupMember, Id, Invite, MemberPage, Role, User } from 'wechat-sdk';

import { ChatLevel } from './alert_settings.js';
import { ChangePicture } from './change_picture.js';
import { chatActions } from './chats.js';
import { ContactActions } from './contacts.js';
import { date } from './format.js';
import {
  AnnounceDialog, NickDialog, RequestsCard, RulesCard, SilenceDialog, SilentTag, isSilent,
} from './group_rules.js';
import { t } from './i18n.js';
import { copy } from './message_menu.js';
import { chatName, myId, userName } from './names.js';
import { Picker } from './people.js';
import { faceOf } from './pictures.js';
import { presenceText } from './presence.js';
import { QrCode } from './qr.js';
import { ReportDialog, type Subject } from './report.js';
import { Action } from './row_buttons.js';
import { attempt, client, go, limits, say, watch } from './state.js';
import {
  Avatar, Confirm, Dialog, Icon, IconButton, Menu, type MenuItem, Spinner, Switch,
} from './ui.js';
import { viewFace } from './viewing.js';

export function InfoPane({ id }: { id: Id }): JSX.Element {
  watch(`chat:${id}`, 'users');
  const state = client.store.chats.get(id);
  if (!state) return <section class="pane info-pane" />;
  const peer = state.peer(myId());
  return (
    <section class="pane info-pane" aria-label={t('info')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip only-narrow-i"
          onClick={() => go(`chat/${id}`)} />
        <h1 class="grow">{t('info')}</h1>
        <IconButton icon="x" label={t('close')} class="not-narrow"
          onClick={() => go(`chat/${id}`)} />
      </header>
      <div class="scroll info">
        {peer === null ? <GroupInfo state={state} /> : <DirectInfo state={state} peer={peer} />}
      </div>
    </section>
  );
}

function Face({ id, name, sub, about, group }: {
  id: Id; name: string; sub: string; about: string; group?: boolean;
}): JSX.Element {
  return (
    <div class="face">
      <FacePicture id={id} name={name} {...(group ? { group } : {})} />
      <h2 dir="auto">{name}</h2>
      {sub && <p class="dim">{sub}</p>}
      {about && <p class="about-me" dir="auto">{about}</p>}
    </div>
  );
}

/** The picture of a person or group, which opens in full when there is one. */
export function FacePicture(
  { id, name, group }: { id: Id; name: string; group?: boolean },
): JSX.Element {
  watch('users', 'session', `chat:${id}`);
  const file = faceOf(id);
  const face = <Avatar id={id} name={name} size="xl" {...(group ? { group } : {})} />;
  if (!file) return face;
  return (
    <button type="button" class="avatar-button" aria-label={t('file.open', { name })}
      onClick={() => viewFace(file, name)}>
      {face}
    </button>
  );
}

function DirectInfo({ state, peer }: { state: ChatState; peer: Id }): JSX.Element {
  watch(`chat:${state.id}`, 'users');
  const user = client.user(peer);
  return (
    <>
      <Face id={peer} name={chatName(state)} sub={presenceText(peer)} about={user?.about ?? ''} />
      {peer !== myId() && (
        <div class="face-buttons">
          <button type="button" class="button" onClick={() => client.startCall(state.id, 'voice')}>
            <Icon name="phone" /> {t('call.do_voice')}
          </button>
          <button type="button" class="button" onClick={() => client.startCall(state.id, 'video')}>
            <Icon name="video" /> {t('call.do_video')}
          </button>
        </div>
      )}
      {peer !== myId() && <ContactActions state={state} peer={peer} />}
      <ChatLevel state={state} />
      <div class="card">
        {chatActions(state).map((item) => <Action key={item.label} {...item} />)}
        <ClearChat state={state} />
        {peer !== myId() && <Block user={peer} />}
        {peer !== myId() && <Report subject={{ user: peer }} />}
      </div>
    </>
  );
}

function Report({ subject }: { subject: Subject }): JSX.Element {
  const isOpen = useSignal(false);
  return (
    <>
      <Action icon="flag" label={t('report')} danger onClick={() => { isOpen.value = true; }} />
      {isOpen.value && (
        <ReportDialog subject={subject} onClose={() => { isOpen.value = false; }} />
      )}
    </>
  );
}

function ClearChat({ state }: { state: ChatState }): JSX.Element {
  const asked = useSignal(false);
  const done = async (yes: boolean): Promise<void> => {
    asked.value = false;
    if (yes) {
      await attempt(client.setChat(state.id, { hide_seq: state.chat.head_seq }).then(() => go('')));
    }
  };
  return (
    <>
      <Action icon="eraser" label={t('chat.clear')} onClick={() => { asked.value = true; }}
        danger />
      {asked.value && (
        <Confirm title={t('chat.clear')} text={t('chat.clear.hint')} action={t('chat.clear')}
          onDone={done} />
      )}
    </>
  );
}

function Block({ user }: { user: Id }): JSX.Element | null {
  const blocked = useSignal<boolean | null>(null);
  const asked = useSignal(false);
  useEffect(() => {
    void client.rest.get<{ blocked: { user: User }[] }>('/me/blocks').then(
      (list) => { blocked.value = list.blocked.some((one) => one.user.id === user); },
      () => undefined,
    );
  }, [user]);
  if (blocked.value === null) return null;
  const set = async (on: boolean): Promise<void> => {
    const path = `/users/${user}/block`;
    const done =
      await attempt((on ? client.rest.put(path) : client.rest.delete(path)).then(() => true));
    if (done) blocked.value = on;
  };
  return (
    <>
      <Action icon="ban" label={t(blocked.value ? 'unblock' : 'block')} danger={!blocked.value}
        onClick={() => { if (blocked.value) void set(false); else asked.value = true; }} />
      {asked.value && (
        <Confirm title={t('block.ask', { name: userName(user) })} text={t('block.hint')}
          action={t('block')}
          onDone={(yes) => { asked.value = false; if (yes) void set(true); }} />
      )}
    </>
  );
}

type GroupStep =
  'none' | 'edit' | 'add' | 'invite' | 'leave' | 'delete' | 'announce' | 'nick';

function GroupInfo({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`);
  const { chat, member } = state;
  const isManager = member.role !== 'member';
  const step = useSignal<GroupStep>('none');
  const close = (): void => { step.value = 'none'; };
  const leave = async (yes: boolean): Promise<void> => {
    close();
    if (yes) await attempt(client.rest.post(`/groups/${chat.id}/leave`).then(() => go('')));
  };
  const remove = async (yes: boolean): Promise<void> => {
    close();
    if (yes) await attempt(client.rest.delete(`/groups/${chat.id}`).then(() => go('')));
  };
  const sub = `${t('members', { n: chat.member_count })} · `
    + `${t(chat.public ? 'group.is_public' : 'group.is_private')}`;
  return (
    <>
      <Face id={chat.id} name={chat.title ?? ''} sub={sub} about={chat.about ?? ''} group />
      <div class="card">
        {isManager && (
          <Action icon="pencil" label={t('group.edit')} onClick={() => { step.value = 'edit'; }} />
        )}
        {isManager && (
          <Action icon="link" label={t('invite')} onClick={() => { step.value = 'invite'; }} />
        )}
        {isManager && (
          <Action icon="megaphone" label={t('announcement')}
            onClick={() => { step.value = 'announce'; }} />
        )}
        <Action icon="signature" label={t('nick')} onClick={() => { step.value = 'nick'; }} />
        {chatActions(state).map((item) => <Action key={item.label} {...item} />)}
      </div>
      {isManager && <RequestsCard state={state} />}
      <Members state={state}
        onAdd={isManager || chat.rules?.add === 'all' ? () => { step.value = 'add'; } : null} />
      {isManager && <RulesCard state={state} />}
      <div class="card">
        <ClearChat state={state} />
        {member.role !== 'owner' && <Report subject={{ group: chat.id }} />}
        <Action icon="log-out" label={t('group.leave')} onClick={() => { step.value = 'leave'; }}
          danger />
        {member.role === 'owner' && (
          <Action icon="trash-2" label={t('group.delete')}
            onClick={() => { step.value = 'delete'; }} danger />
        )}
      </div>
      <p class="dim small created">{t('group.created', { date: date(chat.created) })}</p>
      {step.value === 'edit' && <EditGroup state={state} onClose={close} />}
      {step.value === 'add' && <AddMembers state={state} onClose={close} />}
      {step.value === 'announce' && <AnnounceDialog state={state} onClose={close} />}
      {step.value === 'nick' && <NickDialog state={state} onClose={close} />}
      {step.value === 'invite' && <Invitation state={state} onClose={close} />}
      {step.value === 'leave' && (
        <Confirm title={t('group.leave')} text={t('group.leave.hint')} action={t('group.leave')}
          onDone={leave} />
      )}
      {step.value === 'delete' && (
        <Confirm title={t('group.delete')} text={t('group.delete.hint')} action={t('group.delete')}
          onDone={remove} />
      )}
    </>
  );
}

const RANK: Record<Role, number> = { owner: 0, admin: 1, member: 2 };

function Members({ state, onAdd }: { state: ChatState; onAdd: (() => void) | null }): JSX.Element {
  const members = useSignal<GroupMember[] | null>(null);
  const next = useSignal<string | null>(null);
  const load = async (after?: string): Promise<void> => {
    const path = `/groups/${state.id}/members`;
    const page = await attempt(client.rest.get<MemberPage>(path, { after, limit: 100 }));
    if (!page) return;
    client.keepUsers(page.members.map(({ user }) => user));
    const known = after ? members.peek() ?? [] : [];
    members.value = [...known, ...page.members].sort((a, b) => RANK[a.role] - RANK[b.role]);
    next.value = page.next ?? null;
  };
  // What changes members is told in the group's own log.
  useEffect(() => { void load(); }, [state.id, state.chat.member_count, state.chat.head_rev]);
  return (
    <div class="card">
      <h3 class="section">{t('members.title')}</h3>
      {onAdd && <Action icon="user-plus" label={t('members.add')} onClick={onAdd} />}
      {members.value
        ? members.value.map((one) => (
          <MemberLine key={one.user.id} one={one} state={state} onChanged={() => void load()} />
        ))
        : <Spinner />}
      {next.value && (
        <button type="button" class="row-button" onClick={() => void load(next.value ?? undefined)}>
          {t('more')}
        </button>
      )}
    </div>
  );
}

function MemberLine({ one, state, onChanged }: {
  one: GroupMember; state: ChatState; onChanged: () => void;
}): JSX.Element {
  const { user, role } = one;
  const menu = useSignal<{ x: number; y: number } | null>(null);
  const silencing = useSignal(false);
  const mine = state.member.role;
  const isMe = user.id === myId();
  const path = `/groups/${state.id}/members/${user.id}`;
  const run = (work: () => Promise<unknown>) => async (): Promise<void> => {
    await attempt(work());
    onChanged();
  };
  const setRole = (to: Role) => run(() => client.rest.patch(path, { role: to }));
  const mayRemove = !isMe && RANK[mine] < RANK[role];
  const items: (MenuItem | false)[] = [
    !isMe && {
      icon: 'message-circle', label: t('message'), onClick: () => void openDirect(user.id),
    },
    mine === 'owner' && role === 'member'
      && { icon: 'shield', label: t('role.make_admin'), onClick: setRole('admin') },
    mine === 'owner' && role === 'admin'
      && { icon: 'shield-off', label: t('role.make_member'), onClick: setRole('member') },
    mine === 'owner' && !isMe && {
      icon: 'crown', label: t('role.hand_over'),
      onClick: run(() => client.rest.put(`/groups/${state.id}/owner`, { user: user.id })),
    },
    mayRemove && (isSilent(one)
      ? {
        icon: 'mic', label: t('members.speak'),
        onClick: run(() => client.rest.delete(`${path}/silence`)),
      }
      : {
        icon: 'mic-off', label: t('members.silence'), onClick: () => { silencing.value = true; },
      }),
    mayRemove && {
      icon: 'user-minus', label: t('members.remove'), danger: true,
      onClick: run(() => client.rest.delete(path)),
    },
    mayRemove && {
      icon: 'ban', label: t('members.ban'), danger: true,
      onClick: run(() => client.rest.put(`/groups/${state.id}/bans/${user.id}`)),
    },
  ];
  return (
    <>
      <button type="button" class="row-button member" disabled={isMe}
        onClick={(event) => { menu.value = { x: event.clientX, y: event.clientY }; }}>
        <Avatar id={user.id} name={user.name} size="s" />
        <span class="grow chat-name" dir="auto">
          {isMe ? t('you') : user.name || t('user.deleted')}
          {one.nick && <small class="nick"> <bdi>{one.nick}</bdi></small>}
        </span>
        <SilentTag one={one} />
        {role !== 'member' && <span class="tag">{t(`role.${role}`)}</span>}
      </button>
      {menu.value && (
        <Menu label={user.name} at={menu.value} onClose={() => { menu.value = null; }}
          items={items} />
      )}
      {silencing.value && (
        <SilenceDialog state={state} one={one}
          onClose={() => { silencing.value = false; onChanged(); }} />
      )}
    </>
  );
}

export async function openDirect(user: Id): Promise<void> {
  const state = await attempt(client.openDirect(user));
  if (state) go(`chat/${state.id}`);
}

function EditGroup({ state, onClose }: { state: ChatState; onClose: () => void }): JSX.Element {
  const { chat } = state;
  const title = useSignal(chat.title ?? '');
  const about = useSignal(chat.about ?? '');
  const isPublic = useSignal(chat.public);
  const isShared = useSignal(chat.history_shared);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const change = {
      title: title.value.trim(), about: about.value.trim(), public: isPublic.value,
      history_shared: isShared.value,
    };
    const done = await attempt(client.rest.patch(`/groups/${chat.id}`, change).then(() => true));
    if (done) onClose();
  };
  return (
    <Dialog title={t('group.edit')} onClose={onClose}>
      <ChangePicture has={!!chat.avatar}
        onChange={(picture) => client.setGroupPicture(chat.id, picture)} />
      <form class="form" onSubmit={save}>
        <label class="field"><span>{t('group.title')}</span>
          <input required maxLength={limits()?.title_chars} dir="auto" value={title.value}
            onInput={(event) => { title.value = event.currentTarget.value; }} /></label>
        <label class="field"><span>{t('group.about')}</span>
          <textarea rows={3} maxLength={limits()?.about_chars} dir="auto" value={about.value}
            onInput={(event) => { about.value = event.currentTarget.value; }} /></label>
        <Switch label={t('group.public')} hint={t('group.public.hint')} on={isPublic.value}
          onChange={(on) => { isPublic.value = on; }} />
        <Switch label={t('group.shared')} hint={t('group.shared.hint')} on={isShared.value}
          onChange={(on) => { isShared.value = on; }} />
        <div class="buttons"><button class="button primary">{t('save')}</button></div>
      </form>
    </Dialog>
  );
}

function AddMembers({ state, onClose }: { state: ChatState; onClose: () => void }): JSX.Element {
  const chosen = useSignal<ReadonlySet<Id>>(new Set());
  const add = async (): Promise<void> => {
    const users = [...chosen.value];
    const added =
      await attempt(client.rest.post<{ added: Id[] }>(`/groups/${state.id}/members`, { users }));
    if (!added) return;
    if (added.added.length < users.length) say(t('members.not_all'));
    onClose();
  };
  return (
    <Dialog title={t('members.add')} onClose={onClose} class="tall">
      <Picker chosen={chosen} />
      <div class="buttons">
        <button type="button" class="button primary" disabled={!chosen.value.size}
          onClick={() => void add()}>
          {t('add')}
        </button>
      </div>
    </Dialog>
  );
}

function Invitation({ state, onClose }: { state: ChatState; onClose: () => void }): JSX.Element {
  const invite = useSignal<Invite | null>(null);
  const path = `/groups/${state.id}/invites`;
  const make = async (): Promise<void> => {
    invite.value = await attempt(client.rest.post<Invite>(path, {})) ?? null;
  };
  useSignalEffect(() => {
    void attempt(client.rest.get<{ invites: Invite[] }>(path)).then((found) => {
      const open = found?.invites.find(({ uses_left, expires }) => uses_left == null && !expires);
      if (open) invite.value = open;
      else if (found) void make();
    });
  });
  const revoke = async (): Promise<void> => {
    const { value } = invite;
    if (!value) return;
    invite.value = null;
    await attempt(client.rest.delete(`${path}/${value.code}`));
    await make();
  };
  const link = invite.value ? `${location.origin}/#/join/${invite.value.code}` : '';
  return (
    <Dialog title={t('invite')} onClose={onClose} class="invite">
      <p class="dim">{t('invite.hint')}</p>
      {link ? <QrCode text={link} label={t('invite.qr')} /> : <Spinner />}
      <p class="invite-link"><code dir="ltr">{link}</code></p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => void revoke()}>
          {t('invite.renew')}
        </button>
        <button type="button" class="button primary" onClick={() => void copy(link)}>
          {t('copy')}
        </button>
      </div>
    </Dialog>
  );
}
