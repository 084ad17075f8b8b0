import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { date } from './format.js';
import { t } from './i18n.js';
import { MailHint } from './mailbox.js';
import { copy } from './message_menu.js';
import { attempt, client, told } from './state.js';
import { Spinner } from './ui.js';
export function RecoveryPage() {
    const state = useSignal(null);
    const asked = useSignal('');
    const codes = useSignal([]);
    useEffect(() => {
        void attempt(client.recoveryState()).then((found) => { if (found)
            state.value = found; });
    }, []);
    if (codes.value.length > 0)
        return _jsx(Shown, { codes: codes.value });
    if (asked.value)
        return _jsx(Prove, { asked: asked, codes: codes });
    if (!state.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    return _jsx(Ask, { state: state.value, asked: asked });
}
function Ask({ state, asked }) {
    const ask = async () => {
        const sent = await attempt(client.askRecoveryCodes());
        if (sent)
            asked.value = sent.email;
    };
    const { left, made } = state;
    return (_jsxs("div", { class: "card form", children: [_jsx("p", { class: "dim", children: t('recovery.hint') }), _jsx("p", { role: "status", children: made ? t('recovery.left', { n: left, when: date(made) }) : t('recovery.none') }), made && _jsx("p", { class: "dim small", children: t('recovery.void') }), _jsx("div", { class: "buttons", children: _jsx("button", { type: "button", class: "button primary", onClick: () => void ask(), children: t('recovery.make') }) })] }));
}
function Prove({ asked, codes }) {
    const code = useSignal('');
    const error = useSignal('');
    const isSent = useSignal(false);
    const prove = async (event) => {
        event.preventDefault();
        error.value = '';
        try {
            codes.value = (await client.makeRecoveryCodes(code.value)).codes;
        }
        catch (why) {
            error.value = told(why);
            isSent.value = false;
        }
    };
    const again = async () => {
        isSent.value = true;
        if (!await attempt(client.askRecoveryCodes()))
            isSent.value = false;
    };
    return (_jsxs("form", { class: "card form", onSubmit: prove, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('auth.code.label') }), _jsx("input", { name: "code", required: true, inputMode: "numeric", autocomplete: "one-time-code", value: code.value, onInput: (event) => { code.value = event.currentTarget.value; } })] }), error.value && _jsx("p", { class: "error-text", role: "alert", children: error.value }), _jsx("p", { class: "dim small", children: t('auth.code.hint', { email: asked.value }) }), _jsx(MailHint, {}), _jsx("div", { class: "auth-foot", children: _jsx("button", { type: "button", class: "link", disabled: isSent.value, onClick: () => void again(), children: t(isSent.value ? 'auth.sent_again' : 'auth.send_again') }) }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('recovery.make') }) })] }));
}
function Shown({ codes }) {
    const text = `${location.host}\n${client.me?.email ?? ''}\n\n${codes.join('\n')}\n`;
    return (_jsxs("div", { class: "card form", children: [_jsx("p", { role: "status", children: t('recovery.shown') }), _jsx("ol", { class: "recovery-codes", dir: "ltr", children: codes.map((code) => _jsx("li", { children: _jsx("code", { children: code }) }, code)) }), _jsx("p", { class: "dim small", children: t('recovery.keep') }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => void copy(text), children: t('copy') }), _jsx("button", { type: "button", class: "button primary", onClick: () => keep(text), children: t('file.save') })] })] }));
}
function keep(text) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
    link.download = 'recovery-codes.txt';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
