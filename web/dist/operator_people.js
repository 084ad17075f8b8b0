import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { date, full } from './format.js';
import { t } from './i18n.js';
import { List, usePages } from './operator_parts.js';
import { Action } from './row_buttons.js';
import { attempt, client, go, say } from './state.js';
import { Avatar, Choice, Confirm, Dialog, Spinner } from './ui.js';
const LISTS = ['all', 'suspended', 'operators'];
const DAY = 86_400_000;
const TERMS = [1, 7, 30, 0];
export function People() {
    const words = useSignal('');
    const which = useSignal('all');
    const pages = usePages(async (after) => {
        const q = words.peek().trim() || undefined;
        const query = q ? { q } : { which: which.peek(), after };
        const { people, next } = await client.rest.get('/operator/people', query);
        return { rows: people, next };
    }, `${which.value} ${words.value.trim()}`);
    return (_jsxs(_Fragment, { children: [_jsxs("label", { class: "field search-field", children: [_jsx("span", { children: t('admin.find') }), _jsx("input", { type: "search", autocomplete: "off", spellcheck: false, value: words.value, onInput: (event) => { words.value = event.currentTarget.value; } })] }), !words.value.trim() && (_jsx(Choice, { label: t('admin.people'), icon: "users", value: which.value, options: LISTS.map((list) => [list, t(`admin.people.${list}`)]), onChange: (list) => { which.value = list; } })), _jsx(List, { pages: pages, icon: "users", none: t('admin.people.none'), children: (person) => (_jsxs("a", { class: "row-button member", href: `#/admin/people/${person.id}`, children: [_jsx(Avatar, { id: person.id, name: person.name, size: "s", picture: person.avatar ?? null }), _jsxs("span", { class: "grow two-lines", children: [_jsx("span", { dir: "auto", children: person.name || t('user.deleted') }), _jsx("small", { class: "dim", children: person.email })] }), _jsx(Tags, { person: person })] }, person.id)) })] }));
}
function isSuspended({ suspended }) {
    return !!suspended && (!suspended.until || Date.parse(suspended.until) > Date.now());
}
function Tags({ person }) {
    return (_jsxs(_Fragment, { children: [person.operator && _jsx("span", { class: "tag", children: t('admin.operator') }), isSuspended(person) && _jsx("span", { class: "tag bad", children: t('admin.suspended') }), person.deleted_at && _jsx("span", { class: "tag bad", children: t('admin.deleted') })] }));
}
export function PersonPage({ id }) {
    const found = useSignal(null);
    const asked = useSignal(null);
    const path = `/operator/people/${id}`;
    const look = async () => {
        found.value = await attempt(client.rest.get(path)) ?? found.value;
    };
    useEffect(() => { void look(); }, [id]);
    const act = async (work) => {
        asked.value = null;
        if (await attempt(work.then(() => true)))
            say(t('admin.done'));
        await look();
    };
    if (!found.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    const { person, sessions, groups } = found.value;
    const ask = (what) => () => { asked.value = what; };
    return (_jsxs(_Fragment, { children: [_jsxs("div", { class: "face", children: [_jsx(Avatar, { id: id, name: person.name, size: "xl", picture: person.avatar ?? null }), _jsx("h2", { dir: "auto", children: person.name || t('user.deleted') }), _jsx("p", { class: "dim", children: person.email }), _jsx("p", { class: "tags", children: _jsx(Tags, { person: person }) })] }), isSuspended(person) && person.suspended && (_jsxs("p", { class: "card told", children: [person.suspended.until
                        ? t('admin.suspended.until', { when: full(person.suspended.until) })
                        : t('admin.suspended.open'), ' ', _jsx("q", { dir: "auto", children: person.suspended.why })] })), _jsxs("dl", { class: "card facts", children: [_jsx("dt", { children: t('admin.since') }), _jsx("dd", { children: date(person.created_at) }), _jsx("dt", { children: t('admin.groups') }), _jsx("dd", { children: groups }), _jsx("dt", { children: t('devices') }), _jsx("dd", { children: sessions.map(({ device }) => device || t('device.unknown')).join(', ') || '–' })] }), !person.deleted_at && (_jsxs("div", { class: "card", children: [isSuspended(person)
                        ? _jsx(Action, { icon: "undo-2", label: t('admin.restore'), onClick: () => void act(client.rest.post(`${path}/restore`)) })
                        : _jsx(Action, { icon: "ban", label: t('admin.suspend'), onClick: ask('suspend') }), _jsx(Action, { icon: "log-out", label: t('admin.log_out'), onClick: ask('log_out') }), _jsx(Action, { icon: "mail", label: t('admin.address'), onClick: ask('address') }), _jsx(Action, { icon: "shield", label: t(person.operator ? 'admin.dismiss' : 'admin.appoint'), onClick: () => void act(person.operator
                            ? client.rest.delete(`${path}/operator`) : client.rest.put(`${path}/operator`)) }), _jsx(Action, { icon: "trash-2", label: t('account.delete'), danger: true, onClick: ask('delete') })] })), _jsx(Asking, { what: asked.value, path: path, onDone: (work) => {
                    if (work)
                        void act(work);
                    else
                        asked.value = null;
                } })] }));
}
function Asking({ what, path, onDone }) {
    switch (what) {
        case 'delete': return (_jsx(Confirm, { title: t('account.delete'), text: t('admin.delete.hint'), action: t('account.delete'), onDone: (yes) => onDone(yes ? gone(client.rest.delete(path)) : null) }));
        case 'log_out': return (_jsx(Confirm, { title: t('admin.log_out'), text: t('admin.log_out.hint'), action: t('admin.log_out'), onDone: (yes) => onDone(yes ? client.rest.delete(`${path}/sessions`) : null) }));
        case 'suspend': return _jsx(Suspending, { path: path, onDone: onDone });
        case 'address': return _jsx(Moving, { path: path, onDone: onDone });
        default: return null;
    }
}
async function gone(work) {
    await work;
    go('admin/people', true);
}
function Suspending({ path, onDone }) {
    const why = useSignal('');
    const days = useSignal(7);
    const suspend = (event) => {
        event.preventDefault();
        const until = days.value ? new Date(Date.now() + days.value * DAY).toISOString() : undefined;
        onDone(client.rest.post(`${path}/suspend`, { why: why.value.trim(), until }));
    };
    return (_jsx(Dialog, { title: t('admin.suspend'), onClose: () => onDone(null), children: _jsxs("form", { onSubmit: suspend, children: [_jsx("p", { class: "dim", children: t('admin.suspend.hint') }), _jsx(Choice, { label: t('admin.suspend.term'), icon: "clock", value: String(days.value), options: TERMS.map((term) => [String(term), term ? t('span.days', { n: term }) : t('admin.open')]), onChange: (term) => { days.value = Number(term); } }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('admin.suspend.why') }), _jsx("textarea", { required: true, rows: 2, maxLength: 200, dir: "auto", value: why.value, onInput: (event) => { why.value = event.currentTarget.value; } })] }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => onDone(null), children: t('cancel') }), _jsx("button", { class: "button danger", children: t('admin.suspend') })] })] }) }));
}
function Moving({ path, onDone }) {
    const email = useSignal('');
    const move = (event) => {
        event.preventDefault();
        onDone(client.rest.put(`${path}/email`, { email: email.value.trim() }));
    };
    return (_jsx(Dialog, { title: t('admin.address'), onClose: () => onDone(null), children: _jsxs("form", { onSubmit: move, children: [_jsx("p", { class: "dim", children: t('admin.address.hint') }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('email') }), _jsx("input", { type: "email", required: true, autocomplete: "off", value: email.value, onInput: (event) => { email.value = event.currentTarget.value; } })] }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => onDone(null), children: t('cancel') }), _jsx("button", { class: "button primary", children: t('save') })] })] }) }));
}
