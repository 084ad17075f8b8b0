/** The list of chats, with search of chats, people and groups. */

import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Chat, ChatState, Found, Id, User } from 'wechat-sdk';

import { AsksBadge } from './asks_badge.js';
import { FILE_ICONS, attachmentsOf, filesText, guessed } from './files_text.js';
import { brief } from './format.js';
import { t } from './i18n.js';
import { lazy } from './lazy.js';
import { toLevel } from './level.js';
import { chatName, isListed, isMissed, myId, preview, typingText } from './names.js';
import { isOnline, showPeople } from './presence.js';
import {
  alerts, alertsAsked, attempt, client, go, isNarrow, openChat, say, watch,
} from './state.js';
import { Ticks, standing } from './ticks.js';
import { Avatar, Empty, Icon, IconButton, Menu, type MenuItem, Spinner } from './ui.js';
import { useWindow } from './window.js';

const RequestsRow = lazy(async () => (await import('./contacts.js')).RequestsRow, '');
const AskAlerts = lazy(async () => (await import('./alerts.js')).AskAlerts, '');

export function ChatList(): JSX.Element {
  watch('chats', 'users', 'session');
  const query = useSignal('');
  const list = client.store.list().filter(isListed);
  const wanted = fold(query.value.trim());
  const shown = wanted ? list.filter((state) => fold(chatName(state)).includes(wanted)) : list;
  const me = client.me;
  return (
    <section class="pane list-pane" aria-label={t('chats')}>
      <header class="bar list-bar">
        <button type="button" class="avatar-button" aria-label={t('settings')} title={t('settings')}
          onClick={() => go('settings')}>
          <Avatar id={me?.id ?? ''} name={me?.name ?? ''} size="s" />
        </button>
        <h1 class="grow">{t('chats')}</h1>
        <IconButton icon="contact" label={t('contacts')} onClick={() => go('contacts')} />
        <IconButton icon="phone" label={t('calls')} onClick={() => go('calls')} />
        <IconButton icon="square-pen" label={t('new')} onClick={() => go('new')} />
      </header>
      <div class="search">
        <Icon name="search" />
        <input type="search" placeholder={t('search')} aria-label={t('search')} value={query.value}
          enterkeyhint="search" dir="auto"
          onInput={(event) => { query.value = event.currentTarget.value; }}
          onKeyDown={(event) => { if (event.key === 'Escape') query.value = ''; }} />
      </div>
      {!(isNarrow.value && openChat()) && <ConnectionBar />}
      {!alerts.value && !alertsAsked.value && <AskAlerts />}
      {query.value.trim()
        ? <Results query={query.value.trim()} chats={shown} onDone={() => { query.value = ''; }} />
        : <><RequestsRow /><Chats list={list} /></>}
    </section>
  );
}

export const fold = (text: string): string =>
  text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();

/** Says that there is no connection, and what becomes of what is written. */
export function ConnectionBar(): JSX.Element | null {
  watch('connection');
  const late = useSignal(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isDown = client.connection === 'waiting' || client.connection === 'connecting';
  // A short break is no news.
  if (isDown && !timer.current) timer.current = setTimeout(() => { late.value = true; }, 1_500);
  if (!isDown && timer.current) {
    clearTimeout(timer.current);
    timer.current = undefined;
    queueMicrotask(() => { late.value = false; });
  }
  if (!isDown || !late.value) return null;
  return (
    <p class="offline" role="status">
      <Icon name="cloud-off" />
      <span>{t('offline')}</span>
    </p>
  );
}

const ROW_PX = 72;

function Chats({ list }: { list: ChatState[] }): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const { from, to } = useWindow(scroller, list.length, ROW_PX);
  const drawn = list.slice(from, to);
  const peers =
    drawn.map((state) => state.peer(myId())).filter((id) => id !== null && id !== myId());
  useEffect(() => showPeople('list', peers as string[]), [peers.join()]);
  if (!list.length) return <NoChats />;
  return (
    <div class="scroll chats" ref={scroller}>
      <ul class="rows" style={{ height: `${list.length * ROW_PX}px` }}>
        {drawn.map((state, at) => (
          <ChatRow key={state.id} state={state} top={(from + at) * ROW_PX} />
        ))}
      </ul>
    </div>
  );
}

