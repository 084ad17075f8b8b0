import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
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
import { Ticks, standing } from './ticks.js';
import { Leaving } from './waiting.js';
import { replyTo } from './writing.js';
import { Avatar, Icon, IconButton, hue } from './ui.js';
const PRESS_MS = 500;
export function MessageRow(props) {
    const { row, day, unread } = props;
    watch('users');
    return (_jsxs("div", { class: "message-row", "data-key": `s${row.seq}`, "data-seq": row.seq, children: [day && _jsx("p", { class: "chip day", children: _jsx("span", { children: day }) }), unread && _jsx("p", { class: "chip unread-mark", id: "unread", children: _jsx("span", { children: t('unread.here') }) }), _jsx(Body, { ...props })] }));
}
function Body(props) {
    const { row, state } = props;
    switch (row.kind) {
        case 'system':
            return (_jsx("p", { class: "chip", children: _jsx("span", { dir: "auto", children: row.event ? eventText(row.event, row) : '' }) }));
        case 'call': return _jsx(CallLine, { row: row, state: state });
        default: return _jsx(Bubble, { ...props });
    }
}
function CallLine({ row, state }) {
    const isMine = row.from === myId();
    const missed = isMissed(row) && !isMine;
    const kind = row.call?.kind ?? 'voice';
    return (_jsx("div", { class: `bubble-line ${isMine ? 'mine' : ''} last`, children: _jsxs("button", { type: "button", class: `call-fact ${missed ? 'missed' : ''}`, title: t('call.again'), onClick: () => client.startCall(state.id, kind), children: [_jsx("span", { class: "call-fact-icon", children: _jsx(Icon, { name: missed ? 'phone-missed' : kind === 'video' ? 'video' : 'phone' }) }), _jsxs("span", { children: [_jsx("span", { class: "call-fact-text", children: callText(row) }), _jsxs("small", { children: [_jsx("time", { dateTime: row.sent, children: clock(row.sent) }), " \u00B7 ", t('call.again')] })] })] }) }));
}
function Bubble(props) {
    const { row, state, first, last, flash, mine, change, failed } = props;
    const menu = useBubbleMenu(row);
    const isGone = row.kind === 'deleted';
    const line = { mine, first, last, flash };
    return (_jsxs("div", { class: classes('bubble-line', line), ...menu.near, children: [state.chat.kind === 'group' && !mine && (_jsx("span", { class: "bubble-avatar", children: last && _jsx(AuthorAvatar, { row: row }) })), _jsxs("div", { class: "bubble-box", children: [_jsx(Said, { ...props, menu: menu }), change && failed && _jsx(Failed, { item: change, why: t('edit.failed', { why: failed }) }), !!row.reactions?.length && _jsx(Reactions, { row: row }), !isGone && _jsx(BubbleTools, { row: row, menu: menu })] }), menu.at.value && (_jsx(MessageMenu, { row: row, state: state, at: menu.at.value, onClose: () => { menu.at.value = null; } }))] }));
}
const classes = (base, are) => [base, ...Object.keys(are).filter((name) => are[name])].join(' ');
function useBubbleMenu(row) {
    const at = useSignal(null);
    const hot = useSignal(false);
    const held = useRef(undefined);
    const heat = (on) => () => { hot.value = on; };
    const onPointerEnd = () => clearTimeout(held.current);
    const press = {
        onContextMenu: (event) => {
            if (row.kind === 'deleted' || event.target.closest('a'))
                return;
            event.preventDefault();
            at.value = { x: event.clientX, y: event.clientY };
        },
        onPointerDown: ({ pointerType, clientX, clientY }) => {
            if (pointerType !== 'touch')
                return;
            held.current = setTimeout(() => { at.value = { x: clientX, y: clientY }; }, PRESS_MS);
        },
        onPointerUp: onPointerEnd, onPointerMove: onPointerEnd, onPointerCancel: onPointerEnd,
    };
    const near = { onPointerEnter: heat(true), onFocusIn: heat(true), onPointerLeave: heat(false) };
    return { at, hot, near, press };
}
function AuthorAvatar({ row }) {
    return (_jsx("button", { type: "button", class: "avatar-button", "aria-label": row.from_name, tabIndex: -1, onClick: () => go(`user/${row.from}`), children: _jsx(Avatar, { id: row.from, name: row.from_name, size: "s" }) }));
}
function Said(props) {
    const { row, state, mine, change, failed, menu } = props;
    const isGone = row.kind === 'deleted';
    const files = isGone ? [] : attachmentsOf(row);
    const hasFiles = files.length > 0;
    const shown = change && !isGone ? { ...row, body: change.body, mentions: change.mentions } : row;
    const body = shown.body ?? '';
    const looks = {
        large: !isGone && !hasFiles && !row.reply_to && isLarge(body),
        gone: isGone,
        'rtl-text': isRightToLeft(isGone ? t('message.deleted') : body),
    };
    return (_jsxs("div", { class: `${classes('bubble', looks)} ${look(row, files)}`, ...menu.press, children: [_jsx(Author, { ...props }), row.forwarded && _jsxs("p", { class: "bubble-note", children: [_jsx(Icon, { name: "forward" }), " ", t('forwarded')] }), row.reply_to != null && _jsx(Quote, { state: state, seq: row.reply_to }), hasFiles && _jsx(Attachments, { row: row, state: state }), _jsxs("p", { class: "bubble-text", dir: "auto", children: [isGone
                        ? _jsxs(_Fragment, { children: [_jsx(Icon, { name: "ban" }), " ", t('message.deleted')] })
                        : _jsx(Rich, { body: body, names: mentionNames(shown) }), _jsx(MetaRoom, { row: row, mine: mine })] }), _jsx(Meta, { row: row, state: state, mine: mine, waiting: change && (failed ? 'failed' : 'sending') })] }));
}
function Author({ row, state, first, mine }) {
    if (mine)
        return _jsxs("span", { class: "hidden", children: [t('you'), ": "] });
    if (state.chat.kind !== 'group' || !first)
        return _jsxs("span", { class: "hidden", children: [row.from_name, ": "] });
    return (_jsx("p", { class: `bubble-author hue-text-${hue(row.from)}`, dir: "auto", title: row.from_name, children: nickOf(state.id, row.from) ?? (row.from_name || t('user.deleted')) }));
}
function BubbleTools({ row, menu }) {
    const open = (event) => {
        const box = event.currentTarget.getBoundingClientRect();
        menu.at.value = { x: box.left, y: box.bottom + 4 };
    };
    return (_jsxs("div", { class: "bubble-tools", children: [menu.hot.value && (_jsxs(_Fragment, { children: [_jsx(IconButton, { icon: "smile-plus", label: t('react'), onClick: open }), _jsx(IconButton, { icon: "reply", label: t('reply'), onClick: () => replyTo(row) })] })), _jsx("button", { type: "button", class: "icon-button dots", "aria-label": t('more'), title: t('more'), onClick: open })] }));
}
function look({ body }, files) {
    if (!files.length)
        return '';
    if (!files.some(isPictured))
        return 'filed';
    const isBare = !body && files.every(isPictured) && (files.length > 1 || files[0]?.kind === 'image');
    return isBare ? 'filed photos bare' : 'filed photos';
}
function mentionNames(row) {
    const names = (row.mentions ?? []).map(userName).filter((name) => name !== '…');
    return row.mention_all ? [...names, 'all', 'todos'] : names;
}
function Meta({ row, state, mine, waiting }) {
    return (_jsxs("span", { class: "meta", children: [row.pinned && _jsx(Icon, { name: "pin", label: t('pinned') }), row.edited && row.kind !== 'deleted' && _jsx("span", { children: t('edited') }), _jsx("time", { dateTime: row.sent, title: full(row.sent), children: clock(row.sent) }), mine && row.kind !== 'deleted'
                && (waiting ? _jsx(Ticks, { state: waiting }) : _jsx(OwnTicks, { row: row, state: state }))] }));
}
function MetaRoom({ row, mine }) {
    const words = row.edited && row.kind !== 'deleted' ? `${t('edited')} ` : '';
    return (_jsx("span", { class: `meta-room ${mine ? 'mine' : ''} ${row.pinned ? 'pinned' : ''}`, "aria-hidden": "true", "data-room": words + clock(row.sent) }));
}
function OwnTicks({ row, state }) {
    watch(`chat:${state.id}`);
    return _jsx(Ticks, { state: standing(state, row) });
}
function Quote({ state, seq }) {
    watch(`rows:${state.id}`);
    const row = state.rows.get(seq);
    return (_jsxs("button", { type: "button", class: `quote ${row ? `hue-edge-${hue(row.from)}` : ''}`, onClick: () => jumpTo(state.id, seq), children: [_jsx("span", { class: "quote-author", dir: "auto", children: row ? (row.from === myId() ? t('you') : row.from_name) : t('message.earlier') }), row && _jsx("span", { class: "quote-text", dir: "auto", children: preview(row) })] }));
}
function Reactions({ row }) {
    const me = myId();
    const names = ({ users, count }) => {
        const shown = users.slice(0, 12).map((id) => (id === me ? t('you') : userName(id))).join(', ');
        return count > 12 ? `${shown} +${count - 12}` : shown;
    };
    return (_jsx("div", { class: "reactions", children: row.reactions?.map((one) => {
            const isMine = one.users.includes(me);
            return (_jsxs("button", { type: "button", class: "reaction", "aria-pressed": isMine, title: names(one), "aria-label": `${one.emoji} ${one.count}`, onClick: () => void attempt(client.react(row, one.emoji, !isMine)), children: [_jsx("span", { children: one.emoji }), one.count > 1 && _jsx("span", { children: one.count })] }, one.emoji));
        }) }));
}
function Failed({ item, why }) {
    return (_jsxs("p", { class: "failed", children: [_jsx("span", { children: why }), _jsx("button", { type: "button", class: "link", onClick: () => client.outbox.retry(item.client_msg_id), children: t('retry') }), _jsx("button", { type: "button", class: "link", onClick: () => client.outbox.discard(item.client_msg_id), children: t('discard') })] }));
}
export function UnsentRow({ item, state, failed }) {
    const looks = {
        filed: !!item.files,
        large: !item.files && isLarge(item.body),
        'rtl-text': isRightToLeft(item.body),
    };
    return (_jsx("div", { class: "message-row", "data-key": `u${item.client_msg_id}`, children: _jsx("div", { class: "bubble-line mine last", children: _jsxs("div", { class: "bubble-box", children: [_jsxs("div", { class: classes('bubble waiting', looks), children: [item.reply_to !== undefined && _jsx(Quote, { state: state, seq: item.reply_to }), item.files && _jsx(Leaving, { item: item, failed: !!failed }), _jsxs("p", { class: "bubble-text", dir: "auto", children: [_jsx(Rich, { body: item.body, names: [] }), _jsx("span", { class: "meta-room mine", "aria-hidden": "true", "data-room": clock(item.at) })] }), _jsxs("span", { class: "meta", children: [_jsx("time", { children: clock(item.at) }), _jsx(Ticks, { state: failed ? 'failed' : 'sending' })] })] }), failed && _jsx(Failed, { item: item, why: failed })] }) }) }));
}
