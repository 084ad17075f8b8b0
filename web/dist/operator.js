import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { bytes } from './files_text.js';
import { lang, t } from './i18n.js';
import { Charts } from './operator_charts.js';
import { AuditList, GroupPage, Groups, Invitations } from './operator_lists.js';
import { People, PersonPage } from './operator_people.js';
import { ReportPage, Reports } from './operator_reports.js';
import { SettingsAsTheyAre } from './operator_settings.js';
import { Link } from './row_buttons.js';
import { attempt, back, client, go, route, say, watch } from './state.js';
import { Empty, IconButton, Spinner } from './ui.js';
const PLACES = [
    ['overview', 'chart-column'], ['people', 'users'], ['groups', 'message-circle'],
    ['reports', 'flag'], ['invitations', 'ticket'], ['audit', 'scroll-text'],
    ['settings', 'settings'],
];
const name = (place) => t(`admin.${place}`);
const isPlace = (word) => PLACES.some(([place]) => place === word);
export function OperatorMenu() {
    watch('session');
    useEffect(() => { void attempt(client.learnMe()); }, []);
    const here = route.value[1] ?? '';
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('admin'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => go('settings', true) }), _jsx("h1", { class: "grow", children: t('admin') })] }), _jsx("div", { class: "scroll info", children: client.me?.operator ? (_jsx("nav", { class: "card", "aria-label": t('admin'), children: PLACES.map(([place, icon]) => (_jsx(Link, { to: `admin/${place}`, icon: icon, label: name(place), isHere: place === here }, place))) })) : _jsx(TakeRole, {}) })] }));
}
function TakeRole() {
    const key = useSignal('');
    const take = async (event) => {
        event.preventDefault();
        const body = { key: key.value.trim() };
        const taken = await attempt(client.rest.post('/operator/key', body).then(() => true));
        if (!taken)
            return;
        await attempt(client.learnMe());
        say(t('admin.taken'));
        go('admin/overview', true);
    };
    return (_jsxs("form", { class: "card form", onSubmit: take, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('admin.key') }), _jsx("input", { required: true, autocomplete: "off", spellcheck: false, value: key.value, onInput: (event) => { key.value = event.currentTarget.value; } })] }), _jsx("p", { class: "dim small", children: t('admin.key.hint') }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('admin.take') }) })] }));
}
export function OperatorPage() {
    watch('session');
    const [, word = '', one = ''] = route.value;
    const place = isPlace(word) ? word : 'overview';
    const title = name(place);
    const up = () => (one ? go(`admin/${place}`, true) : back('admin'));
    return (_jsxs("section", { class: "pane chat-pane plain operator", "aria-label": title, children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: one ? 'flip' : 'flip back', onClick: up }), _jsx("h1", { class: "grow", children: title })] }), _jsx("div", { class: "scroll info", tabIndex: place === 'settings' ? 0 : undefined, children: client.me?.operator
                    ? _jsx(Content, { place: place, one: one })
                    : _jsx(Empty, { icon: "lock", title: t('admin.operators_only') }) })] }));
}
function Content({ place, one }) {
    switch (place) {
        case 'overview': return _jsx(Overview, {});
        case 'people': return one ? _jsx(PersonPage, { id: one }, one) : _jsx(People, {});
        case 'groups': return one ? _jsx(GroupPage, { id: one }, one) : _jsx(Groups, {});
        case 'reports': return one ? _jsx(ReportPage, { id: one }, one) : _jsx(Reports, {});
        case 'invitations': return _jsx(Invitations, {});
        case 'audit': return _jsx(AuditList, {});
        case 'settings': return _jsx(SettingsAsTheyAre, {});
    }
}
function Overview() {
    const figures = useSignal(null);
    useEffect(() => {
        const learn = async () => {
            figures.value = await attempt(client.rest.get('/operator/figures')) ?? figures.value;
        };
        void learn();
        const again = setInterval(() => void learn(), 30_000);
        return () => clearInterval(again);
    }, []);
    const found = figures.value;
    if (!found)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    const count = (n) => n.toLocaleString(lang.value);
    const tiles = [
        ['admin.people', count(found.people)],
        ['admin.connections', count(found.connections)],
        ['admin.groups', count(found.groups)],
        ['admin.messages', count(found.messages)],
        ['admin.files', bytes(found.file_bytes)],
    ];
    return (_jsxs(_Fragment, { children: [_jsx("dl", { class: "tiles", children: tiles.map(([key, value]) => (_jsxs("div", { class: "card tile", children: [_jsx("dt", { children: t(key) }), _jsx("dd", { children: value })] }, key))) }), _jsx(Charts, { now: found }), _jsx("p", { class: "dim small", children: t('admin.privacy') })] }));
}
