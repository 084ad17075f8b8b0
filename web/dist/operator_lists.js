import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { date, full } from './format.js';
import { t } from './i18n.js';
import { copy } from './message_menu.js';
import { List, usePages } from './operator_parts.js';
import { QrCode } from './qr.js';
import { Action } from './row_buttons.js';
import { attempt, client, go, say } from './state.js';
import { Avatar, Confirm, Dialog, Icon, IconButton, Spinner } from './ui.js';
const DAY_SECONDS = 86_400;
export function Groups() {
    const pages = usePages(async (after) => {
        const found = await client.rest.get('/operator/groups', { after });
        return { rows: found.groups, next: found.next };
    }, '');
    return (_jsx(List, { pages: pages, icon: "users", none: t('admin.groups.none'), children: (group) => (_jsxs("a", { class: "row-button member", href: `#/admin/groups/${group.id}`, children: [_jsx(Avatar, { id: group.id, name: group.title, size: "s", group: true }), _jsxs("span", { class: "grow two-lines", children: [_jsx("span", { dir: "auto", children: group.title }), _jsxs("small", { class: "dim", children: [t('members', { n: group.member_count }), " \u00B7 ", date(group.active_at)] })] }), group.deleted_at && _jsx("span", { class: "tag bad", children: t('admin.deleted') })] }, group.id)) }));
}
export function GroupPage({ id }) {
    const found = useSignal(null);
    const ending = useSignal(false);
    const path = `/operator/groups/${id}`;
    useEffect(() => {
        void attempt(client.rest.get(path)).then((group) => {
            if (group)
                found.value = group;
        });
    }, [id]);
    if (!found.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    const { group, members } = found.value;
    const end = async (yes) => {
        ending.value = false;
        if (!yes || !await attempt(client.rest.delete(path).then(() => true)))
            return;
        say(t('admin.done'));
        go('admin/groups', true);
    };
    return (_jsxs(_Fragment, { children: [_jsxs("div", { class: "face", children: [_jsx(Avatar, { id: id, name: group.title, size: "xl", group: true }), _jsx("h2", { dir: "auto", children: group.title }), group.about && _jsx("p", { class: "about-me", dir: "auto", children: group.about })] }), _jsxs("dl", { class: "card facts", children: [_jsx("dt", { children: t('admin.since') }), _jsx("dd", { children: date(group.created_at) }), _jsx("dt", { children: t('admin.messages') }), _jsx("dd", { children: group.messages }), _jsx("dt", { children: t('members.title') }), _jsx("dd", { children: group.member_count })] }), _jsx("div", { class: "card", children: members.map(({ user, name }) => (_jsxs("a", { class: "row-button member", href: `#/admin/people/${user}`, children: [_jsx(Avatar, { id: user, name: name, size: "s", picture: null }), _jsx("span", { class: "grow", dir: "auto", children: name || t('user.deleted') })] }, user))) }), !group.deleted_at && (_jsx("div", { class: "card", children: _jsx(Action, { icon: "trash-2", label: t('admin.group.delete'), danger: true, onClick: () => { ending.value = true; } }) })), ending.value && (_jsx(Confirm, { title: t('admin.group.delete'), text: t('admin.group.delete.hint'), action: t('admin.group.delete'), onDone: (yes) => void end(yes) }))] }));
}
export function Invitations() {
    const made = useSignal(null);
    const uses = useSignal(1);
    const days = useSignal(7);
    const pages = usePages(async () => ({
        rows: (await client.rest.get('/operator/invitations')).invitations,
    }), made.value?.id ?? '');
    const make = async (event) => {
        event.preventDefault();
        const body = { uses: uses.value, expires_in: days.value * DAY_SECONDS };
        const found = await attempt(client.rest.post('/operator/invitations', body));
        if (found)
            made.value = found;
    };
    const end = async (id) => {
        if (await attempt(client.rest.delete(`/operator/invitations/${id}`).then(() => true))) {
            await pages.more(true);
        }
    };
    return (_jsxs(_Fragment, { children: [_jsxs("form", { class: "card form side-by-side", onSubmit: make, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('admin.invitation.uses') }), _jsx("input", { type: "number", required: true, min: 1, max: 1000, value: uses.value, onInput: (event) => { uses.value = Number(event.currentTarget.value); } })] }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('admin.invitation.days') }), _jsx("input", { type: "number", required: true, min: 1, max: 365, value: days.value, onInput: (event) => { days.value = Number(event.currentTarget.value); } })] }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('admin.invitation.make') }) })] }), _jsx(List, { pages: pages, icon: "ticket", none: t('admin.invitations.none'), children: (one) => (_jsxs("div", { class: "device", children: [_jsx(Icon, { name: "ticket" }), _jsxs("span", { class: "grow", children: [_jsx("span", { children: t('admin.invitation.used', { used: one.used, uses: one.uses }) }), _jsx("small", { class: "dim", children: t('admin.until', { when: full(one.expires_at) }) })] }), _jsx(IconButton, { icon: "trash-2", label: t('admin.invitation.end'), onClick: () => void end(one.id) })] }, one.id)) }), made.value?.link && (_jsx(Made, { link: made.value.link, onClose: () => { made.value = null; } }))] }));
}
function Made({ link, onClose }) {
    return (_jsxs(Dialog, { title: t('admin.invitation'), onClose: onClose, children: [_jsx("p", { class: "dim", children: t('admin.invitation.once') }), _jsx(QrCode, { text: link, label: t('admin.invitation') }), _jsx("p", { class: "invite-link", children: _jsx("code", { children: link }) }), _jsx("div", { class: "buttons", children: _jsx("button", { type: "button", class: "button primary", onClick: () => void copy(link), children: t('copy') }) })] }));
}
function whose({ by, by_name }) {
    if (!by)
        return t('admin.machine');
    return by_name ?? t('admin.operator');
}
export function AuditList() {
    const pages = usePages(async (before) => {
        const found = await client.rest.get('/operator/audit', { before });
        return { rows: found.audit, next: found.next };
    }, '');
    return (_jsx(List, { pages: pages, icon: "scroll-text", none: t('admin.audit.none'), children: (row) => (_jsxs("div", { class: "device", children: [_jsxs("span", { class: "grow", children: [_jsx("span", { children: t(`admin.act.${row.act}`) || row.act }), _jsxs("small", { class: "dim", children: [full(row.at), " \u00B7 ", _jsx("bdi", { children: whose(row) }), row.what && _jsxs(_Fragment, { children: [" \u00B7 ", _jsx("q", { dir: "auto", children: row.what })] })] })] }), row.user && (_jsx("a", { class: "link whom", dir: "auto", href: `#/admin/people/${row.user}`, children: row.name ?? t('admin.person') })), row.group && (_jsx("a", { class: "link whom", dir: "auto", href: `#/admin/groups/${row.group}`, children: row.name ?? t('admin.group') }))] }, row.id)) }));
}
