/** The messages of a chat, of which only those near the window are drawn. See `use_timeline`. */

import type { JSX } from 'preact';
import type { ChatState, Message, Unsent } from 'wechat-sdk';

import { day, isSameDay } from './format.js';
import { t } from './i18n.js';
import { MessageRow, UnsentRow } from './message.js';
import { myId } from './names.js';
import { client } from './state.js';
import { IconButton, Spinner } from './ui.js';
import { type TimelineView, useTimeline } from './use_timeline.js';

/** Messages of one author within this time stand together. */
const TOGETHER_MS = 5 * 60_000;

interface TimelineProps {
  state: ChatState;
  /** Where the unread messages began when the chat was opened; 0 for none. */
  marker: number;
}

export function Timeline({ state, marker }: TimelineProps): JSX.Element {
  const view = useTimeline(state, marker);
  const { geometry: g, touch } = view;
  return (
    <div class="timeline">
      <div class="scroll messages" ref={view.scroller} onScroll={view.onScroll} onWheel={touch}
        onTouchMove={touch} onKeyDown={touch} onPointerDown={touch} tabIndex={0} role="region"
        aria-label={t('messages')}>
        <div class="messages-inner" ref={view.content}>
          {!state.isWhole && g.rows.length > 0 && <div class="older"><Spinner /></div>}
          <div class="messages-shown" ref={view.shown}>{rows(view)}</div>
        </div>
      </div>
      <div class="top-day" aria-hidden="true"><span>{view.topDay.value}</span></div>
      {view.away.value && (
        <div class="to-newest">
          <IconButton icon="arrow-down" label={t('to_newest')} onClick={view.toNewest}
            class="float" />
          {state.unread > 0 && <span class="badge">{state.unread}</span>}
        </div>
      )}
      {!g.count && state.floor === Infinity && state.chat.head_seq > 0 && (
        <div class="empty over"><Spinner /></div>
      )}
    </div>
  );
}

function rows(view: TimelineView): JSX.Element[] {
  const { from, to } = view.range.value;
  const count = Math.max(0, Math.min(to, view.geometry.count) - from);
  return Array.from({ length: count }, (_, index) => draw(view, from + index));
}

function draw({ geometry: g, state, marker, flash }: TimelineView, at: number): JSX.Element {
  const row = g.rows[at];
  const before = g.rows[at - 1];
  if (!row) {
    const item = g.unsent[at - g.rows.length] as Unsent;
    const key = `u${item.client_msg_id}`;
    return <UnsentRow key={key} item={item} state={state} failed={item.error ?? ''} />;
  }
  const after = g.rows[at + 1];
  const change = client.outbox.changeOf(row);
  const newDay = !before || !isSameDay(before.sent, row.sent);
  const isFirst = newDay || row.seq === marker || !together(before, row);
  return (
    <MessageRow key={`s${row.seq}`} row={row} state={state} first={isFirst}
      last={!after || after.seq === marker || !together(row, after)}
      day={newDay ? day(row.sent) : ''} unread={row.seq === marker}
      flash={flash.value === row.seq} mine={row.from === myId()}
      change={change} failed={change?.error ?? ''} />
  );
}

function together(a: Message | undefined, b: Message): boolean {
  if (!a || a.from !== b.from || !isSameDay(a.sent, b.sent)) return false;
  const isBubble = (row: Message): boolean => row.kind === 'text' || row.kind === 'deleted';
  return isBubble(a) && isBubble(b) && Date.parse(b.sent) - Date.parse(a.sent) < TOGETHER_MS;
}
