import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from './i18n.js';
import { copy } from './message_menu.js';
import { chatName, myId, preview } from './names.js';
import { QrCode } from './qr.js';
import { Action } from './row_buttons.js';
import { attempt, back, client, go, say, watch } from './state.js';
import { Avatar, Confirm, Empty, Icon, IconButton, Spinner, Switch } from './ui.js';
function byName(chats) {
    return [...chats].sort((a, b) => chatName(a).localeCompare(chatName(b)));
}
function Head({ title, children }) {
    return (_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => back() }), _jsx("h1", { class: "grow", children: title }), children] }));
}
function Row({ state, line }) {
    watch(`chat:${state.id}`, 'users');
    const name = chatName(state);
    return (_jsxs("a", { class: "chat-row", href: `#/chat/${state.id}`, children: [_jsx(Avatar, { id: state.peer(myId()) ?? state.id, name: name }), _jsxs("span", { class: "chat-text", children: [_jsx("span", { class: "chat-name", dir: "auto", children: name }), line && _jsx("span", { class: "chat-last", children: _jsx("bdi", { children: line }) })] })] }));
}
export function ContactList() {
    watch('chats', 'users', 'session');
    const known = byName(client.contacts.known);
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('contacts'), children: [_jsx(Head, { title: t('contacts'), children: _jsx(IconButton, { icon: "qr-code", label: t('card.mine'), onClick: () => go('contacts/card') }) }), _jsxs("div", { class: "scroll", children: [_jsx(RequestsRow, {}), known.map((state) => {
                        const user = client.user(state.peer(myId()));
                        const own = state.member.remark ? user?.name : user?.about;
                        return _jsx(Row, { state: state, ...(own ? { line: own } : {}) }, state.id);
                    }), !known.length && (_jsx(Empty, { icon: "users", title: t('contacts.none'), text: t('contacts.none.hint') }))] })] }));
}
export function RequestsRow() {
    watch('chats', 'session');
    const count = client.contacts.requests.length;
    if (!count)
        return null;
    return (_jsxs("button", { type: "button", class: "chat-row", onClick: () => go('requests'), children: [_jsx("span", { class: "avatar avatar-m accent", children: _jsx(Icon, { name: "user-plus" }) }), _jsx("span", { class: "chat-text", children: _jsx("span", { class: "chat-name", children: t('requests') }) }), _jsx("span", { class: "badge quiet", children: count })] }));
}
export function RequestList() {
    watch('chats', 'users', 'session');
    const asked = client.contacts.requests;
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('requests'), children: [_jsx(Head, { title: t('requests') }), _jsxs("div", { class: "scroll", children: [_jsx("p", { class: "dim small padded", children: t('requests.hint') }), asked.map((state) => (_jsx(Row, { state: state, line: state.last ? preview(state.last) : '' }, state.id))), !asked.length && _jsx(Empty, { icon: "user-plus", title: t('requests.none'), text: "" })] })] }));
}
export function RequestBar({ state }) {
    watch(`chat:${state.id}`, 'session');
    const blocking = useSignal(false);
    const peer = state.peer(myId());
    const tie = client.contacts.tie(state);
    if (!peer || peer === myId() || tie === 'known')
        return null;
    if (!tie) {
        if (client.contacts.lets(state, 'call'))
            return null;
        return _jsx("p", { class: "request-bar dim small", children: t('request.texts_only') });
    }
    if (tie === 'asks') {
        const left = state.member.tie?.texts_left ?? 0;
        return _jsx("p", { class: "request-bar dim small", children: t('request.waits', { n: left }) });
    }
    const name = chatName(state);
    const accept = () => void attempt(client.contacts.accept(peer));
    const refuse = async () => {
        if (await attempt(client.contacts.refuse(peer)))
            go('', true);
    };
    const block = async (yes) => {
        blocking.value = false;
        if (yes)
            await attempt(client.rest.put(`/users/${peer}/block`).then(refuse));
    };
    return (_jsxs("div", { class: "request-bar", role: "group", "aria-label": t('request'), children: [_jsx("p", { children: t('request.from', { name }) }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button primary", onClick: accept, children: t('request.accept') }), _jsx("button", { type: "button", class: "button", onClick: () => void refuse(), children: t('request.refuse') }), _jsx("button", { type: "button", class: "button danger", onClick: () => { blocking.value = true; }, children: t('block') })] }), blocking.value && (_jsx(Confirm, { title: t('block.ask', { name }), text: t('block.hint'), action: t('block'), onDone: (yes) => void block(yes) }))] }));
}
const linkOf = (code) => `${location.origin}${location.pathname}#/add/${encodeURIComponent(code)}`;
export function MyCard() {
    const card = useSignal(undefined);
    useEffect(() => {
        client.contacts.ownCard()
            .then((found) => { card.value = found; }, () => { card.value = null; });
    }, []);
    const set = async (change, done = '') => {
        const changed = await attempt(client.contacts.setCard(change));
        if (changed)
            card.value = changed;
        if (changed && done)
            say(done);
    };
    const drop = async () => {
        if (await attempt(client.contacts.dropCard().then(() => true)))
            card.value = null;
    };
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('card.mine'), children: [_jsx(Head, { title: t('card.mine') }), card.value === undefined && _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }), card.value === null && (_jsx(Empty, { icon: "qr-code", title: t('card.none'), text: t('card.none.hint'), children: _jsx("button", { type: "button", class: "button primary", onClick: () => void set({}), children: t('card.make') }) })), card.value && (_jsxs("div", { class: "scroll info", children: [_jsxs("div", { class: "face", children: [_jsx(QrCode, { text: linkOf(card.value.code), label: t('card.qr') }), _jsx("h2", { dir: "auto", children: client.me?.name }), _jsx("p", { class: "dim", children: t(card.value.adds ? 'card.adds.on' : 'card.adds.off') })] }), _jsxs("div", { class: "card", children: [_jsx(Switch, { label: t('card.adds'), hint: t('card.adds.hint'), on: card.value.adds, onChange: (adds) => void set({ adds }) }), _jsx(Action, { icon: "copy", label: t('copy'), onClick: () => void copy(linkOf(card.value?.code ?? '')) }), _jsx(Action, { icon: "refresh-cw", label: t('card.renew'), onClick: () => void set({ renew: true }, t('card.renewed')) }), _jsx(Action, { icon: "trash-2", label: t('card.drop'), danger: true, onClick: () => void drop() })] })] }))] }));
}
export function AddByCard({ code }) {
    const card = useSignal(undefined);
    useEffect(() => {
        client.contacts.card(code)
            .then((found) => { card.value = found; }, () => { card.value = null; });
    }, [code]);
    const show = async () => {
        const contact = await attempt(client.contacts.showCard(code));
        if (contact)
            go(`chat/${contact.member.chat}`, true);
    };
    const found = card.value;
    const isMine = found?.user.id === myId();
    return (_jsxs("section", { class: "pane chat-pane plain", "aria-label": t('card'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => go('') }), _jsx("h1", { class: "grow", children: t('card') })] }), found === undefined && _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }), found === null && _jsx(Empty, { icon: "qr-code", title: t('card.bad'), text: t('card.bad.hint') }), found && (_jsxs("div", { class: "scroll info", children: [_jsxs("div", { class: "face", children: [_jsx(Avatar, { id: found.user.id, name: found.user.name, size: "xl" }), _jsx("h2", { dir: "auto", children: found.user.name }), found.user.about && _jsx("p", { class: "about-me", dir: "auto", children: found.user.about })] }), _jsx("div", { class: "face-buttons", children: isMine ? _jsx("p", { class: "dim", children: t('card.yours') }) : (_jsxs("button", { type: "button", class: "button primary", onClick: () => void show(), children: [_jsx(Icon, { name: "user-plus" }), " ", t(found.adds ? 'contact.add' : 'contact.ask')] })) })] }))] }));
}
export function ContactActions({ state, peer }) {
    watch(`chat:${state.id}`, 'session');
    const ending = useSignal(false);
    const name = useSignal(state.member.remark ?? '');
    const tie = client.contacts.tie(state);
    const save = async (event) => {
        event.preventDefault();
        const remark = name.value.trim() || null;
        if (await attempt(client.setChat(state.id, { remark }).then(() => true)))
            say(t('saved'));
    };
    const end = (yes) => {
        ending.value = false;
        if (yes)
            void attempt(client.contacts.remove(peer));
    };
    return (_jsxs(_Fragment, { children: [_jsxs("form", { class: "card form", onSubmit: save, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('remark') }), _jsx("input", { dir: "auto", maxLength: client.limits?.name_chars, value: name.value, placeholder: client.user(peer)?.name ?? '', onInput: (event) => { name.value = event.currentTarget.value; } })] }), _jsx("p", { class: "dim small", children: t('remark.hint') }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button", children: t('save') }) })] }), _jsxs("div", { class: "card", children: [tie === null && (_jsx(Action, { icon: "user-plus", label: t('contact.ask'), onClick: () => void attempt(client.contacts.ask(peer)) })), tie === 'known' && (_jsx(Action, { icon: "user-minus", label: t('contact.remove'), danger: true, onClick: () => { ending.value = true; } })), (tie === 'asked' || tie === 'refused') && (_jsx(Action, { icon: "user-check", label: t('request.accept'), onClick: () => void attempt(client.contacts.accept(peer)) })), tie === 'asks' && _jsx("p", { class: "dim small padded", children: t('request.waiting') })] }), ending.value && (_jsx(Confirm, { title: t('contact.remove'), text: t('contact.remove.hint'), action: t('contact.remove'), onDone: end }))] }));
}
