import { jsx as _jsx } from "preact/jsx-runtime";
import { t } from './i18n.js';
import { Icon } from './ui.js';
export function standing(state, row) {
    const others = Math.max(1, state.chat.member_count - 1);
    let [delivered, read] = [0, 0];
    for (const cursor of state.cursors.values()) {
        if (cursor.read >= row.seq)
            read += 1;
        if (cursor.delivered >= row.seq)
            delivered += 1;
    }
    if (read >= others)
        return 'read';
    return delivered >= others || read > 0 ? 'delivered' : 'sent';
}
const ICONS = {
    sending: 'clock', failed: 'circle-alert', sent: 'check', delivered: 'check-check',
    read: 'check-check',
};
export function Ticks({ state }) {
    return (_jsx("span", { class: `ticks ${state}`, children: _jsx(Icon, { name: ICONS[state], label: t(`state.${state}`) }) }));
}
