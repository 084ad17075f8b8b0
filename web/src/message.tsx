/** One message: bubble, tombstone, fact of the group, call, or one that is still on its way. */

import { type Signal, useSignal } from '@preact/signals';
import type { HTMLAttributes, JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { Attachment, ChatState, Message, Reaction, Unsent } from 'wechat-sdk';

import { Attachments, isPictured } from './files.js';
import { attachmentsOf } from './files_text.js';
import { clock, full } from './format.js';
import { t } from './i18n.js';
import { jumpTo } from './jump.js';
import { MessageMenu } from './message_menu.js';
import { callText, eventText, isMissed, myId, preview, userName } from './names.js';
import { nickOf } from './nicks.js';
import { Rich, isLarge, isRightToLeft } from './rich.js';
import { attempt, client, go, watch } from './state.js';
import { type Standing, Ticks, standing } from './ticks.js';
import { Leaving } from './waiting.js';
import { replyTo } from './writing.js';
import { Avatar, Icon, IconButton, hue } from './ui.js';

/** A finger that rests this long opens the menu. */
const PRESS_MS = 500;

interface MessageRowProps {
  row: Message;
  state: ChatState;
  /** It begins, or ends, a run of one author. */
  first: boolean;
  last: boolean;
  /** The day that begins here; empty when none does. */
  day: string;
  /** The unread messages begin here. */
  unread: boolean;
  flash: boolean;
  mine: boolean;
  /** A new text that is not acknowledged, and why it was refused: empty while it waits. */
  change: Unsent | undefined;
  failed: string;
}

export function MessageRow(props: MessageRowProps): JSX.Element {
  const { row, day, unread } = props;
  // Words of this row may change with people's names and the language.
  watch('users');
  return (
    <div class="message-row" data-key={`s${row.seq}`} data-seq={row.seq}>
      {day && <p class="chip day"><span>{day}</span></p>}
      {unread && <p class="chip unread-mark" id="unread"><span>{t('unread.here')}</span></p>}
      <Body {...props} />
    </div>
  );
}

function Body(props: MessageRowProps): JSX.Element {
  const { row, state } = props;
  switch (row.kind) {
    case 'system':
      return (
        <p class="chip"><span dir="auto">{row.event ? eventText(row.event, row) : ''}</span></p>
      );
    case 'call': return <CallLine row={row} state={state} />;
    default: return <Bubble {...props} />;
  }
}

function CallLine({ row, state }: { row: Message; state: ChatState }): JSX.Element {
  const isMine = row.from === myId();
  const missed = isMissed(row) && !isMine;
  const kind = row.call?.kind ?? 'voice';
  return (
    <div class={`bubble-line ${isMine ? 'mine' : ''} last`}>
      <button type="button" class={`call-fact ${missed ? 'missed' : ''}`} title={t('call.again')}
        onClick={() => client.startCall(state.id, kind)}>
        <span class="call-fact-icon">
          <Icon name={missed ? 'phone-missed' : kind === 'video' ? 'video' : 'phone'} />
        </span>
        <span>
          <span class="call-fact-text">{callText(row)}</span>
          <small><time dateTime={row.sent}>{clock(row.sent)}</time> · {t('call.again')}</small>
        </span>
      </button>
    </div>
  );
}

function Bubble(props: MessageRowProps): JSX.Element {
  const { row, state, first, last, flash, mine, change, failed } = props;
  const menu = useBubbleMenu(row);
  const isGone = row.kind === 'deleted';
  const line = { mine, first, last, flash };
  return (
    <div class={classes('bubble-line', line)} {...menu.near}>
      {state.chat.kind === 'group' && !mine && (
        <span class="bubble-avatar">{last && <AuthorAvatar row={row} />}</span>
      )}
      <div class="bubble-box">
        <Said {...props} menu={menu} />
        {change && failed && <Failed item={change} why={t('edit.failed', { why: failed })} />}
        {!!row.reactions?.length && <Reactions row={row} />}
        {!isGone && <BubbleTools row={row} menu={menu} />}
      </div>
      {menu.at.value && (
        <MessageMenu row={row} state={state} at={menu.at.value}
          onClose={() => { menu.at.value = null; }} />
      )}
    </div>
  );
}

/** The names of a base class and of those that hold. */
const classes = (base: string, are: Record<string, boolean>): string =>
  [base, ...Object.keys(are).filter((name) => are[name])].join(' ');

interface BubbleMenu {
  /** Where the menu is open. */
  at: Signal<{ x: number; y: number } | null>;
  /** Whether the tools are drawn: for every row they would cost more than the rows. */
  hot: Signal<boolean>;
  /** For the whole line. */
  near: HTMLAttributes<HTMLDivElement>;
  /** For the bubble: what opens the menu. */
  press: HTMLAttributes<HTMLDivElement>;
}

function useBubbleMenu(row: Message): BubbleMenu {
  const at = useSignal<{ x: number; y: number } | null>(null);
  const hot = useSignal(false);
  const held = useRef<ReturnType<typeof setTimeout>>(undefined);
  const heat = (on: boolean) => (): void => { hot.value = on; };
  const onPointerEnd = (): void => clearTimeout(held.current);
  const press: BubbleMenu['press'] = {
    onContextMenu: (event) => {
      if (row.kind === 'deleted' || (event.target as Element).closest('a')) return;
      event.preventDefault();
      at.value = { x: event.clientX, y: event.clientY };
    },
    // Not every phone tells of a long press by itself.
    onPointerDown: ({ pointerType, clientX, clientY }) => {
      if (pointerType !== 'touch') return;
      held.current = setTimeout(() => { at.value = { x: clientX, y: clientY }; }, PRESS_MS);
    },
    onPointerUp: onPointerEnd, onPointerMove: onPointerEnd, onPointerCancel: onPointerEnd,
  };
  const near = { onPointerEnter: heat(true), onFocusIn: heat(true), onPointerLeave: heat(false) };
  return { at, hot, near, press };
}

function AuthorAvatar({ row }: { row: Message }): JSX.Element {
  return (
    <button type="button" class="avatar-button" aria-label={row.from_name} tabIndex={-1}
      onClick={() => go(`user/${row.from}`)}>
      <Avatar id={row.from} name={row.from_name} size="s" />
    </button>
  );
}

/** The bubble itself: who says what, and how it stands. */
function Said(props: MessageRowProps & { menu: BubbleMenu }): JSX.Element {
  const { row, state, mine, change, failed, menu } = props;
  const isGone = row.kind === 'deleted';
  const files = isGone ? [] : attachmentsOf(row);
  const hasFiles = files.length > 0;
  // A change that is not acknowledged shows already.
  const shown = change && !isGone ? { ...row, body: change.body, mentions: change.mentions } : row;
  const body = shown.body ?? '';
  const looks = {
    large: !isGone && !hasFiles && !row.reply_to && isLarge(body),
    gone: isGone,
    'rtl-text': isRightToLeft(isGone ? t('message.deleted') : body),
  };
  return (
    <div class={`${classes('bubble', looks)} ${look(row, files)}`} {...menu.press}>
      <Author {...props} />
      {row.forwarded && <p class="bubble-note"><Icon name="forward" /> {t('forwarded')}</p>}
      {row.reply_to != null && <Quote state={state} seq={row.reply_to} />}
      {hasFiles && <Attachments row={row} state={state} />}
      <p class="bubble-text" dir="auto">
        {isGone
          ? <><Icon name="ban" /> {t('message.deleted')}</>
          : <Rich body={body} names={mentionNames(shown)} />}
        <MetaRoom row={row} mine={mine} />
      </p>
      <Meta row={row} state={state} mine={mine}
        waiting={change && (failed ? 'failed' : 'sending')} />
    </div>
  );
}

/** The author's name: seen above a run of theirs in a group, and otherwise heard. */
function Author({ row, state, first, mine }: MessageRowProps): JSX.Element {
  if (mine) return <span class="hidden">{t('you')}: </span>;
  if (state.chat.kind !== 'group' || !first) return <span class="hidden">{row.from_name}: </span>;
  return (
    <p class={`bubble-author hue-text-${hue(row.from)}`} dir="auto" title={row.from_name}>
      {nickOf(state.id, row.from) ?? (row.from_name || t('user.deleted'))}
    </p>
  );
}

function BubbleTools({ row, menu }: { row: Message; menu: BubbleMenu }): JSX.Element {
  const open = (event: MouseEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    menu.at.value = { x: box.left, y: box.bottom + 4 };
  };
  return (
    <div class="bubble-tools">
      {menu.hot.value && (
        <>
          <IconButton icon="smile-plus" label={t('react')} onClick={open} />
          <IconButton icon="reply" label={t('reply')} onClick={() => replyTo(row)} />
        </>
      )}
      <button type="button" class="icon-button dots" aria-label={t('more')} title={t('more')}
        onClick={open} />
    </div>
  );
}

/** How files change the bubble: pictures alone have the time on them. */
function look({ body }: Message, files: readonly Attachment[]): string {
  if (!files.length) return '';
  if (!files.some(isPictured)) return 'filed';
  const isBare =
    !body && files.every(isPictured) && (files.length > 1 || files[0]?.kind === 'image');
  return isBare ? 'filed photos bare' : 'filed photos';
}

function mentionNames(row: Message): string[] {
  const names = (row.mentions ?? []).map(userName).filter((name) => name !== '…');
  return row.mention_all ? [...names, 'all', 'todos'] : names;
}

interface MetaProps {
  row: Message;
  state: ChatState;
  mine: boolean;
  /** How a change of it stands. */
  waiting: Standing | undefined;
}

function Meta({ row, state, mine, waiting }: MetaProps): JSX.Element {
  return (
    <span class="meta">
      {row.pinned && <Icon name="pin" label={t('pinned')} />}
      {row.edited && row.kind !== 'deleted' && <span>{t('edited')}</span>}
      <time dateTime={row.sent} title={full(row.sent)}>{clock(row.sent)}</time>
      {mine && row.kind !== 'deleted'
        && (waiting ? <Ticks state={waiting} /> : <OwnTicks row={row} state={state} />)}
    </span>
  );
}

/** As wide as the time and what stands beside it, so that the text keeps clear of them. */
function MetaRoom({ row, mine }: { row: Message; mine: boolean }): JSX.Element {
  const words = row.edited && row.kind !== 'deleted' ? `${t('edited')} ` : '';
  return (
    <span class={`meta-room ${mine ? 'mine' : ''} ${row.pinned ? 'pinned' : ''}`} aria-hidden="true"
      data-room={words + clock(row.sent)} />
  );
}

function OwnTicks({ row, state }: { row: Message; state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`);
  return <Ticks state={standing(state, row)} />;
}

function Quote({ state, seq }: { state: ChatState; seq: number }): JSX.Element {
  watch(`rows:${state.id}`);
  const row = state.rows.get(seq);
  return (
    <button type="button" class={`quote ${row ? `hue-edge-${hue(row.from)}` : ''}`}
      onClick={() => jumpTo(state.id, seq)}>
      <span class="quote-author" dir="auto">
        {row ? (row.from === myId() ? t('you') : row.from_name) : t('message.earlier')}
      </span>
      {row && <span class="quote-text" dir="auto">{preview(row)}</span>}
    </button>
  );
}

function Reactions({ row }: { row: Message }): JSX.Element {
  const me = myId();
  const names = ({ users, count }: Reaction): string => {
    const shown = users.slice(0, 12).map((id) => (id === me ? t('you') : userName(id))).join(', ');
    return count > 12 ? `${shown} +${count - 12}` : shown;
  };
  return (
    <div class="reactions">
      {row.reactions?.map((one) => {
        const isMine = one.users.includes(me);
        return (
          <button type="button" key={one.emoji} class="reaction" aria-pressed={isMine}
            title={names(one)}
            aria-label={`${one.emoji} ${one.count}`}
            onClick={() => void attempt(client.react(row, one.emoji, !isMine))}>
            <span>{one.emoji}</span>{one.count > 1 && <span>{one.count}</span>}
          </button>
        );
      })}
    </div>
  );
}

/** Why something was refused, and what can be done with it. */
function Failed({ item, why }: { item: Unsent; why: string }): JSX.Element {
  return (
    <p class="failed">
      <span>{why}</span>
      <button type="button" class="link" onClick={() => client.outbox.retry(item.client_msg_id)}>
        {t('retry')}
      </button>
      <button type="button" class="link" onClick={() => client.outbox.discard(item.client_msg_id)}>
        {t('discard')}
      </button>
    </p>
  );
}

interface UnsentRowProps {
  item: Unsent;
  state: ChatState;
  /** Why it was refused; empty while it waits. */
  failed: string;
}

export function UnsentRow({ item, state, failed }: UnsentRowProps): JSX.Element {
  const looks = {
    filed: !!item.files,
    large: !item.files && isLarge(item.body),
    'rtl-text': isRightToLeft(item.body),
  };
  return (
    <div class="message-row" data-key={`u${item.client_msg_id}`}>
      <div class="bubble-line mine last">
        <div class="bubble-box">
          <div class={classes('bubble waiting', looks)}>
            {item.reply_to !== undefined && <Quote state={state} seq={item.reply_to} />}
            {item.files && <Leaving item={item} failed={!!failed} />}
            <p class="bubble-text" dir="auto">
              <Rich body={item.body} names={[]} />
              <span class="meta-room mine" aria-hidden="true" data-room={clock(item.at)} />
            </p>
            <span class="meta">
              <time>{clock(item.at)}</time>
              <Ticks state={failed ? 'failed' : 'sending'} />
            </span>
          </div>
          {failed && <Failed item={item} why={failed} />}
        </div>
      </div>
    </div>
  );
}

