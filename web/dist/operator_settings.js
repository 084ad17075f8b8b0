import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from './i18n.js';
import { attempt, client } from './state.js';
import { Spinner } from './ui.js';
export function SettingsAsTheyAre() {
    const found = useSignal(null);
    useEffect(() => {
        void attempt(client.rest.get('/operator/settings')).then((page) => {
            if (page)
                found.value = page.settings;
        });
    }, []);
    if (!found.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    const groups = grouped(found.value);
    return (_jsxs(_Fragment, { children: [_jsx("p", { class: "dim small", children: t('admin.settings.hint') }), [...groups].map(([group, settings]) => (_jsxs("section", { class: "card", "aria-label": group, children: [_jsx("h2", { class: "section", lang: "en", children: group }), settings.map((one) => _jsx(Row, { one: one }, one.name))] }, group)))] }));
}
function grouped(settings) {
    const groups = new Map();
    for (const one of settings)
        groups.set(one.group, [...groups.get(one.group) ?? [], one]);
    return groups;
}
function Row({ one }) {
    return (_jsxs("div", { class: "setting-now", children: [_jsx("code", { children: one.name }), _jsxs("span", { class: "setting-value", children: [one.value
                        ? _jsx("code", { children: one.value })
                        : _jsx("em", { class: "dim", children: t(one.hidden ? 'admin.setting.hidden' : 'admin.setting.unset') }), one.place !== 'default' && _jsx("small", { class: "dim", children: one.place })] }), _jsx("small", { class: "dim", lang: "en", dir: "ltr", children: one.about })] }));
}
