import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { full } from './format.js';
import { t } from './i18n.js';
import { attempt, client, limits, watch } from './state.js';
import { Avatar, Dialog, Icon, IconButton, Switch } from './ui.js';
const SLOW = [0, 5, 10, 30, 60, 300, 900, 3600];
const SILENCES = [600, 3_600, 86_400, 604_800, 2_592_000];
const CALM = { write: 'all', slow: 0, add: 'admins', approve: false };
const edit = async (state, change) => await attempt(client.rest.patch(`/groups/${state.id}`, change).then(() => true)) ?? false;
export function RulesCard({ state }) {
    watch(`chat:${state.id}`);
    const rules = state.chat.rules ?? CALM;
    const set = (change) => () => void edit(state, { rules: change });
    return (_jsxs("div", { class: "card", children: [_jsx("h3", { class: "section", children: t('rules') }), _jsx(Switch, { label: t('rules.write'), hint: t('rules.write.hint'), on: rules.write === 'admins', onChange: (on) => set({ write: on ? 'admins' : 'all' })() }), _jsx(Switch, { label: t('rules.add'), on: rules.add === 'all', onChange: (on) => set({ add: on ? 'all' : 'admins' })() }), _jsx(Switch, { label: t('rules.approve'), hint: t('rules.approve.hint'), on: rules.approve, onChange: (on) => set({ approve: on })() }), _jsxs("label", { class: "switch-row", children: [_jsxs("span", { class: "grow", children: [_jsx("span", { children: t('rules.slow') }), _jsx("small", { children: t('rules.slow.hint') })] }), _jsx("select", { value: rules.slow, onChange: (event) => set({ slow: Number(event.currentTarget.value) })(), children: [...new Set([...SLOW, rules.slow])].sort((a, b) => a - b).map((seconds) => (_jsx("option", { value: seconds, children: span(seconds) }, seconds))) })] })] }));
}
function span(seconds) {
    if (!seconds)
        return t('span.off');
    if (seconds % 86_400 === 0)
        return t('span.days', { n: seconds / 86_400 });
    if (seconds % 3_600 === 0)
        return t('span.hours', { n: seconds / 3_600 });
    if (seconds % 60 === 0)
        return t('span.minutes', { n: seconds / 60 });
    return t('span.seconds', { n: seconds });
}
export function RequestsCard({ state }) {
    watch(`chat:${state.id}`);
    const waiting = useSignal([]);
    const path = `/groups/${state.id}/requests`;
    const load = async () => {
        const found = await attempt(client.rest.get(path));
        if (!found)
            return;
        client.keepUsers(found.requests.map(({ user }) => user));
        waiting.value = found.requests;
    };
    const { joining } = client;
    const { approve } = state.chat.rules ?? CALM;
    useEffect(() => { void load(); }, [state.id, approve, joining.turn(state.id), joining.waiting(state.id)]);
    const decide = (one, isIn) => async () => {
        const to = `${path}/${one.user.id}`;
        await attempt(isIn ? client.rest.put(to) : client.rest.delete(to));
        await load();
    };
    if (!waiting.value.length)
        return null;
    return (_jsxs("div", { class: "card", children: [_jsx("h3", { class: "section", children: t('join.requests', { n: waiting.value.length }) }), waiting.value.map((one) => (_jsxs("div", { class: "row-button member", children: [_jsx(Avatar, { id: one.user.id, name: one.user.name, size: "s" }), _jsx("span", { class: "grow chat-name", dir: "auto", children: one.user.name }), _jsx(IconButton, { icon: "check", label: t('join.let_in', { name: one.user.name }), onClick: () => void decide(one, true)() }), _jsx(IconButton, { icon: "x", label: t('join.refuse', { name: one.user.name }), onClick: () => void decide(one, false)() })] }, one.user.id)))] }));
}
export function SilenceDialog({ state, one, onClose }) {
    const silence = (seconds) => async () => {
        const until = new Date(client.now() + seconds * 1_000).toISOString();
        await attempt(client.rest.put(`/groups/${state.id}/members/${one.user.id}/silence`, { until }));
        onClose();
    };
    return (_jsxs(Dialog, { title: t('silence.title', { name: one.user.name }), onClose: onClose, class: "confirm", children: [_jsx("p", { class: "dim", children: t('silence.hint') }), _jsx("div", { class: "spans", children: SILENCES.map((seconds) => (_jsx("button", { type: "button", class: "button", onClick: () => void silence(seconds)(), children: span(seconds) }, seconds))) })] }));
}
export const isSilent = ({ silent_until }) => !!silent_until && Date.parse(silent_until) > client.now();
export function SilentTag({ one }) {
    if (!isSilent(one))
        return null;
    const title = t('silence.until', { until: full(one.silent_until ?? 0) });
    return _jsx("span", { class: "tag quiet", title: title, children: _jsx(Icon, { name: "mic-off", label: title }) });
}
export function TextDialog({ title, hint, value, most, isLong, onSave, onClose }) {
    const text = useSignal(value);
    const save = async (event) => {
        event.preventDefault();
        if (await onSave(text.value.trim()))
            onClose();
    };
    const props = {
        maxLength: most, dir: 'auto', value: text.value,
        onInput: (event) => { text.value = event.currentTarget.value; },
    };
    return (_jsx(Dialog, { title: title, onClose: onClose, children: _jsxs("form", { class: "form", onSubmit: save, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: hint }), isLong ? _jsx("textarea", { rows: 5, ...props }) : _jsx("input", { ...props })] }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('save') }) })] }) }));
}
export function AnnounceDialog({ state, onClose }) {
    return (_jsx(TextDialog, { title: t('announcement'), hint: t('announcement.hint'), isLong: true, value: state.chat.announcement?.text ?? '', most: 2_000, onClose: onClose, onSave: (announcement) => edit(state, { announcement }) }));
}
export function NickDialog({ state, onClose }) {
    const save = async (text) => await attempt(client.setChat(state.id, { nick: text || null }).then(() => true)) ?? false;
    return (_jsx(TextDialog, { title: t('nick'), hint: t('nick.hint'), value: state.member.nick ?? '', most: limits()?.name_chars ?? 64, onSave: save, onClose: onClose }));
}
