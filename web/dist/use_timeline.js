import { signal } from '@preact/signals';
import { createRef } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { day } from './format.js';
import { Geometry } from './geometry.js';
import { jumpers } from './jump.js';
import { attempt, client, watch } from './state.js';
const AROUND_PX = 500;
const FETCH_PX = 1_600;
const FOLLOW_PX = 48;
const AWAY_PX = 400;
const KEEP_ROWS = 400;
const NEAR_ROWS = 400;
const FLASH_MS = 1_800;
const TOUCH_MS = 2_000;
const REST_MS = 900;
export class TimelineView {
    state;
    marker;
    geometry = new Geometry();
    scroller = createRef();
    content = createRef();
    shown = createRef();
    range = signal({ from: 0, to: 0 });
    away = signal(false);
    topDay = signal('');
    flash = signal(0);
    isLoading = false;
    isStarted = false;
    byHand = 0;
    constructor(state, marker) {
        this.state = state;
        this.marker = marker;
    }
    settle(all = true) {
        const g = this.geometry;
        const [box, inner, list] = [this.scroller.current, this.content.current, this.shown.current];
        if (!box || !inner || !list)
            return;
        measure(g, box, list, all);
        g.layOut();
        inner.style.height = `${Math.max(g.height, box.clientHeight)}px`;
        const slack = Math.max(0, box.clientHeight - g.height);
        const drawn = this.range.peek();
        list.style.transform = `translateY(${g.top(drawn.from) + slack}px)`;
        const isWhole = g.count > 0 && drawn.from === 0 && drawn.to >= g.count;
        if (isWhole && g.height <= box.clientHeight)
            g.follows = true;
        if (g.follows)
            place(g, box, g.height);
        else if (g.anchor)
            place(g, box, g.top(g.indexOf(g.anchor.key)) + g.anchor.offset);
        this.look(box);
    }
    look(box) {
        const g = this.geometry;
        const { scrollTop, clientHeight } = box;
        this.choose(scrollTop, clientHeight);
        const top = g.rows[g.at(scrollTop + 8)];
        if (top)
            this.topDay.value = day(top.sent);
        if (scrollTop < FETCH_PX)
            void this.fetchOlder();
        if (!this.isStarted)
            return;
        const isAtEnd = g.follows || scrollTop + clientHeight > g.height - FOLLOW_PX;
        markRead(this.state, isAtEnd ? g.count : g.at(scrollTop + clientHeight) + 1);
    }
    choose(scrollTop, clientHeight) {
        const g = this.geometry;
        const from = g.at(scrollTop - AROUND_PX);
        const to = Math.min(g.count, g.at(scrollTop + clientHeight + AROUND_PX) + 1);
        const now = this.range.peek();
        const isMissing = g.at(scrollTop) < now.from || g.at(scrollTop + clientHeight) >= now.to;
        const isFar = Math.abs(now.from - from) > 6 || Math.abs(now.to - to) > 6;
        const hasMoved = isFar || to === g.count || from === 0;
        const differs = now.from !== from || now.to !== to;
        if (differs && (isMissing || hasMoved))
            this.range.value = { from, to };
    }
    onScroll = () => {
        const [g, box] = [this.geometry, this.scroller.current];
        if (!box)
            return;
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
    touch = () => { this.geometry.touched = performance.now(); };
    async fetchOlder() {
        const { state } = this;
        if (this.isLoading || state.isWhole || client.connection !== 'live')
            return;
        this.isLoading = true;
        await client.older(state.id).catch(() => undefined);
        this.isLoading = false;
    }
    toNewest = () => {
        const { id } = this.state;
        this.geometry.follows = true;
        client.store.chats.get(id)?.trim(KEEP_ROWS);
        client.changes.touch(`rows:${id}`);
        this.settle();
        this.scroller.current?.focus({ preventScroll: true });
    };
    jump = async (seq) => {
        const [g, { state }] = [this.geometry, this];
        for (let page = 0; state.floor > seq && !state.isWhole && page < 50; page++) {
            if (!(await attempt(client.older(state.id, 200))))
                break;
        }
        g.rows = state.messages;
        g.layOut();
        g.follows = false;
        g.anchor = { key: seq, offset: -((this.scroller.current?.clientHeight ?? 600) / 3) };
        this.flash.value = seq;
        this.settle();
        setTimeout(() => { this.flash.value = 0; }, FLASH_MS);
    };
    begin() {
        const [g, { state, marker }] = [this.geometry, this];
        if (this.isStarted || !g.rows.length)
            return;
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
    follow() {
        const resettle = () => this.settle();
        const sizes = new ResizeObserver(resettle);
        if (this.scroller.current)
            sizes.observe(this.scroller.current);
        if (this.shown.current)
            sizes.observe(this.shown.current);
        document.addEventListener('visibilitychange', resettle);
        addEventListener('focus', resettle);
        return () => {
            sizes.disconnect();
            document.removeEventListener('visibilitychange', resettle);
            removeEventListener('focus', resettle);
            this.state.trim(60);
        };
    }
    take(state, marker) {
        const g = this.geometry;
        [this.state, this.marker] = [state, marker];
        g.rows = state.messages;
        g.unsent = client.outbox.of(state.id);
        const head = state.last?.seq ?? 0;
        if (g.follows && head > g.head && g.rows.length > KEEP_ROWS * 1.5) {
            queueMicrotask(() => state.trim(KEEP_ROWS));
        }
        g.head = head;
    }
}
export function useTimeline(state, marker) {
    watch(`rows:${state.id}`, 'connection');
    const made = useRef(null);
    made.current ??= new TimelineView(state, marker);
    const view = made.current;
    view.take(state, marker);
    jumpers.set(state.id, view.jump);
    useLayoutEffect(() => view.settle(false));
    useLayoutEffect(() => view.begin());
    useEffect(() => view.follow(), []);
    return view;
}
function measure(g, box, list, all) {
    if (g.width !== box.clientWidth) {
        if (g.width)
            g.heights.clear();
        g.width = box.clientWidth;
    }
    for (const element of list.children) {
        const { key } = element.dataset;
        if (!key)
            continue;
        const id = key.startsWith('s') ? Number(key.slice(1)) : key.slice(1);
        if (!all && g.heights.has(id))
            continue;
        g.heights.set(id, element.getBoundingClientRect().height);
    }
}
function place(g, box, top) {
    const wanted = Math.min(top, Math.max(0, g.height - box.clientHeight));
    if (Math.abs(box.scrollTop - wanted) <= 0.6)
        return;
    box.scrollTop = wanted;
}
function markRead(state, end) {
    if (document.visibilityState !== 'visible' || !document.hasFocus())
        return;
    const row = state.messages[Math.min(end, state.messages.length) - 1];
    if (!row || !state.unread)
        return;
    const isLast = row === state.messages.at(-1);
    client.read(state.id, isLast ? state.chat.head_seq : row.seq);
}
