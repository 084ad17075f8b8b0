import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from './i18n.js';
import { attempt } from './state.js';
import { Empty, Spinner } from './ui.js';
export function usePages(ask, about) {
    const rows = useSignal(null);
    const next = useSignal(undefined);
    const turn = useSignal(0);
    const more = async (isAgain = false) => {
        const mine = isAgain ? ++turn.value : turn.peek();
        const found = await attempt(ask(isAgain ? undefined : next.peek()));
        if (!found || mine !== turn.peek())
            return;
        rows.value = isAgain ? found.rows : [...rows.peek() ?? [], ...found.rows];
        next.value = found.next ?? undefined;
    };
    useEffect(() => { void more(true); }, [about]);
    return { rows, next, more };
}
export function List({ pages, icon, none, children }) {
    const rows = pages.rows.value;
    if (!rows)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    if (!rows.length)
        return _jsx(Empty, { icon: icon, title: none });
    return (_jsxs(_Fragment, { children: [_jsx("div", { class: "card", children: rows.map(children) }), pages.next.value && (_jsx("button", { type: "button", class: "button wide", onClick: () => void pages.more(), children: t('admin.more') }))] }));
}
