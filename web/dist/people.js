import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useFound } from './chats.js';
import { t } from './i18n.js';
import { myId, userName } from './names.js';
import { attempt, back, client, go, limits, watch } from './state.js';
import { Avatar, Empty, Icon, IconButton, Spinner, Switch } from './ui.js';
function acquainted() {
    const me = myId();
    const ids = client.store.list().map((state) => state.peer(me)).filter((id) => id && id !== me);
    return ids.map((id) => client.store.users.get(id)).filter((user) => user !== undefined);
}
export function NewChat() {
    const query = useSignal('');
    const open = async (user) => {
        const state = await attempt(client.openDirect(user.id));
        if (state)
            go(`chat/${state.id}`, true);
    };
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('new'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => back() }), _jsx("h1", { class: "grow", children: t('new') })] }), _jsx(PeopleSearch, { query: query }), _jsxs("div", { class: "scroll", children: [_jsxs("button", { type: "button", class: "chat-row", onClick: () => go('new/group'), children: [_jsx("span", { class: "avatar avatar-m accent", children: _jsx(Icon, { name: "users" }) }), _jsx("span", { class: "chat-name", children: t('group.new') })] }), _jsx(PeopleList, { query: query.value.trim(), onPick: open })] })] }));
}
function PeopleSearch({ query }) {
    return (_jsxs("div", { class: "search", children: [_jsx(Icon, { name: "search" }), _jsx("input", { type: "search", placeholder: t('people.search'), "aria-label": t('people.search'), dir: "auto", value: query.value, onInput: (event) => { query.value = event.currentTarget.value; } })] }));
}
export function PeopleList({ query, onPick, chosen, without }) {
    watch('chats', 'users');
    const found = useFound(query);
    const users = (query ? found?.users : acquainted()) ?? [];
    const shown = users.filter(({ id }) => id !== myId() && !without?.has(id));
    if (query && !found)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    if (query && !shown.length) {
        return _jsx(Empty, { icon: "search", title: t('search.none'), text: t('search.none.hint') });
    }
    return (_jsxs(_Fragment, { children: [!query && shown.length > 0 && _jsx("h2", { class: "section", children: t('people.known') }), shown.map((user) => (_jsxs("button", { type: "button", class: "chat-row", onClick: () => onPick(user), "aria-pressed": chosen ? chosen.has(user.id) : undefined, children: [_jsx(Avatar, { id: user.id, name: user.name }), _jsxs("span", { class: "chat-text", children: [_jsx("span", { class: "chat-name", dir: "auto", children: user.name }), user.about && _jsx("span", { class: "chat-last", children: _jsx("bdi", { children: user.about }) })] }), chosen && (_jsx("span", { class: `pick ${chosen.has(user.id) ? 'on' : ''}`, children: _jsx(Icon, { name: "check" }) }))] }, user.id)))] }));
}
export function Picker({ chosen, without }) {
    const query = useSignal('');
    const toggle = (id) => {
        const next = new Set(chosen.value);
        if (!next.delete(id))
            next.add(id);
        chosen.value = next;
    };
    return (_jsxs(_Fragment, { children: [_jsx(PeopleSearch, { query: query }), chosen.value.size > 0 && (_jsx("ul", { class: "chosen", children: [...chosen.value].map((id) => (_jsx("li", { children: _jsxs("button", { type: "button", onClick: () => toggle(id), title: t('remove'), children: [_jsx("bdi", { children: userName(id) }), " ", _jsx(Icon, { name: "x", label: t('remove') })] }) }, id))) })), _jsx("div", { class: "scroll", children: _jsx(PeopleList, { query: query.value.trim(), chosen: chosen.value, onPick: ({ id }) => toggle(id), ...(without ? { without } : {}) }) })] }));
}
export function NewGroup() {
    const chosen = useSignal(new Set());
    const title = useSignal('');
    const isPublic = useSignal(false);
    const busy = useSignal(false);
    const create = async (event) => {
        event.preventDefault();
        busy.value = true;
        const body = { title: title.value.trim(), members: [...chosen.value], public: isPublic.value };
        const made = await attempt(client.rest.post('/groups', body));
        busy.value = false;
        if (!made)
            return;
        await attempt(client.open(made.id));
        go(`chat/${made.id}`, true);
    };
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('group.new'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => back('new') }), _jsx("h1", { class: "grow", children: t('group.new') })] }), _jsxs("form", { class: "new-group", onSubmit: create, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('group.title') }), _jsx("input", { required: true, maxLength: limits()?.title_chars, dir: "auto", value: title.value, onInput: (event) => { title.value = event.currentTarget.value; } })] }), _jsx(Switch, { label: t('group.public'), hint: t('group.public.hint'), on: isPublic.value, onChange: (on) => { isPublic.value = on; } }), _jsx(Picker, { chosen: chosen }), _jsx("div", { class: "foot", children: _jsxs("button", { class: "button primary wide", disabled: !title.value.trim() || busy.value, children: [t('group.create'), chosen.value.size > 0 && ` (${chosen.value.size + 1})`] }) })] })] }));
}
