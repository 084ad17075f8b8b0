/**
 * The messages of a chat, of which only those near the window are drawn.
 *
 * Heights are measured as rows are drawn, and guessed until then. Whatever changes above (older
 * pages, measured heights, a picture that loads), the row that the reader looks at stays where it
 * is; at the newest message the list follows.
 */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { ChatState, Message, Unsent } from 'wechat-sdk';

import { day, isSameDay } from './format.js';
import { t } from './i18n.js';
import { MessageRow, UnsentRow } from './message.js';
import { myId } from './names.js';
import { attempt, client, watch } from './state.js';
import { IconButton, Spinner } from './ui.js';

/** A row that was never drawn counts as this high; drawn beyond the window; near the top of what
 * is held older rows are fetched; near the bottom the list follows. */
const GUESS_PX = 56;
const AROUND_PX = 500;
const FETCH_PX = 1_600;
const FOLLOW_PX = 48;
/** Rows that stay in memory when the reader is at the newest one. */
const KEEP_ROWS = 400;
const TOP_PX = 64;
/** With no more unread messages than this, the chat opens at the first of them. */
const NEAR_ROWS = 400;

/** Messages of one author within this time stand together. */
const TOGETHER_MS = 5 * 60_000;

interface Anchor {
  key: number | string;
  offset: number;
}

/** The geometry of the list: kept beside the drawing, as it changes without it. */
class Geometry {
  rows: readonly Message[] = [];
  unsent: readonly Unsent[] = [];
  readonly heights = new Map<number | string, number>();
  private tops: Float64Array = new Float64Array(1);
  anchor: Anchor | null = null;
  follows = true;
  width = 0;
  /** The newest message when it was last drawn. */
  head = 0;
  /** When the reader last did something here. */
  touched = 0;

  get count(): number {
    return this.rows.length + this.unsent.length;
  }

  key(index: number): number | string {
    return this.rows[index]?.seq ?? this.unsent[index - this.rows.length]?.client_msg_id ?? '';
  }

  indexOf(key: number | string): number {
    if (typeof key === 'string') {
      return this.rows.length + this.unsent.findIndex((item) => item.client_msg_id === key);
    }
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle]?.seq ?? 0) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  layOut(): void {
    const { count } = this;
    if (this.tops.length < count + 1) this.tops = new Float64Array(Math.ceil(count * 1.5) + 64);
    let top = TOP_PX;
    for (let at = 0; at < count; at++) {
      this.tops[at] = top;
      top += this.heights.get(this.key(at)) ?? GUESS_PX;
    }
    this.tops[count] = top;
    if (this.heights.size > 2 * count + 1_000) this.forget();
  }

  /** What is no longer held needs no height. */
  private forget(): void {
    const first = this.rows[0]?.seq ?? 0;
    for (const key of this.heights.keys()) {
      if (typeof key === 'string' || key < first) this.heights.delete(key);
    }
  }

  top(index: number): number {
    return this.tops[Math.min(index, this.count)] ?? TOP_PX;
  }

  get height(): number {
    return this.top(this.count);
  }

  /** The row at a height. */
  at(y: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.top(middle + 1) <= y) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, Math.max(0, this.count - 1));
  }
}

interface TimelineProps {
  state: ChatState;
  /** Where the unread messages began when the chat was opened; 0 for none. */
  marker: number;
}