function NoChats(): JSX.Element {
  watch('connection');
  if (!client.isSynced && client.connection !== 'waiting') {
    return <div class="empty"><Spinner /></div>;
  }
  return (
    <Empty icon="message-circle" title={t('chats.none')} text={t('chats.none.hint')}>
      <button type="button" class="button primary" onClick={() => go('new')}>
        {t('chats.begin')}
      </button>
    </Empty>
  );
}

function ChatRow({ state, top }: { state: ChatState; top: number }): JSX.Element {
  watch(`chat:${state.id}`, `rows:${state.id}`, 'users');
  const menu = useSignal<{ x: number; y: number } | null>(null);
  const name = chatName(state);
  const { unread } = state;
  const peer = state.peer(myId());
  const isOpen = openChat() === state.id;
  const muted = client.alerts.isMuted(state);
  const mentions = state.mentions(myId());
  return (
    <li class="chat-item" style={{ top: `${top}px` }}>
      <a class="chat-row" href={`#/chat/${state.id}`} aria-current={isOpen ? 'page' : undefined}
        onContextMenu={(event) => {
          event.preventDefault();
          menu.value = { x: event.clientX, y: event.clientY };
        }}>
        <Avatar id={peer ?? state.id} name={name} group={peer === null} online={isOnline(peer)} />
        <span class="chat-text">
          <span class="chat-line">
            <span class="chat-name" dir="auto">{name}</span>
            {muted && <Icon name="bell-off" label={t('muted')} />}
            <LastTime state={state} />
          </span>
          <span class="chat-line">
            <LastLine state={state} />
            <AsksBadge chat={state.id} />
            {mentions > 0 && <span class="badge mention" aria-label={t('mentioned')}>@</span>}
            {unread > 0 && (
              <span class={`badge ${muted ? 'quiet' : ''}`}>
                {unread > 999 ? '999+' : unread}<span class="hidden"> {t('unread')}</span>
              </span>
            )}
            {state.member.pinned && !unread && <Icon name="pin" label={t('pinned')} />}
          </span>
        </span>
      </a>
      {menu.value && (
        <Menu label={name} at={menu.value} onClose={() => { menu.value = null; }}
          items={chatActions(state)} />
      )}
    </li>
  );
}

function LastTime({ state }: { state: ChatState }): JSX.Element | null {
  watch(`chat:${state.id}`, `rows:${state.id}`);
  const { last } = state;
  if (!last) return null;
  const isFresh = state.unread && !client.alerts.isMuted(state);
  return <time class={`chat-time ${isFresh ? 'fresh' : ''}`}>{brief(last.sent)}</time>;
}

