/**
 * What a timeline does: measures what is drawn, scrolls, says which rows are to be drawn, fetches
 * older ones and moves the reader's cursor. `timeline` draws it.
 *
 * Heights are measured as rows are drawn, and guessed until then. Whatever changes above (older
 * pages, measured heights, a picture that loads), the row that the reader looks at stays where it
 * is; at the newest message the list follows.
 */

import { signal } from '@preact/signals';
import { type RefObject, createRef } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { ChatState } from 'wechat-sdk';

import { day } from './format.js';
import { Geometry } from './geometry.js';
import { jumpers } from './jump.js';
import { attempt, client, watch } from './state.js';

/** Drawn beyond the window; near the top of what is held older rows are fetched; near the bottom
 * the list follows. */
const AROUND_PX = 500;
const FETCH_PX = 1_600;
const FOLLOW_PX = 48;
/** So far from the newest message a button leads back to it. */
const AWAY_PX = 400;
/** Rows that stay in memory when the reader is at the newest one. */
const KEEP_ROWS = 400;
/** With no more unread messages than this, the chat opens at the first of them. */
const NEAR_ROWS = 400;
/** How long a message to which one was led is marked. */
const FLASH_MS = 1_800;
/** Who touched the list this long ago scrolls it; the day is shown until it rests this long. */
const TOUCH_MS = 2_000;
const REST_MS = 900;

export class TimelineView {
  readonly geometry = new Geometry();
  readonly scroller: RefObject<HTMLDivElement | null> = createRef();
  readonly content: RefObject<HTMLDivElement | null> = createRef();
  readonly shown: RefObject<HTMLDivElement | null> = createRef();
  /** The rows to draw. */
  readonly range = signal({ from: 0, to: 0 });
  /** The reader is far from the newest message. */
  readonly away = signal(false);
  readonly topDay = signal('');
  /** The message that is marked for a moment; 0 for none. */
  readonly flash = signal(0);
  private isLoading = false;
  private isStarted = false;
  private byHand = 0;

  constructor(public state: ChatState, public marker: number) {}

  /** Puts the view where it belongs and sees which rows it needs. */
  settle(all = true): void {
    const g = this.geometry;
    const [box, inner, list] = [this.scroller.current, this.content.current, this.shown.current];
    if (!box || !inner || !list) return;
    measure(g, box, list, all);
    g.layOut();
    inner.style.height = `${Math.max(g.height, box.clientHeight)}px`;
    const slack = Math.max(0, box.clientHeight - g.height);
    const drawn = this.range.peek();
    list.style.transform = `translateY(${g.top(drawn.from) + slack}px)`;
    // A list that fits shows its end, though nobody scrolled there.
    const isWhole = g.count > 0 && drawn.from === 0 && drawn.to >= g.count;
    if (isWhole && g.height <= box.clientHeight) g.follows = true;
    if (g.follows) place(g, box, g.height);
    else if (g.anchor) place(g, box, g.top(g.indexOf(g.anchor.key)) + g.anchor.offset);
    this.look(box);
  }

  private look(box: HTMLElement): void {
    const g = this.geometry;
    const { scrollTop, clientHeight } = box;
    this.choose(scrollTop, clientHeight);
    const top = g.rows[g.at(scrollTop + 8)];
    if (top) this.topDay.value = day(top.sent);
    if (scrollTop < FETCH_PX) void this.fetchOlder();
    if (!this.isStarted) return;
    const isAtEnd = g.follows || scrollTop + clientHeight > g.height - FOLLOW_PX;
    markRead(this.state, isAtEnd ? g.count : g.at(scrollTop + clientHeight) + 1);
  }

  /** Draws other rows when the window shows what is not drawn, or has moved by some rows. */
  private choose(scrollTop: number, clientHeight: number): void {
    const g = this.geometry;
    const from = g.at(scrollTop - AROUND_PX);
    const to = Math.min(g.count, g.at(scrollTop + clientHeight + AROUND_PX) + 1);
    const now = this.range.peek();
    const isMissing = g.at(scrollTop) < now.from || g.at(scrollTop + clientHeight) >= now.to;
    const isFar = Math.abs(now.from - from) > 6 || Math.abs(now.to - to) > 6;
    const hasMoved = isFar || to === g.count || from === 0;
    const differs = now.from !== from || now.to !== to;
    if (differs && (isMissing || hasMoved)) this.range.value = { from, to };
  }

