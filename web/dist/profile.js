import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from './i18n.js';
import { enter } from './chats.js';
import { FacePicture, openDirect } from './info.js';
import { attempt, back, client, go } from './state.js';
import { Avatar, Empty, Icon, IconButton, Spinner } from './ui.js';
export function Profile({ id }) {
    const user = useSignal(client.store.users.get(id) ?? null);
    useEffect(() => {
        void attempt(client.rest.get(`/users/${id}`))
            .then((found) => { if (found)
            user.value = found; });
    }, [id]);
    return (_jsxs("section", { class: "pane chat-pane plain", "aria-label": t('profile'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => back() }), _jsx("h1", { class: "grow", children: t('profile') })] }), user.value ? (_jsxs("div", { class: "scroll info", children: [_jsxs("div", { class: "face", children: [_jsx(FacePicture, { id: id, name: user.value.name }), _jsx("h2", { dir: "auto", children: user.value.name || t('user.deleted') }), user.value.about && _jsx("p", { class: "about-me", dir: "auto", children: user.value.about })] }), _jsx("div", { class: "face-buttons", children: _jsxs("button", { type: "button", class: "button primary", onClick: () => void openDirect(id), children: [_jsx(Icon, { name: "message-circle" }), " ", t('message')] }) })] })) : _jsx("div", { class: "empty", children: _jsx(Spinner, {}) })] }));
}
export function Join({ code }) {
    const group = useSignal(undefined);
    useEffect(() => {
        const path = `/invites/${encodeURIComponent(code)}`;
        client.rest.get(path)
            .then((found) => { group.value = found; }, () => { group.value = null; });
    }, [code]);
    const join = async () => {
        const joined = await attempt(client.rest.post(`/invites/${encodeURIComponent(code)}/join`));
        if (!joined)
            return;
        await enter(joined.id, () => go(`chat/${joined.id}`, true));
    };
    const found = group.value;
    return (_jsxs("section", { class: "pane chat-pane plain", "aria-label": t('invite'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => go('') }), _jsx("h1", { class: "grow", children: t('invite.to') })] }), found === undefined && _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }), found === null && _jsx(Empty, { icon: "link", title: t('invite.bad'), text: t('invite.bad.hint') }), found && (_jsxs("div", { class: "scroll info", children: [_jsxs("div", { class: "face", children: [_jsx(Avatar, { id: found.id, name: found.title ?? '', size: "xl", group: true, picture: found.avatar }), _jsx("h2", { dir: "auto", children: found.title }), _jsx("p", { class: "dim", children: t('members', { n: found.member_count }) }), found.about && _jsx("p", { class: "about-me", dir: "auto", children: found.about })] }), _jsx("div", { class: "face-buttons", children: client.store.chats.has(found.id)
                            ? (_jsx("button", { type: "button", class: "button primary", onClick: () => go(`chat/${found.id}`, true), children: t('open') }))
                            : (_jsx("button", { type: "button", class: "button primary", onClick: () => void join(), children: t('join') })) })] }))] }));
}
