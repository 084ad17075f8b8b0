import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { AsksBadge } from './asks_badge.js';
import { FILE_ICONS, attachmentsOf, filesText, guessed } from './files_text.js';
import { brief } from './format.js';
import { t } from './i18n.js';
import { lazy } from './lazy.js';
import { toLevel } from './level.js';
import { chatName, isListed, isMissed, myId, preview, typingText } from './names.js';
import { isOnline, showPeople } from './presence.js';
import { alerts, alertsAsked, attempt, client, go, isNarrow, openChat, say, watch, } from './state.js';
import { Ticks, standing } from './ticks.js';
import { Avatar, Empty, Icon, IconButton, Menu, Spinner } from './ui.js';
import { useWindow } from './window.js';
const RequestsRow = lazy(async () => (await import('./contacts.js')).RequestsRow, '');
const AskAlerts = lazy(async () => (await import('./alerts.js')).AskAlerts, '');
export function ChatList() {
    watch('chats', 'users', 'session');
    const query = useSignal('');
    const list = client.store.list().filter(isListed);
    const wanted = fold(query.value.trim());
    const shown = wanted ? list.filter((state) => fold(chatName(state)).includes(wanted)) : list;
    const me = client.me;
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('chats'), children: [_jsxs("header", { class: "bar list-bar", children: [_jsx("button", { type: "button", class: "avatar-button", "aria-label": t('settings'), title: t('settings'), onClick: () => go('settings'), children: _jsx(Avatar, { id: me?.id ?? '', name: me?.name ?? '', size: "s" }) }), _jsx("h1", { class: "grow", children: t('chats') }), _jsx(IconButton, { icon: "contact", label: t('contacts'), onClick: () => go('contacts') }), _jsx(IconButton, { icon: "phone", label: t('calls'), onClick: () => go('calls') }), _jsx(IconButton, { icon: "square-pen", label: t('new'), onClick: () => go('new') })] }), _jsxs("div", { class: "search", children: [_jsx(Icon, { name: "search" }), _jsx("input", { type: "search", placeholder: t('search'), "aria-label": t('search'), value: query.value, enterkeyhint: "search", dir: "auto", onInput: (event) => { query.value = event.currentTarget.value; }, onKeyDown: (event) => { if (event.key === 'Escape')
                            query.value = ''; } })] }), !(isNarrow.value && openChat()) && _jsx(ConnectionBar, {}), !alerts.value && !alertsAsked.value && _jsx(AskAlerts, {}), query.value.trim()
                ? _jsx(Results, { query: query.value.trim(), chats: shown, onDone: () => { query.value = ''; } })
                : _jsxs(_Fragment, { children: [_jsx(RequestsRow, {}), _jsx(Chats, { list: list })] })] }));
}
export const fold = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
export function ConnectionBar() {
    watch('connection');
    const late = useSignal(false);
    const timer = useRef(undefined);
    const isDown = client.connection === 'waiting' || client.connection === 'connecting';
    if (isDown && !timer.current)
        timer.current = setTimeout(() => { late.value = true; }, 1_500);
    if (!isDown && timer.current) {
        clearTimeout(timer.current);
        timer.current = undefined;
        queueMicrotask(() => { late.value = false; });
    }
    if (!isDown || !late.value)
        return null;
    return (_jsxs("p", { class: "offline", role: "status", children: [_jsx(Icon, { name: "cloud-off" }), _jsx("span", { children: t('offline') })] }));
}
const ROW_PX = 72;
function Chats({ list }) {
    const scroller = useRef(null);
    const { from, to } = useWindow(scroller, list.length, ROW_PX);
    const drawn = list.slice(from, to);
    const peers = drawn.map((state) => state.peer(myId())).filter((id) => id !== null && id !== myId());
    useEffect(() => showPeople('list', peers), [peers.join()]);
    if (!list.length)
        return _jsx(NoChats, {});
    return (_jsx("div", { class: "scroll chats", ref: scroller, children: _jsx("ul", { class: "rows", style: { height: `${list.length * ROW_PX}px` }, children: drawn.map((state, at) => (_jsx(ChatRow, { state: state, top: (from + at) * ROW_PX }, state.id))) }) }));
}
function NoChats() {
    watch('connection');
    if (!client.isSynced && client.connection !== 'waiting') {
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    }
    return (_jsx(Empty, { icon: "message-circle", title: t('chats.none'), text: t('chats.none.hint'), children: _jsx("button", { type: "button", class: "button primary", onClick: () => go('new'), children: t('chats.begin') }) }));
}
function ChatRow({ state, top }) {
    watch(`chat:${state.id}`, `rows:${state.id}`, 'users');
    const menu = useSignal(null);
    const name = chatName(state);
    const { unread } = state;
    const peer = state.peer(myId());
    const isOpen = openChat() === state.id;
    const muted = client.alerts.isMuted(state);
    const mentions = state.mentions(myId());
    return (_jsxs("li", { class: "chat-item", style: { top: `${top}px` }, children: [_jsxs("a", { class: "chat-row", href: `#/chat/${state.id}`, "aria-current": isOpen ? 'page' : undefined, onContextMenu: (event) => {
                    event.preventDefault();
                    menu.value = { x: event.clientX, y: event.clientY };
                }, children: [_jsx(Avatar, { id: peer ?? state.id, name: name, group: peer === null, online: isOnline(peer) }), _jsxs("span", { class: "chat-text", children: [_jsxs("span", { class: "chat-line", children: [_jsx("span", { class: "chat-name", dir: "auto", children: name }), muted && _jsx(Icon, { name: "bell-off", label: t('muted') }), _jsx(LastTime, { state: state })] }), _jsxs("span", { class: "chat-line", children: [_jsx(LastLine, { state: state }), _jsx(AsksBadge, { chat: state.id }), mentions > 0 && _jsx("span", { class: "badge mention", "aria-label": t('mentioned'), children: "@" }), unread > 0 && (_jsxs("span", { class: `badge ${muted ? 'quiet' : ''}`, children: [unread > 999 ? '999+' : unread, _jsxs("span", { class: "hidden", children: [" ", t('unread')] })] })), state.member.pinned && !unread && _jsx(Icon, { name: "pin", label: t('pinned') })] })] })] }), menu.value && (_jsx(Menu, { label: name, at: menu.value, onClose: () => { menu.value = null; }, items: chatActions(state) }))] }));
}
function LastTime({ state }) {
    watch(`chat:${state.id}`, `rows:${state.id}`);
    const { last } = state;
    if (!last)
        return null;
    const isFresh = state.unread && !client.alerts.isMuted(state);
    return _jsx("time", { class: `chat-time ${isFresh ? 'fresh' : ''}`, children: brief(last.sent) });
}
function LastLine({ state }) {
    watch(`chat:${state.id}`, `rows:${state.id}`, 'users');
    const typing = typingText(state);
    if (typing)
        return _jsx("span", { class: "chat-last typing", children: typing });
    const unsent = client.outbox.of(state.id).at(-1);
    if (unsent) {
        return (_jsxs("span", { class: "chat-last", children: [_jsx(Icon, { name: unsent.error ? 'circle-alert' : 'clock', label: t(unsent.error ? 'state.failed' : 'state.sending') }), _jsx("bdi", { children: unsent.body || filesText((unsent.files ?? []).map(guessed)) })] }));
    }
    const { last } = state;
    if (!last)
        return _jsx("span", { class: "chat-last" });
    const isMine = last.from === myId();
    const [file] = last.kind === 'text' ? attachmentsOf(last) : [];
    const author = state.chat.kind === 'group' && last.kind === 'text' && !isMine ? last.from_name : '';
    return (_jsxs("span", { class: `chat-last ${last.kind !== 'text' ? 'quiet' : ''}`, children: [isMine && last.kind === 'text' && _jsx(Ticks, { state: standing(state, last) }), last.kind === 'call' && _jsx(Icon, { name: isMissed(last) && !isMine ? 'phone-missed' : 'phone' }), file && _jsx(Icon, { name: FILE_ICONS[file.kind] }), author && _jsxs("span", { class: "chat-author", children: [_jsx("bdi", { children: author }), ": "] }), _jsx("bdi", { children: preview(last) })] }));
}
export function chatActions(state) {
    const forever = new Date(Date.now() + 10 * 365 * 86_400_000).toISOString();
    const muted = client.alerts.isMuted(state);
    const { pinned } = state.member;
    const set = (change, done) => async () => {
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
            onClick: set(muted ? toLevel(state, 'all') : { muted_until: forever }, t(muted ? 'unmuted' : 'muted')),
        },
        ...(state.unread
            ? [{
                    icon: 'check-check', label: t('mark_read'),
                    onClick: () => client.read(state.id, state.chat.head_seq),
                }]
            : []),
    ];
}
function Results({ query, chats, onDone }) {
    const found = useFound(query);
    const me = myId();
    const shown = new Set(chats.slice(0, 20).map((state) => state.peer(me)));
    const users = found?.users.filter(({ id }) => id !== me && !shown.has(id)) ?? [];
    const groups = found?.groups.filter(({ id }) => !client.store.chats.has(id)) ?? [];
    const nothing = found && !users.length && !groups.length && !chats.length;
    return (_jsxs("div", { class: "scroll results", children: [chats.length > 0 && _jsx("h2", { class: "section", children: t('chats') }), chats.slice(0, 20).map((state) => (_jsxs("a", { class: "chat-row", href: `#/chat/${state.id}`, onClick: onDone, children: [_jsx(Avatar, { id: state.peer(me) ?? state.id, name: chatName(state), group: !state.peer(me) }), _jsx("span", { class: "chat-text", children: _jsx("span", { class: "chat-name", dir: "auto", children: chatName(state) }) })] }, state.id))), users.length > 0 && _jsx("h2", { class: "section", children: t('people') }), users.map((user) => _jsx(FoundUser, { user: user, onDone: onDone }, user.id)), groups.length > 0 && _jsx("h2", { class: "section", children: t('groups') }), groups.map((group) => _jsx(FoundGroup, { group: group, onDone: onDone }, group.id)), !found && _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }), nothing && _jsx(Empty, { icon: "search", title: t('search.none'), text: t('search.none.hint') })] }));
}
function FoundUser({ user, onDone }) {
    const open = async () => {
        const state = await attempt(client.openDirect(user.id));
        if (!state)
            return;
        onDone();
        go(`chat/${state.id}`);
    };
    return (_jsxs("button", { type: "button", class: "chat-row", onClick: open, children: [_jsx(Avatar, { id: user.id, name: user.name }), _jsxs("span", { class: "chat-text", children: [_jsx("span", { class: "chat-name", dir: "auto", children: user.name }), user.about && _jsx("span", { class: "chat-last", children: _jsx("bdi", { children: user.about }) })] })] }));
}
export async function enter(group, then) {
    const isIn = await client.open(group).then(() => true, () => false);
    if (isIn)
        then();
    else
        say(t('join.asked'));
}
function FoundGroup({ group, onDone }) {
    const join = async () => {
        const joined = await attempt(client.rest.post(`/groups/${group.id}/join`));
        if (!joined)
            return;
        await enter(group.id, () => {
            onDone();
            go(`chat/${group.id}`);
        });
    };
    return (_jsxs("div", { class: "chat-row", children: [_jsx(Avatar, { id: group.id, name: group.title ?? '', group: true, picture: group.avatar }), _jsxs("span", { class: "chat-text", children: [_jsx("span", { class: "chat-name", dir: "auto", children: group.title }), _jsx("span", { class: "chat-last", children: t('members', { n: group.member_count }) })] }), _jsx("button", { type: "button", class: "button small", onClick: join, children: t('join') })] }));
}
export function useFound(query) {
    const asked = useSignal(query);
    const found = useSignal(null);
    if (asked.peek() !== query)
        queueMicrotask(() => { asked.value = query; });
    useSignalEffect(() => {
        const q = asked.value;
        found.value = null;
        const abort = new AbortController();
        const timer = setTimeout(async () => {
            const query = { q, limit: 20 };
            const asking = q ? client.rest.ask('/search', { query, signal: abort.signal }) : null;
            const answer = await asking?.catch(() => null) ?? { users: [], groups: [] };
            if (abort.signal.aborted)
                return;
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