  readonly onScroll = (): void => {
    const [g, box] = [this.geometry, this.scroller.current];
    if (!box) return;
    const { scrollTop, clientHeight } = box;
    g.follows = scrollTop + clientHeight >= g.height - FOLLOW_PX;
    this.away.value = scrollTop + clientHeight < g.height - AWAY_PX;
    const index = g.at(scrollTop);
    g.anchor = { key: g.key(index), offset: scrollTop - g.top(index) };
    if (performance.now() - g.touched < TOUCH_MS) {
      clearTimeout(this.byHand);
      box.dataset.moves = '';
      this.byHand = window.setTimeout(() => { delete box.dataset.moves; }, REST_MS);
    }
    this.look(box);
  };

  readonly touch = (): void => { this.geometry.touched = performance.now(); };

  private async fetchOlder(): Promise<void> {
    const { state } = this;
    if (this.isLoading || state.isWhole || client.connection !== 'live') return;
    this.isLoading = true;
    await client.older(state.id).catch(() => undefined);
    this.isLoading = false;
  }

  readonly toNewest = (): void => {
    const { id } = this.state;
    this.geometry.follows = true;
    client.store.chats.get(id)?.trim(KEEP_ROWS);
    client.changes.touch(`rows:${id}`);
    this.settle();
    this.scroller.current?.focus({ preventScroll: true });
  };

  readonly jump = async (seq: number): Promise<void> => {
    const [g, { state }] = [this.geometry, this];
    for (let page = 0; state.floor > seq && !state.isWhole && page < 50; page++) {
      if (!(await attempt(client.older(state.id, 200)))) break;
    }
    g.rows = state.messages;
    g.layOut();
    g.follows = false;
    g.anchor = { key: seq, offset: -((this.scroller.current?.clientHeight ?? 600) / 3) };
    this.flash.value = seq;
    this.settle();
    setTimeout(() => { this.flash.value = 0; }, FLASH_MS);
  };

  /** Once there are rows: begins at the first unread one, if that is near, or at the newest. */
  begin(): void {
    const [g, { state, marker }] = [this.geometry, this];
    if (this.isStarted || !g.rows.length) return;
    const isNear = marker > 0 && state.chat.head_seq - marker < NEAR_ROWS;
    if (isNear && state.floor > marker && !state.isWhole && client.connection === 'live') {
      void this.fetchOlder();
      return;
    }
    this.isStarted = true;
    if (isNear) {
      g.follows = false;
      g.anchor = { key: Math.max(marker, g.rows[0]?.seq ?? 0), offset: -140 };
    }
    this.settle();
  }

  /** Settles with whatever changes the size of things; returns what ends it. */
  follow(): () => void {
    const resettle = (): void => this.settle();
    const sizes = new ResizeObserver(resettle);
    if (this.scroller.current) sizes.observe(this.scroller.current);
    if (this.shown.current) sizes.observe(this.shown.current);
    document.addEventListener('visibilitychange', resettle);
    addEventListener('focus', resettle);
    return () => {
      sizes.disconnect();
      document.removeEventListener('visibilitychange', resettle);
      removeEventListener('focus', resettle);
      this.state.trim(60);
    };
  }

  /** Takes the rows as they are now. */
  take(state: ChatState, marker: number): void {
    const g = this.geometry;
    [this.state, this.marker] = [state, marker];
    g.rows = state.messages;
    g.unsent = client.outbox.of(state.id);
    // Memory does not grow with what comes while one looks at the newest.
    const head = state.last?.seq ?? 0;
    if (g.follows && head > g.head && g.rows.length > KEEP_ROWS * 1.5) {
      queueMicrotask(() => state.trim(KEEP_ROWS));
    }
    g.head = head;
  }
}

/** `marker`: where the unread messages began when the chat was opened; 0 for none. */
export function useTimeline(state: ChatState, marker: number): TimelineView {
  watch(`rows:${state.id}`, 'connection');
  const made = useRef<TimelineView | null>(null);
  made.current ??= new TimelineView(state, marker);
  const view = made.current;
  view.take(state, marker);
  jumpers.set(state.id, view.jump);
  useLayoutEffect(() => view.settle(false));
  useLayoutEffect(() => view.begin());
  useEffect(() => view.follow(), []);
  return view;
}

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
