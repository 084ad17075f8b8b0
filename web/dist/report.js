import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { t } from './i18n.js';
import { attempt, client, say } from './state.js';
import { Dialog } from './ui.js';
const REASONS = [
    'spam', 'fraud', 'harassment', 'hate', 'violence', 'sexual', 'impersonation', 'other',
];
const NOTE_CHARS = 1_500;
export function ReportDialog({ subject, onClose }) {
    const reason = useSignal('spam');
    const note = useSignal('');
    const send = async (event) => {
        event.preventDefault();
        const report = { ...subject, reason: reason.value, note: note.value.trim() };
        const done = await attempt(client.rest.post('/reports', report).then(() => true));
        if (!done)
            return;
        say(t('report.sent'));
        onClose();
    };
    return (_jsx(Dialog, { title: t('report'), onClose: onClose, children: _jsxs("form", { class: "form", onSubmit: send, children: [_jsx("p", { class: "dim", children: t('report.hint') }), _jsxs("fieldset", { class: "reasons", children: [_jsx("legend", { children: t('report.why') }), REASONS.map((one) => (_jsxs("label", { class: "reason", children: [_jsx("input", { type: "radio", name: "reason", value: one, checked: reason.value === one, onChange: () => { reason.value = one; } }), _jsx("span", { children: t(`report.${one}`) })] }, one)))] }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('report.note') }), _jsx("textarea", { rows: 3, maxLength: NOTE_CHARS, dir: "auto", value: note.value, onInput: (event) => { note.value = event.currentTarget.value; } })] }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('report.send') }) })] }) }));
}
