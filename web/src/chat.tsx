/** One chat: its head, its messages, the composer. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { ChatState, Message } from 'wechat-sdk';

import { AsksBadge } from './asks_badge.js';
import { ConnectionBar, chatActions } from './chats.js';
import { RequestBar } from './contacts.js';
import { t } from './i18n.js';
import { learnCursors } from './cursors.js';
import { Announcement, Speaking } from './hush.js';
import { jumpTo } from './jump.js';
import { chatName, myId, preview, typingText } from './names.js';
import { learnNicks } from './nicks.js';
import { client, go, isNarrow, watch } from './state.js';
import { stopSound } from './player.js';
import { presenceText, showPeople } from './presence.js';
import { Timeline } from './timeline.js';
import { addFiles } from './writing.js';
import { Avatar, Empty, Icon, IconButton, Menu, Spinner } from './ui.js';

export function ChatPane({ id }: { id: string }): JSX.Element {
  watch(`chat:${id}`, 'session');
  const state = client.store.chats.get(id);
  const missing = useSignal(false);
  // A chat that is not held: by a link, or opened on another device a moment ago.
  useEffect(() => {
    missing.value = false;
    if (!state && client.isLoaded) client.open(id).catch(() => { missing.value = true; });
  }, [id, !state, client.isLoaded]);
  if (state) return <Chat key={id} state={state} />;
  return (
    <section class="pane chat-pane">
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="back flip" onClick={() => go('')} />
      </header>
      {missing.value
        ? (
          <Empty icon="message-circle-off" title={t('chat.missing')}
            text={t('chat.missing.hint')} />
        )
        : <div class="empty"><Spinner /></div>}
    </section>
  );
}

function Chat({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`, 'connection');
  // The mark stays where it was when the chat was opened.
  const marker = useMemo(() => state.firstUnread, [state.id]);
  const isLive = client.isSynced;
  useEffect(() => {
    if (!isLive) return;
    if (!state.isWhole && state.messages.length < 40) {
      void client.older(state.id).catch(() => undefined);
    }
    void learnCursors(state);
    void learnNicks(state);
  }, [state.id, isLive]);
  const peer = state.peer(myId());
  useEffect(() => {
    if (peer && peer !== myId()) showPeople('chat', [peer]);
    return () => showPeople('chat', []);
  }, [peer]);
  const isOver = !!state.chat.deleted;
  const isOverIt = useSignal(false);
  useEffect(() => stopSound, [state.id]);
  const onDragOver = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes('Files') || isOver) return;
    event.preventDefault();
    isOverIt.value = true;
  };
  // Going from one part of the pane to another is no leaving.
  const onDragLeave = (event: DragEvent): void => {
    if (!(event.currentTarget as Node).contains(event.relatedTarget as Node | null)) {
      isOverIt.value = false;
    }
  };
  const onDrop = (event: DragEvent): void => {
    if (!isOverIt.value) return;
    event.preventDefault();
    isOverIt.value = false;
    addFiles(state.id, event.dataTransfer?.files ?? []);
  };
  return (
    <section class="pane chat-pane" aria-label={chatName(state)} onDragOver={onDragOver}
      onDragLeave={onDragLeave} onDrop={onDrop}>
      {isOverIt.value && <div class="drop">{t('file.drop')}</div>}
      <Head state={state} />
      {isNarrow.value && <ConnectionBar />}
      <Announcement state={state} />
      <Pinned state={state} />
      <Timeline state={state} marker={marker} />
      <Announcer state={state} />
      <RequestBar state={state} />
      {isOver ? <p class="composer-off">{t('chat.over')}</p> : <Speaking state={state} />}
    </section>
  );
}

function Head({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`, 'users', 'connection', 'session');
  const menu = useSignal<{ x: number; y: number } | null>(null);
  const name = chatName(state);
  const peer = state.peer(myId());
  const isCallable = peer !== null && peer !== myId() && client.contacts.lets(state, 'call');
  const typing = typingText(state);
  const call = (kind: 'voice' | 'video') => () => client.startCall(state.id, kind);
  return (
    <header class="bar chat-bar">
      <IconButton icon="arrow-left" label={t('back')} class="back flip" onClick={() => go('')} />
      <a class="chat-head" href={`#/chat/${state.id}/info`} title={t('info')}>
        <Avatar id={peer ?? state.id} name={name} size="s" group={peer === null} />
        <span class="chat-head-text">
          <h1 class="chat-name" dir="auto">{name}</h1>
          <span class={`chat-sub ${typing ? 'typing' : ''}`} aria-live="polite">
            {typing || subtitle(state)}
          </span>
        </span>
        <AsksBadge chat={state.id} />
      </a>
      {isCallable && <IconButton icon="phone" label={t('call.voice')} onClick={call('voice')} />}
      {isCallable && <IconButton icon="video" label={t('call.video')} onClick={call('video')} />}
      <IconButton icon="ellipsis-vertical" label={t('more')}
        onClick={(event) => {
          const box = (event.currentTarget as Element).getBoundingClientRect();
          menu.value = { x: box.right - 220, y: box.bottom + 4 };
        }} />
      {menu.value && (
        <Menu label={name} at={menu.value} onClose={() => { menu.value = null; }}
          items={[
            { icon: 'info', label: t('info'), onClick: () => go(`chat/${state.id}/info`) },
            ...chatActions(state),
          ]} />
      )}
    </header>
  );
}

function subtitle(state: ChatState): string {
  if (state.chat.kind === 'group') return t('members', { n: state.chat.member_count });
  return presenceText(state.peer(myId()));
}

function Pinned({ state }: { state: ChatState }): JSX.Element | null {
  watch(`rows:${state.id}`);
  const at = useSignal(0);
  const pins = state.messages.filter((row) => row.pinned && row.kind !== 'deleted');
  const row = pins[pins.length - 1 - (at.value % Math.max(1, pins.length))];
  if (!row) return null;
  const next = (): void => {
    jumpTo(state.id, row.seq);
    at.value += 1;
  };
  return (
    <button type="button" class="pinned" onClick={next}>
      <Icon name="pin" />
      <span class="pinned-text" dir="auto">{preview(row)}</span>
      {pins.length > 1 && <span class="dim">{(at.value % pins.length) + 1}/{pins.length}</span>}
    </button>
  );
}

/** Says new messages to screen readers: the list itself holds too much that is old. */
function Announcer({ state }: { state: ChatState }): JSX.Element {
  watch(`rows:${state.id}`);
  const opened = useMemo(() => state.chat.head_seq, [state.id]);
  const last: Message | undefined = state.last;
  const isNews = last && last.seq > opened && last.from !== myId();
  return (
    <p class="hidden" aria-live="polite">
      {isNews ? `${last.from_name}: ${preview(last)}` : ''}
    </p>
  );
}

