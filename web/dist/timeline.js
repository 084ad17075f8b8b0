import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { day, isSameDay } from './format.js';
import { t } from './i18n.js';
import { MessageRow, UnsentRow } from './message.js';
import { myId } from './names.js';
import { attempt, client, watch } from './state.js';
import { IconButton, Spinner } from './ui.js';
const GUESS_PX = 56;
const AROUND_PX = 500;
const FETCH_PX = 1_600;
const FOLLOW_PX = 48;
const KEEP_ROWS = 400;
const TOP_PX = 64;
const NEAR_ROWS = 400;
const TOGETHER_MS = 5 * 60_000;
class Geometry {
    rows = [];
    unsent = [];
    heights = new Map();
    tops = new Float64Array(1);
    anchor = null;
    follows = true;
    width = 0;
    head = 0;
    touched = 0;
    get count() {
        return this.rows.length + this.unsent.length;
    }
    key(index) {
        return this.rows[index]?.seq ?? this.unsent[index - this.rows.length]?.client_msg_id ?? '';
    }
    indexOf(key) {
        if (typeof key === 'string') {
            return this.rows.length + this.unsent.findIndex((item) => item.client_msg_id === key);
        }
        let [low, high] = [0, this.rows.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            if ((this.rows[middle]?.seq ?? 0) < key)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
    layOut() {
        const { count } = this;
        if (this.tops.length < count + 1)
            this.tops = new Float64Array(Math.ceil(count * 1.5) + 64);
        let top = TOP_PX;
        for (let at = 0; at < count; at++) {
            this.tops[at] = top;
            top += this.heights.get(this.key(at)) ?? GUESS_PX;
        }
        this.tops[count] = top;
        if (this.heights.size > 2 * count + 1_000)
            this.forget();
    }
    forget() {
        const first = this.rows[0]?.seq ?? 0;
        for (const key of this.heights.keys()) {
            if (typeof key === 'string' || key < first)
                this.heights.delete(key);
        }
    }
    top(index) {
        return this.tops[Math.min(index, this.count)] ?? TOP_PX;
    }
    get height() {
        return this.top(this.count);
    }
    at(y) {
        let [low, high] = [0, this.count];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.top(middle + 1) <= y)
                low = middle + 1;
            else
                high = middle;
        }
        return Math.min(low, Math.max(0, this.count - 1));
    }
}
export function Timeline({ state, marker }) {
    watch(`rows:${state.id}`, 'connection');
    const scroller = useRef(null);
    const content = useRef(null);
    const shown = useRef(null);
    const range = useSignal({ from: 0, to: 0 });
    const away = useSignal(false);
    const topDay = useSignal('');
    const geo = useRef(null);
    const loading = useRef(false);
    const started = useRef(false);
    const byHand = useRef(0);
    geo.current ??= new Geometry();
    const g = geo.current;
    g.rows = state.messages;
    g.unsent = client.outbox.of(state.id);
    const settle = (all = true) => {
        const [box, inner, list] = [scroller.current, content.current, shown.current];
        if (!box || !inner || !list)
            return;
        measure(g, box, list, all);
        g.layOut();
        inner.style.height = `${Math.max(g.height, box.clientHeight)}px`;
        const slack = Math.max(0, box.clientHeight - g.height);
        list.style.transform = `translateY(${g.top(range.peek().from) + slack}px)`;
        const drawn = range.peek();
        const isWhole = g.count > 0 && drawn.from === 0 && drawn.to >= g.count;
        if (isWhole && g.height <= box.clientHeight)
            g.follows = true;
        if (g.follows)
            place(g, box, g.height);
        else if (g.anchor)
            place(g, box, g.top(g.indexOf(g.anchor.key)) + g.anchor.offset);
        look(box);
    };
    const look = (box) => {
        const { scrollTop, clientHeight } = box;
        const from = g.at(scrollTop - AROUND_PX);
        const to = Math.min(g.count, g.at(scrollTop + clientHeight + AROUND_PX) + 1);
        const now = range.peek();
        const seen = g.at(scrollTop) < now.from || g.at(scrollTop + clientHeight) >= now.to;
        const moved = Math.abs(now.from - from) > 6 || Math.abs(now.to - to) > 6 || to === g.count || from === 0;
        const differs = now.from !== from || now.to !== to;
        if (differs && (seen || moved))
            range.value = { from, to };
        const top = g.rows[g.at(scrollTop + 8)];
        if (top)
            topDay.value = day(top.sent);
        if (scrollTop < FETCH_PX)
            void fetchOlder();
        if (!started.current)
            return;
        if (g.follows || scrollTop + clientHeight > g.height - FOLLOW_PX)
            markRead(state, g.count);
        else
            markRead(state, g.at(scrollTop + clientHeight) + 1);
    };
    const onScroll = () => {
        const box = scroller.current;
        if (!box)
            return;
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
    const touch = () => { g.touched = performance.now(); };
    const fetchOlder = async () => {
        if (loading.current || state.isWhole || client.connection !== 'live')
            return;
        loading.current = true;
        await client.older(state.id).catch(() => undefined);
        loading.current = false;
    };
    const toNewest = () => {
        g.follows = true;
        client.store.chats.get(state.id)?.trim(KEEP_ROWS);
        client.changes.touch(`rows:${state.id}`);
        settle();
        scroller.current?.focus({ preventScroll: true });
    };
    const jump = async (seq) => {
        for (let page = 0; state.floor > seq && !state.isWhole && page < 50; page++) {
            if (!(await attempt(client.older(state.id, 200))))
                break;
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
        if (started.current || !g.rows.length)
            return;
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
        const resettle = () => settle();
        const sizes = new ResizeObserver(resettle);
        if (scroller.current)
            sizes.observe(scroller.current);
        if (shown.current)
            sizes.observe(shown.current);
        document.addEventListener('visibilitychange', resettle);
        addEventListener('focus', resettle);
        return () => {
            sizes.disconnect();
            document.removeEventListener('visibilitychange', resettle);
            removeEventListener('focus', resettle);
            state.trim(60);
        };
    }, []);
    const head = state.last?.seq ?? 0;
    if (g.follows && head > g.head && g.rows.length > KEEP_ROWS * 1.5)
        queueMicrotask(() => state.trim(KEEP_ROWS));
    g.head = head;
    const { from, to } = range.value;
    const drawn = [];
    for (let at = from; at < Math.min(to, g.count); at++)
        drawn.push(draw(g, at, state, marker, flash.value));
    return (_jsxs("div", { class: "timeline", children: [_jsx("div", { class: "scroll messages", ref: scroller, onScroll: onScroll, onWheel: touch, onTouchMove: touch, onKeyDown: touch, onPointerDown: touch, tabIndex: 0, role: "region", "aria-label": t('messages'), children: _jsxs("div", { class: "messages-inner", ref: content, children: [!state.isWhole && g.rows.length > 0 && _jsx("div", { class: "older", children: _jsx(Spinner, {}) }), _jsx("div", { class: "messages-shown", ref: shown, children: drawn })] }) }), _jsx("div", { class: "top-day", "aria-hidden": "true", children: _jsx("span", { children: topDay.value }) }), away.value && (_jsxs("div", { class: "to-newest", children: [_jsx(IconButton, { icon: "arrow-down", label: t('to_newest'), onClick: toNewest, class: "float" }), state.unread > 0 && _jsx("span", { class: "badge", children: state.unread })] })), !g.count && state.floor === Infinity && state.chat.head_seq > 0 && (_jsx("div", { class: "empty over", children: _jsx(Spinner, {}) }))] }));
}
const jumpers = new Map();
export const jumpTo = (chat, seq) => void jumpers.get(chat)?.(seq);
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
function draw(g, at, state, marker, flash) {
    const row = g.rows[at];
    const before = g.rows[at - 1];
    if (!row) {
        const item = g.unsent[at - g.rows.length];
        return _jsx(UnsentRow, { item: item, state: state, failed: item.error ?? '' }, `u${item.client_msg_id}`);
    }
    const after = g.rows[at + 1];
    const change = client.outbox.changeOf(row);
    const newDay = !before || !isSameDay(before.sent, row.sent);
    const isFirst = newDay || row.seq === marker || !together(before, row);
    return (_jsx(MessageRow, { row: row, state: state, first: isFirst, last: !after || after.seq === marker || !together(row, after), day: newDay ? day(row.sent) : '', unread: row.seq === marker, flash: flash === row.seq, mine: row.from === myId(), change: change, failed: change?.error ?? '' }, `s${row.seq}`));
}
function together(a, b) {
    if (!a || a.from !== b.from || !isSameDay(a.sent, b.sent))
        return false;
    const isBubble = (row) => row.kind === 'text' || row.kind === 'deleted';
    return isBubble(a) && isBubble(b) && Date.parse(b.sent) - Date.parse(a.sent) < TOGETHER_MS;
}
