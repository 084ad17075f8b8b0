import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { t } from './i18n.js';
import { MailHint } from './mailbox.js';
import { attempt, client, go, say, told, watch } from './state.js';
export function AddressPage() {
    const asked = useSignal('');
    return asked.value
        ? _jsx(Prove, { email: asked.value, onBack: () => { asked.value = ''; } })
        : _jsx(Ask, { asked: asked });
}
function Ask({ asked }) {
    watch('session');
    const email = useSignal('');
    const error = useSignal('');
    const ask = async (event) => {
        event.preventDefault();
        error.value = '';
        try {
            asked.value = (await client.askAddress(email.value.trim())).email;
        }
        catch (why) {
            error.value = told(why);
        }
    };
    return (_jsxs("form", { class: "card form", onSubmit: ask, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('address.new') }), _jsx("input", { type: "email", required: true, autocomplete: "email", value: email.value, onInput: (event) => { email.value = event.currentTarget.value; } })] }), error.value && _jsx("p", { class: "error-text", role: "alert", children: error.value }), _jsx("p", { class: "dim small", children: t('email.hint', { email: client.me?.email ?? '' }) }), _jsx("p", { class: "dim small", children: t('address.hint') }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('auth.mail_code') }) })] }));
}
function Prove({ email, onBack }) {
    const code = useSignal('');
    const error = useSignal('');
    const isSent = useSignal(false);
    const prove = async (event) => {
        event.preventDefault();
        error.value = '';
        try {
            await client.verifyAddress(email, code.value);
            say(t('address.changed'));
            go('settings/profile', true);
        }
        catch (why) {
            error.value = told(why);
            isSent.value = false;
        }
    };
    const again = async () => {
        isSent.value = true;
        if (!await attempt(client.askAddress(email)))
            isSent.value = false;
    };
    return (_jsxs("form", { class: "card form", onSubmit: prove, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('auth.code.label') }), _jsx("input", { name: "code", required: true, inputMode: "numeric", autocomplete: "one-time-code", value: code.value, onInput: (event) => { code.value = event.currentTarget.value; } })] }), error.value && _jsx("p", { class: "error-text", role: "alert", children: error.value }), _jsx("p", { class: "dim small", children: t('auth.code.hint', { email }) }), _jsx(MailHint, {}), _jsxs("div", { class: "auth-foot", children: [_jsx("button", { type: "button", class: "link", onClick: onBack, children: t('auth.other_address') }), _jsx("button", { type: "button", class: "link", disabled: isSent.value, onClick: () => void again(), children: t(isSent.value ? 'auth.sent_again' : 'auth.send_again') })] }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('address.change') }) })] }));
}
