import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { day, isSameDay } from './format.js';
import { t } from './i18n.js';
import { MessageRow, UnsentRow } from './message.js';
import { myId } from './names.js';
import { client } from './state.js';
import { IconButton, Spinner } from './ui.js';
import { useTimeline } from './use_timeline.js';
const TOGETHER_MS = 5 * 60_000;
export function Timeline({ state, marker }) {
    const view = useTimeline(state, marker);
    const { geometry: g, touch } = view;
    return (_jsxs("div", { class: "timeline", children: [_jsx("div", { class: "scroll messages", ref: view.scroller, onScroll: view.onScroll, onWheel: touch, onTouchMove: touch, onKeyDown: touch, onPointerDown: touch, tabIndex: 0, role: "region", "aria-label": t('messages'), children: _jsxs("div", { class: "messages-inner", ref: view.content, children: [!state.isWhole && g.rows.length > 0 && _jsx("div", { class: "older", children: _jsx(Spinner, {}) }), _jsx("div", { class: "messages-shown", ref: view.shown, children: rows(view) })] }) }), _jsx("div", { class: "top-day", "aria-hidden": "true", children: _jsx("span", { children: view.topDay.value }) }), view.away.value && (_jsxs("div", { class: "to-newest", children: [_jsx(IconButton, { icon: "arrow-down", label: t('to_newest'), onClick: view.toNewest, class: "float" }), state.unread > 0 && _jsx("span", { class: "badge", children: state.unread })] })), !g.count && state.floor === Infinity && state.chat.head_seq > 0 && (_jsx("div", { class: "empty over", children: _jsx(Spinner, {}) }))] }));
}
function rows(view) {
    const { from, to } = view.range.value;
    const count = Math.max(0, Math.min(to, view.geometry.count) - from);
    return Array.from({ length: count }, (_, index) => draw(view, from + index));
}
function draw({ geometry: g, state, marker, flash }, at) {
    const row = g.rows[at];
    const before = g.rows[at - 1];
    if (!row) {
        const item = g.unsent[at - g.rows.length];
        const key = `u${item.client_msg_id}`;
        return _jsx(UnsentRow, { item: item, state: state, failed: item.error ?? '' }, key);
    }
    const after = g.rows[at + 1];
    const change = client.outbox.changeOf(row);
    const newDay = !before || !isSameDay(before.sent, row.sent);
    const isFirst = newDay || row.seq === marker || !together(before, row);
    return (_jsx(MessageRow, { row: row, state: state, first: isFirst, last: !after || after.seq === marker || !together(row, after), day: newDay ? day(row.sent) : '', unread: row.seq === marker, flash: flash.value === row.seq, mine: row.from === myId(), change: change, failed: change?.error ?? '' }, `s${row.seq}`));
}
function together(a, b) {
    if (!a || a.from !== b.from || !isSameDay(a.sent, b.sent))
        return false;
    const isBubble = (row) => row.kind === 'text' || row.kind === 'deleted';
    return isBubble(a) && isBubble(b) && Date.parse(b.sent) - Date.parse(a.sent) < TOGETHER_MS;
}