export function Timeline({ state, marker }: TimelineProps): JSX.Element {
  watch(`rows:${state.id}`, 'connection');
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const shown = useRef<HTMLDivElement>(null);
  const range = useSignal({ from: 0, to: 0 });
  const away = useSignal(false);
  const topDay = useSignal('');
  const geo = useRef<Geometry>(null as unknown as Geometry);
  const loading = useRef(false);
  const started = useRef(false);
  const byHand = useRef(0);
  geo.current ??= new Geometry();
  const g = geo.current;
  g.rows = state.messages;
  g.unsent = client.outbox.of(state.id);

  /** Puts the view where it belongs and sees which rows it needs. */
  const settle = (all = true): void => {
    const [box, inner, list] = [scroller.current, content.current, shown.current];
    if (!box || !inner || !list) return;
    measure(g, box, list, all);
    g.layOut();
    inner.style.height = `${Math.max(g.height, box.clientHeight)}px`;
    const slack = Math.max(0, box.clientHeight - g.height);
    list.style.transform = `translateY(${g.top(range.peek().from) + slack}px)`;
    // A list that fits shows its end, though nobody scrolled there.
    const drawn = range.peek();
    const isWhole = g.count > 0 && drawn.from === 0 && drawn.to >= g.count;
    if (isWhole && g.height <= box.clientHeight) g.follows = true;
    if (g.follows) place(g, box, g.height);
    else if (g.anchor) place(g, box, g.top(g.indexOf(g.anchor.key)) + g.anchor.offset);
    look(box);
  };

  const look = (box: HTMLElement): void => {
    const { scrollTop, clientHeight } = box;
    const from = g.at(scrollTop - AROUND_PX);
    const to = Math.min(g.count, g.at(scrollTop + clientHeight + AROUND_PX) + 1);
    const now = range.peek();
    const seen = g.at(scrollTop) < now.from || g.at(scrollTop + clientHeight) >= now.to;
    const moved = Math.abs(now.from - from) > 6 || Math.abs(now.to - to) > 6 || to === g.count || from === 0;
    const differs = now.from !== from || now.to !== to;
    if (differs && (seen || moved)) range.value = { from, to };
    const top = g.rows[g.at(scrollTop + 8)];
    if (top) topDay.value = day(top.sent);
    if (scrollTop < FETCH_PX) void fetchOlder();
    if (!started.current) return;
    if (g.follows || scrollTop + clientHeight > g.height - FOLLOW_PX) markRead(state, g.count);
    else markRead(state, g.at(scrollTop + clientHeight) + 1);
  };

  const onScroll = (): void => {
    const box = scroller.current;
    if (!box) return;
    const { scrollTop, clientHeight } = box;
    g.follows = scrollTop + clientHeight >= g.height - FOLLOW_PX;
    away.value = scrollTop + clientHeight < g.height - 400;
    const index = g.at(scrollTop);
    g.anchor = { key: g.key(index), offset: scrollTop - g.top(index) };
    if (performance.now() - g.touched < 2_000) {
      clearTimeout(byHand.current);
      box.dataset.moves = '';
      byHand.current = window.setTimeout(() => { delete box.dataset.moves; }, 900);
    }
    look(box);
  };

  const touch = (): void => { g.touched = performance.now(); };

  const fetchOlder = async (): Promise<void> => {
    if (loading.current || state.isWhole || client.connection !== 'live') return;
    loading.current = true;
    await client.older(state.id).catch(() => undefined);
    loading.current = false;
  };

  const toNewest = (): void => {
    g.follows = true;
    client.store.chats.get(state.id)?.trim(KEEP_ROWS);
    client.changes.touch(`rows:${state.id}`);
    settle();
    scroller.current?.focus({ preventScroll: true });
  };

  const jump = async (seq: number): Promise<void> => {
    for (let page = 0; state.floor > seq && !state.isWhole && page < 50; page++) {
      if (!(await attempt(client.older(state.id, 200)))) break;
    }
    g.rows = state.messages;
    g.layOut();
    g.follows = false;
    g.anchor = { key: seq, offset: -((scroller.current?.clientHeight ?? 600) / 3) };
    flash.value = seq;
    settle();
    setTimeout(() => { flash.value = 0; }, 1_800);
  };
  const flash = useSignal(0);
  jumpers.set(state.id, jump);

  useLayoutEffect(() => settle(false));
  useLayoutEffect(() => {
    if (started.current || !g.rows.length) return;
    const isNear = marker > 0 && state.chat.head_seq - marker < NEAR_ROWS;
    if (isNear && state.floor > marker && !state.isWhole && client.connection === 'live') {
      void fetchOlder();
      return;
    }
    started.current = true;
    if (isNear) {
      g.follows = false;
      g.anchor = { key: Math.max(marker, g.rows[0]?.seq ?? 0), offset: -140 };
    }
    settle();
  });
  useEffect(() => {
    const resettle = (): void => settle();
    const sizes = new ResizeObserver(resettle);
    if (scroller.current) sizes.observe(scroller.current);
    if (shown.current) sizes.observe(shown.current);
    document.addEventListener('visibilitychange', resettle);
    addEventListener('focus', resettle);
    return () => {
      sizes.disconnect();
      document.removeEventListener('visibilitychange', resettle);
      removeEventListener('focus', resettle);
      state.trim(60);
    };
  }, []);
  // Memory does not grow with what comes while one looks at the newest.
  const head = state.last?.seq ?? 0;
  if (g.follows && head > g.head && g.rows.length > KEEP_ROWS * 1.5) queueMicrotask(() => state.trim(KEEP_ROWS));
  g.head = head;

  const { from, to } = range.value;
  const drawn: JSX.Element[] = [];
  for (let at = from; at < Math.min(to, g.count); at++) drawn.push(draw(g, at, state, marker, flash.value));
  return (
    <div class="timeline">
      <div class="scroll messages" ref={scroller} onScroll={onScroll} onWheel={touch} onTouchMove={touch}
        onKeyDown={touch} onPointerDown={touch} tabIndex={0} role="region"
        aria-label={t('messages')}>
        <div class="messages-inner" ref={content}>
          {!state.isWhole && g.rows.length > 0 && <div class="older"><Spinner /></div>}
          <div class="messages-shown" ref={shown}>{drawn}</div>
        </div>
      </div>
      <div class="top-day" aria-hidden="true"><span>{topDay.value}</span></div>
      {away.value && (
        <div class="to-newest">
          <IconButton icon="arrow-down" label={t('to_newest')} onClick={toNewest} class="float" />
          {state.unread > 0 && <span class="badge">{state.unread}</span>}
        </div>
      )}
      {!g.count && state.floor === Infinity && state.chat.head_seq > 0 && (
        <div class="empty over"><Spinner /></div>
      )}
    </div>
  );
}

