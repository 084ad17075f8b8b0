import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { bytes } from './files_text.js';
import { date } from './format.js';
import { t } from './i18n.js';
import { attempt, client } from './state.js';
import { Icon, Spinner } from './ui.js';
import { save } from './viewing.js';
const EVERY_MS = 3000;
export function ExportPage() {
    const copy = useSignal(null);
    const load = async () => {
        const found = await attempt(client.rest.get('/me/export'));
        if (found)
            copy.value = found;
    };
    useEffect(() => {
        void load();
        const timer = setInterval(() => {
            if (copy.value && isUnderWay(copy.value))
                void load();
        }, EVERY_MS);
        return () => clearInterval(timer);
    }, []);
    const ask = async () => {
        const asked = await attempt(client.rest.post('/me/export'));
        if (asked)
            copy.value = asked;
    };
    if (!copy.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    return (_jsxs(_Fragment, { children: [_jsx("div", { class: "card", children: _jsx("p", { class: "dim padded", children: t('export.hint') }) }), _jsx(State, { copy: copy.value }), !isUnderWay(copy.value) && (_jsx("div", { class: "buttons", children: _jsx("button", { type: "button", class: "button primary", onClick: () => void ask(), children: t('export.ask') }) }))] }));
}
const isUnderWay = ({ state }) => state === 'waiting' || state === 'working';
function State({ copy }) {
    const { state, messages, files, chats, of_chats: of, until, parts, left_out: left } = copy;
    if (state === 'none')
        return null;
    return (_jsxs("div", { class: "card", children: [_jsx("p", { class: "padded", role: "status", children: t(`export.${state}`, { until: until ? date(until) : '' }) }), state === 'working' && of > 0 && (_jsx("p", { class: "padded", children: _jsx("progress", { max: of, value: chats, "aria-label": t('export.working') }) })), messages > 0 && (_jsx("p", { class: "dim small padded", children: t('export.done', { messages, files }) })), left > 0 && _jsx("p", { class: "small padded", children: t('export.left', { n: left }) }), parts.map((part) => _jsx(Part, { ...part }, part.file))] }));
}
function Part({ file, name, size }) {
    return (_jsxs("button", { type: "button", class: "row-button", onClick: () => void save({ id: file, name }), children: [_jsx(Icon, { name: "download" }), _jsx("span", { class: "grow", children: name }), _jsx("span", { class: "dim small", children: bytes(size) })] }));
}
