import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { t } from './i18n.js';
import { client, watch } from './state.js';
import { Icon } from './ui.js';
export function AsksBadge({ chat }) {
    watch(`chat:${chat}`);
    const n = client.joining.waiting(chat);
    if (!n)
        return null;
    return (_jsxs("span", { class: "badge asks", children: [_jsx(Icon, { name: "user-plus", label: t('join.requests', { n }) }), n] }));
}