/** Shows a message of a chat that is open, wherever it stands. */
const jumpers = new Map<string, (seq: number) => Promise<void>>();
export const jumpTo = (chat: string, seq: number): void => void jumpers.get(chat)?.(seq);

/** Rows that are known are measured again only when something changed its size (`all`). */
function measure(g: Geometry, box: HTMLElement, list: HTMLElement, all: boolean): void {
  if (g.width !== box.clientWidth) {
    if (g.width) g.heights.clear();
    g.width = box.clientWidth;
  }
  for (const element of list.children) {
    const { key } = (element as HTMLElement).dataset;
    if (!key) continue;
    const id = key.startsWith('s') ? Number(key.slice(1)) : key.slice(1);
    if (!all && g.heights.has(id)) continue;
    g.heights.set(id, (element as HTMLElement).getBoundingClientRect().height);
  }
}

function place(g: Geometry, box: HTMLElement, top: number): void {
  const wanted = Math.min(top, Math.max(0, g.height - box.clientHeight));
  if (Math.abs(box.scrollTop - wanted) <= 0.6) return;
  box.scrollTop = wanted;
}

function markRead(state: ChatState, end: number): void {
  if (document.visibilityState !== 'visible' || !document.hasFocus()) return;
  const row = state.messages[Math.min(end, state.messages.length) - 1];
  if (!row || !state.unread) return;
  // What follows the last shown row and is hidden from the reader counts as read with it.
  const isLast = row === state.messages.at(-1);
  client.read(state.id, isLast ? state.chat.head_seq : row.seq);
}

function draw(g: Geometry, at: number, state: ChatState, marker: number, flash: number): JSX.Element {
  const row = g.rows[at];
  const before = g.rows[at - 1];
  if (!row) {
    const item = g.unsent[at - g.rows.length] as Unsent;
    return <UnsentRow key={`u${item.client_msg_id}`} item={item} state={state} failed={item.error ?? ''} />;
  }
  const after = g.rows[at + 1];
  const change = client.outbox.changeOf(row);
  const newDay = !before || !isSameDay(before.sent, row.sent);
  const isFirst = newDay || row.seq === marker || !together(before, row);
  return (
    <MessageRow key={`s${row.seq}`} row={row} state={state} first={isFirst}
      last={!after || after.seq === marker || !together(row, after)}
      day={newDay ? day(row.sent) : ''} unread={row.seq === marker} flash={flash === row.seq}
      mine={row.from === myId()} change={change} failed={change?.error ?? ''} />
  );
}

function together(a: Message | undefined, b: Message): boolean {
  if (!a || a.from !== b.from || !isSameDay(a.sent, b.sent)) return false;
  const isBubble = (row: Message): boolean => row.kind === 'text' || row.kind === 'deleted';
  return isBubble(a) && isBubble(b) && Date.parse(b.sent) - Date.parse(a.sent) < TOGETHER_MS;
}
