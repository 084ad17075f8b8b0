import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { AddressPage } from './address.js';
import { AlertsPage } from './alert_settings.js';
import { AlertsSwitch } from './alerts.js';
import { bytes } from './files_text.js';
import { brief, date } from './format.js';
import { LANGS, LANGUAGES, lang, speak, t, tongue } from './i18n.js';
import { ChangePicture } from './change_picture.js';
import { ExportPage } from './export.js';
import { RecoveryPage } from './recovery.js';
import { Action, Link } from './row_buttons.js';
import { attempt, back, client, go, limits, route, say, sounds, theme, watch, } from './state.js';
import { Avatar, Choice, Confirm, Empty, Icon, IconButton, Spinner, Switch, } from './ui.js';
export function Settings() {
    watch('session');
    switch (route.value[1]) {
        case 'profile': return _jsx(Page, { title: t('profile'), children: _jsx(EditProfile, {}) });
        case 'address': return _jsx(Page, { title: t('address'), children: _jsx(AddressPage, {}) });
        case 'recovery': return _jsx(Page, { title: t('recovery'), children: _jsx(RecoveryPage, {}) });
        case 'export': return _jsx(Page, { title: t('export'), children: _jsx(ExportPage, {}) });
        case 'alerts': return _jsx(Page, { title: t('alerts'), children: _jsx(AlertsPage, {}) });
        case 'privacy': return _jsx(Page, { title: t('privacy'), children: _jsx(PrivacyPage, {}) });
        case 'devices': return _jsx(Page, { title: t('devices'), children: _jsx(Devices, {}) });
        case 'blocked': return _jsx(Page, { title: t('blocked'), children: _jsx(BlockedPeople, {}) });
        default: return _jsx(Page, { title: t('settings'), children: _jsx(Overview, {}) });
    }
}
function Page({ title, children }) {
    const up = () => (route.value.length > 1 ? go('settings', true) : back());
    return (_jsxs("section", { class: "pane list-pane", "aria-label": title, children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: up }), _jsx("h1", { class: "grow", children: title })] }), _jsx("div", { class: "scroll info", children: children })] }));
}
function Overview() {
    watch('session');
    const { me } = client;
    const leaving = useSignal(false);
    const done = (yes) => {
        leaving.value = false;
        if (yes)
            void client.logOut();
    };
    return (_jsxs(_Fragment, { children: [_jsxs("a", { class: "me-card", href: "#/settings/profile", children: [_jsx(Avatar, { id: me?.id ?? '', name: me?.name ?? '', size: "l" }), _jsxs("span", { class: "grow", children: [_jsx("span", { class: "chat-name", dir: "auto", children: me?.name }), _jsx("span", { class: "dim small", children: me?.email })] }), _jsx(Icon, { name: "pencil", label: t('edit') })] }), _jsxs("div", { class: "card", children: [_jsx(Choice, { label: t('theme'), icon: "sun-moon", value: theme.value, options: [
                            ['auto', t('theme.auto')], ['light', t('theme.light')], ['dark', t('theme.dark')],
                        ], onChange: (value) => { theme.value = value; } }), _jsx(Choice, { label: t('language'), icon: "languages", value: lang.value, options: LANGS.map((code) => [code, LANGUAGES[code].name]), onChange: (value) => {
                            void attempt(speak(value).then(() => client.setMe({ language: tongue() })));
                        } })] }), _jsxs("div", { class: "card", children: [_jsx(AlertsSwitch, {}), _jsx(Switch, { label: t('sounds'), on: sounds.value, onChange: (on) => { sounds.value = on; } }), _jsx(Link, { to: "settings/alerts", icon: "moon", label: t('alerts.more') })] }), _jsxs("div", { class: "card", children: [_jsx(Link, { to: "contacts/card", icon: "qr-code", label: t('card.mine') }), _jsx(Link, { to: "settings/privacy", icon: "lock", label: t('privacy') }), _jsx(Link, { to: "settings/devices", icon: "monitor-smartphone", label: t('devices') }), _jsx(Link, { to: "settings/blocked", icon: "ban", label: t('blocked') }), me?.operator && _jsx(Link, { to: "admin", icon: "shield", label: t('admin') }), _jsxs("a", { class: "row-button", href: "/call-test", target: "_blank", rel: "noopener", children: [_jsx(Icon, { name: "activity" }), _jsx("span", { class: "grow", children: t('call.test') }), _jsx(Icon, { name: "external-link" })] })] }), _jsx(Storage, {}), _jsx("div", { class: "card", children: _jsx(Action, { icon: "log-out", label: t('log_out'), danger: true, onClick: () => { leaving.value = true; } }) }), leaving.value && (_jsx(Confirm, { title: t('log_out'), action: t('log_out'), onDone: done, text: t(client.outbox.size ? 'log_out.unsent' : 'log_out.hint') }))] }));
}
function Storage() {
    const room = useSignal(null);
    useEffect(() => {
        client.files.storage().then((found) => { room.value = found; }, () => undefined);
    }, []);
    if (!room.value)
        return null;
    const { used, quota } = room.value;
    const words = t('storage.of', { used: bytes(used), quota: bytes(quota) });
    return (_jsxs("div", { class: "card storage", children: [_jsxs("p", { class: "storage-line", children: [_jsx(Icon, { name: "hard-drive" }), _jsx("span", { class: "grow", children: t('storage') }), " ", _jsx("span", { class: "dim", children: words })] }), _jsx("meter", { max: quota || 1, value: used, high: quota * 0.9, "aria-label": t('storage'), "aria-valuetext": words }), _jsx("p", { class: "dim small", children: t('storage.hint') })] }));
}
function EditProfile() {
    watch('session');
    const { me } = client;
    const name = useSignal(me?.name ?? '');
    const about = useSignal(me?.about ?? '');
    const ending = useSignal(false);
    const save = async (event) => {
        event.preventDefault();
        const change = { name: name.value.trim(), about: about.value.trim() };
        if (await attempt(client.setMe(change).then(() => true)))
            say(t('saved'));
    };
    const end = (yes) => {
        ending.value = false;
        if (yes)
            void attempt(client.deleteAccount());
    };
    return (_jsxs(_Fragment, { children: [_jsx("div", { class: "face", children: _jsx(Avatar, { id: me?.id ?? '', name: name.value, size: "xl" }) }), _jsx(ChangePicture, { has: !!me?.avatar, onChange: (picture) => client.setPicture(picture) }), _jsxs("form", { class: "card form", onSubmit: save, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('name') }), _jsx("input", { required: true, maxLength: limits()?.name_chars, autocomplete: "name", dir: "auto", value: name.value, onInput: (event) => { name.value = event.currentTarget.value; } })] }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('about') }), _jsx("textarea", { rows: 3, maxLength: limits()?.about_chars, dir: "auto", value: about.value, onInput: (event) => { about.value = event.currentTarget.value; } })] }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('save') }) })] }), _jsxs("div", { class: "card", children: [_jsx("p", { class: "dim small padded", children: t('email.hint', { email: me?.email ?? '' }) }), _jsx(Link, { to: "settings/address", icon: "at-sign", label: t('address.change') }), _jsx(Link, { to: "settings/recovery", icon: "key-round", label: t('recovery') }), _jsx(Link, { to: "settings/export", icon: "download", label: t('export') })] }), _jsx("div", { class: "card", children: _jsx(Action, { icon: "trash-2", label: t('account.delete'), danger: true, onClick: () => { ending.value = true; } }) }), ending.value && (_jsx(Confirm, { title: t('account.delete'), text: t('account.delete.hint'), action: t('account.delete'), onDone: end }))] }));
}
function PrivacyPage() {
    watch('session');
    const privacy = client.me?.privacy;
    if (!privacy)
        return _jsx(Spinner, {});
    const line = (name) => (_jsx(Switch, { label: t(`privacy.${name}`), hint: t(`privacy.${name}.hint`), on: privacy[name], onChange: (on) => void attempt(client.setMe({ privacy: { ...privacy, [name]: on } })) }));
    return (_jsxs(_Fragment, { children: [_jsxs("div", { class: "card", children: [line('receipts'), line('presence'), line('found_by_email')] }), _jsx(ReachChoices, {})] }));
}
function ReachChoices() {
    watch('session');
    const { me } = client;
    if (!me)
        return null;
    return (_jsxs(_Fragment, { children: [_jsxs("div", { class: "card", children: [_jsx(Choice, { label: t('reach'), icon: "user-plus", value: me.reach, options: [
                            ['everyone', t('reach.everyone')], ['requests', t('reach.requests')],
                            ['contacts', t('reach.contacts')],
                        ], onChange: (reach) => void attempt(client.setMe({ reach })) }), _jsx("p", { class: "dim small padded", children: t('reach.hint') })] }), _jsxs("div", { class: "card", children: [_jsx(Choice, { label: t('groups.adders'), icon: "users", value: me.groups, options: [
                            ['everyone', t('reach.everyone')], ['contacts', t('reach.contacts')],
                            ['nobody', t('groups.nobody')],
                        ], onChange: (groups) => void attempt(client.setMe({ groups })) }), _jsx("p", { class: "dim small padded", children: t('groups.adders.hint') })] })] }));
}
function Devices() {
    const list = useSignal(null);
    const load = async () => {
        const found = await attempt(client.rest.get('/auth/sessions'));
        if (found)
            list.value = found.sessions;
    };
    useEffect(() => { void load(); }, []);
    const end = async (session) => {
        await attempt(client.rest.delete(`/auth/sessions/${session.id}`));
        await load();
    };
    const endOthers = async () => {
        await attempt(client.rest.delete('/auth/sessions', { keep: 'current' }));
        await load();
    };
    if (!list.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    return (_jsxs(_Fragment, { children: [_jsx("div", { class: "card", children: list.value.map((session) => (_jsxs("div", { class: "device", children: [_jsx(Icon, { name: "monitor-smartphone" }), _jsxs("span", { class: "grow", children: [_jsx("span", { children: session.device || t('device.unknown') }), _jsxs("small", { class: "dim", children: [session.current
                                            ? t('device.this')
                                            : t('device.seen', { when: brief(session.last_seen) }), ' · ', t(session.push?.length ? 'device.told' : 'device.untold')] })] }), !session.current && (_jsx("button", { type: "button", class: "button small", onClick: () => void end(session), children: t('log_out') }))] }, session.id))) }), _jsx("div", { class: "card", children: _jsx(AlertsSwitch, { onChange: () => void load() }) }), list.value.length > 1 && (_jsx("button", { type: "button", class: "button danger wide", onClick: () => void endOthers(), children: t('device.end_others') }))] }));
}
function BlockedPeople() {
    const list = useSignal(null);
    useEffect(() => {
        void attempt(client.rest.get('/me/blocks')).then((found) => {
            if (found)
                list.value = found.blocked;
        });
    }, []);
    const unblock = async (id) => {
        await attempt(client.rest.delete(`/users/${id}/block`));
        list.value = list.value?.filter(({ user }) => user.id !== id) ?? null;
    };
    if (!list.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    if (!list.value.length) {
        return _jsx(Empty, { icon: "ban", title: t('blocked.none'), text: t('block.hint') });
    }
    return (_jsx("div", { class: "card", children: list.value.map(({ user, since }) => (_jsxs("div", { class: "device", children: [_jsx(Avatar, { id: user.id, name: user.name, size: "s" }), _jsxs("span", { class: "grow", children: [_jsx("span", { dir: "auto", children: user.name }), _jsx("small", { class: "dim", children: date(since) })] }), _jsx("button", { type: "button", class: "button small", onClick: () => void unblock(user.id), children: t('unblock') })] }, user.id))) }));
}
