import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
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
export function ChatPane({ id }) {
    watch(`chat:${id}`, 'session');
    const state = client.store.chats.get(id);
    const missing = useSignal(false);
    useEffect(() => {
        missing.value = false;
        if (!state && client.isLoaded)
            client.open(id).catch(() => { missing.value = true; });
    }, [id, !state, client.isLoaded]);
    if (state)
        return _jsx(Chat, { state: state }, id);
    return (_jsxs("section", { class: "pane chat-pane", children: [_jsx("header", { class: "bar", children: _jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "back flip", onClick: () => go('') }) }), missing.value
                ? (_jsx(Empty, { icon: "message-circle-off", title: t('chat.missing'), text: t('chat.missing.hint') }))
                : _jsx("div", { class: "empty", children: _jsx(Spinner, {}) })] }));
}
function Chat({ state }) {
    watch(`chat:${state.id}`, 'connection');
    const marker = useMemo(() => state.firstUnread, [state.id]);
    const isLive = client.isSynced;
    useEffect(() => {
        if (!isLive)
            return;
        if (!state.isWhole && state.messages.length < 40) {
            void client.older(state.id).catch(() => undefined);
        }
        void learnCursors(state);
        void learnNicks(state);
    }, [state.id, isLive]);
    const peer = state.peer(myId());
    useEffect(() => {
        if (peer && peer !== myId())
            showPeople('chat', [peer]);
        return () => showPeople('chat', []);
    }, [peer]);
    const isOver = !!state.chat.deleted;
    const isOverIt = useSignal(false);
    useEffect(() => stopSound, [state.id]);
    const onDragOver = (event) => {
        if (!event.dataTransfer?.types.includes('Files') || isOver)
            return;
        event.preventDefault();
        isOverIt.value = true;
    };
    const onDragLeave = (event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) {
            isOverIt.value = false;
        }
    };
    const onDrop = (event) => {
        if (!isOverIt.value)
            return;
        event.preventDefault();
        isOverIt.value = false;
        addFiles(state.id, event.dataTransfer?.files ?? []);
    };
    return (_jsxs("section", { class: "pane chat-pane", "aria-label": chatName(state), onDragOver: onDragOver, onDragLeave: onDragLeave, onDrop: onDrop, children: [isOverIt.value && _jsx("div", { class: "drop", children: t('file.drop') }), _jsx(Head, { state: state }), isNarrow.value && _jsx(ConnectionBar, {}), _jsx(Announcement, { state: state }), _jsx(Pinned, { state: state }), _jsx(Timeline, { state: state, marker: marker }), _jsx(Announcer, { state: state }), _jsx(RequestBar, { state: state }), isOver ? _jsx("p", { class: "composer-off", children: t('chat.over') }) : _jsx(Speaking, { state: state })] }));
}
function Head({ state }) {
    watch(`chat:${state.id}`, 'users', 'connection', 'session');
    const menu = useSignal(null);
    const name = chatName(state);
    const peer = state.peer(myId());
    const isCallable = peer !== null && peer !== myId() && client.contacts.lets(state, 'call');
    const typing = typingText(state);
    const call = (kind) => () => client.startCall(state.id, kind);
    return (_jsxs("header", { class: "bar chat-bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "back flip", onClick: () => go('') }), _jsxs("a", { class: "chat-head", href: `#/chat/${state.id}/info`, title: t('info'), children: [_jsx(Avatar, { id: peer ?? state.id, name: name, size: "s", group: peer === null }), _jsxs("span", { class: "chat-head-text", children: [_jsx("h1", { class: "chat-name", dir: "auto", children: name }), _jsx("span", { class: `chat-sub ${typing ? 'typing' : ''}`, "aria-live": "polite", children: typing || subtitle(state) })] }), _jsx(AsksBadge, { chat: state.id })] }), isCallable && _jsx(IconButton, { icon: "phone", label: t('call.voice'), onClick: call('voice') }), isCallable && _jsx(IconButton, { icon: "video", label: t('call.video'), onClick: call('video') }), _jsx(IconButton, { icon: "ellipsis-vertical", label: t('more'), onClick: (event) => {
                    const box = event.currentTarget.getBoundingClientRect();
                    menu.value = { x: box.right - 220, y: box.bottom + 4 };
                } }), menu.value && (_jsx(Menu, { label: name, at: menu.value, onClose: () => { menu.value = null; }, items: [
                    { icon: 'info', label: t('info'), onClick: () => go(`chat/${state.id}/info`) },
                    ...chatActions(state),
                ] }))] }));
}
function subtitle(state) {
    if (state.chat.kind === 'group')
        return t('members', { n: state.chat.member_count });
    return presenceText(state.peer(myId()));
}
function Pinned({ state }) {
    watch(`rows:${state.id}`);
    const at = useSignal(0);
    const pins = state.messages.filter((row) => row.pinned && row.kind !== 'deleted');
    const row = pins[pins.length - 1 - (at.value % Math.max(1, pins.length))];
    if (!row)
        return null;
    const next = () => {
        jumpTo(state.id, row.seq);
        at.value += 1;
    };
    return (_jsxs("button", { type: "button", class: "pinned", onClick: next, children: [_jsx(Icon, { name: "pin" }), _jsx("span", { class: "pinned-text", dir: "auto", children: preview(row) }), pins.length > 1 && _jsxs("span", { class: "dim", children: [(at.value % pins.length) + 1, "/", pins.length] })] }));
}
function Announcer({ state }) {
    watch(`rows:${state.id}`);
    const opened = useMemo(() => state.chat.head_seq, [state.id]);
    const last = state.last;
    const isNews = last && last.seq > opened && last.from !== myId();
    return (_jsx("p", { class: "hidden", "aria-live": "polite", children: isNews ? `${last.from_name}: ${preview(last)}` : '' }));
}