function LastLine({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`, `rows:${state.id}`, 'users');
  const typing = typingText(state);
  if (typing) return <span class="chat-last typing">{typing}</span>;
  const unsent = client.outbox.of(state.id).at(-1);
  if (unsent) {
    return (
      <span class="chat-last">
        <Icon name={unsent.error ? 'circle-alert' : 'clock'}
          label={t(unsent.error ? 'state.failed' : 'state.sending')} />
        <bdi>{unsent.body || filesText((unsent.files ?? []).map(guessed))}</bdi>
      </span>
    );
  }
  const { last } = state;
  if (!last) return <span class="chat-last" />;
  const isMine = last.from === myId();
  const [file] = last.kind === 'text' ? attachmentsOf(last) : [];
  const author =
    state.chat.kind === 'group' && last.kind === 'text' && !isMine ? last.from_name : '';
  return (
    <span class={`chat-last ${last.kind !== 'text' ? 'quiet' : ''}`}>
      {isMine && last.kind === 'text' && <Ticks state={standing(state, last)} />}
      {last.kind === 'call' && <Icon name={isMissed(last) && !isMine ? 'phone-missed' : 'phone'} />}
      {file && <Icon name={FILE_ICONS[file.kind]} />}
      {author && <span class="chat-author"><bdi>{author}</bdi>: </span>}
      <bdi>{preview(last)}</bdi>
    </span>
  );
}

/** What can be done with a chat from the list and from its head. */
export function chatActions(state: ChatState): MenuItem[] {
  const forever = new Date(Date.now() + 10 * 365 * 86_400_000).toISOString();
  const muted = client.alerts.isMuted(state);
  const { pinned } = state.member;
  const set = (change: Parameters<typeof client.setChat>[1], done: string) => async () => {
    await attempt(client.setChat(state.id, change).then(() => say(done)));
  };
  return [
    {
      icon: pinned ? 'pin-off' : 'pin',
      label: t(pinned ? 'unpin' : 'pin'),
      onClick: set({ pinned: !pinned }, t(pinned ? 'unpinned' : 'pinned')),
    },
    {
      icon: muted ? 'bell' : 'bell-off',
      label: t(muted ? 'unmute' : 'mute'),
      onClick: set(
        muted ? toLevel(state, 'all') : { muted_until: forever }, t(muted ? 'unmuted' : 'muted'),
      ),
    },
    ...(state.unread
      ? [{
        icon: 'check-check', label: t('mark_read'),
        onClick: () => client.read(state.id, state.chat.head_seq),
      }]
      : []),
  ];
}

interface ResultsProps {
  query: string;
  chats: ChatState[];
  onDone: () => void;
}

function Results({ query, chats, onDone }: ResultsProps): JSX.Element {
  const found = useFound(query);
  const me = myId();
  const shown = new Set(chats.slice(0, 20).map((state) => state.peer(me)));
  const users = found?.users.filter(({ id }) => id !== me && !shown.has(id)) ?? [];
  const groups = found?.groups.filter(({ id }) => !client.store.chats.has(id)) ?? [];
  const nothing = found && !users.length && !groups.length && !chats.length;
  return (
    <div class="scroll results">
      {chats.length > 0 && <h2 class="section">{t('chats')}</h2>}
      {chats.slice(0, 20).map((state) => (
        <a key={state.id} class="chat-row" href={`#/chat/${state.id}`} onClick={onDone}>
          <Avatar id={state.peer(me) ?? state.id} name={chatName(state)} group={!state.peer(me)} />
          <span class="chat-text"><span class="chat-name" dir="auto">{chatName(state)}</span></span>
        </a>
      ))}
      {users.length > 0 && <h2 class="section">{t('people')}</h2>}
      {users.map((user) => <FoundUser key={user.id} user={user} onDone={onDone} />)}
      {groups.length > 0 && <h2 class="section">{t('groups')}</h2>}
      {groups.map((group) => <FoundGroup key={group.id} group={group} onDone={onDone} />)}
      {!found && <div class="empty"><Spinner /></div>}
      {nothing && <Empty icon="search" title={t('search.none')} text={t('search.none.hint')} />}
    </div>
  );
}

function FoundUser({ user, onDone }: { user: User; onDone: () => void }): JSX.Element {
  const open = async (): Promise<void> => {
    const state = await attempt(client.openDirect(user.id));
    if (!state) return;
    onDone();
    go(`chat/${state.id}`);
  };
  return (
    <button type="button" class="chat-row" onClick={open}>
      <Avatar id={user.id} name={user.name} />
      <span class="chat-text">
        <span class="chat-name" dir="auto">{user.name}</span>
        {user.about && <span class="chat-last"><bdi>{user.about}</bdi></span>}
      </span>
    </button>
  );
}

/** After asking to join a group: into it, or word that an admin decides. */
export async function enter(group: Id, then: () => void): Promise<void> {
  const isIn = await client.open(group).then(() => true, () => false);
  if (isIn) then();
  else say(t('join.asked'));
}

function FoundGroup({ group, onDone }: { group: Chat; onDone: () => void }): JSX.Element {
  const join = async (): Promise<void> => {
    const joined = await attempt(client.rest.post(`/groups/${group.id}/join`));
    if (!joined) return;
    await enter(group.id, () => {
      onDone();
      go(`chat/${group.id}`);
    });
  };
  return (
    <div class="chat-row">
      <Avatar id={group.id} name={group.title ?? ''} group picture={group.avatar} />
      <span class="chat-text">
        <span class="chat-name" dir="auto">{group.title}</span>
        <span class="chat-last">{t('members', { n: group.member_count })}</span>
      </span>
      <button type="button" class="button small" onClick={join}>{t('join')}</button>
    </div>
  );
}

/** Asks the server a moment after the last keystroke; null while an answer is on its way. */
export function useFound(query: string): Found | null {
  const asked = useSignal(query);
  const found = useSignal<Found | null>(null);
  if (asked.peek() !== query) queueMicrotask(() => { asked.value = query; });
  useSignalEffect(() => {
    const q = asked.value;
    found.value = null;
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      const query = { q, limit: 20 };
      const asking = q ? client.rest.ask<Found>('/search', { query, signal: abort.signal }) : null;
      const answer = await asking?.catch(() => null) ?? { users: [], groups: [] };
      if (abort.signal.aborted) return;
      client.keepUsers(answer.users);
      found.value = answer;
    }, 200);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });
  return found.value;
}
