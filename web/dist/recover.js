import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { t } from './i18n.js';
import { client, told } from './state.js';
export function Recover({ email, device, onBack }) {
    const code = useSignal('');
    const busy = useSignal(false);
    const error = useSignal('');
    const send = async (event) => {
        event.preventDefault();
        busy.value = true;
        error.value = '';
        try {
            await client.recover(email.value.trim(), code.value, device);
        }
        catch (why) {
            error.value = told(why);
            busy.value = false;
        }
    };
    return (_jsxs("form", { onSubmit: send, "aria-busy": busy.value, children: [_jsx("h1", { children: t('auth.lost') }), _jsx("p", { class: "dim", children: t('recovery.log_in.hint') }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('email') }), _jsx("input", { name: "email", type: "email", autocomplete: "email", required: true, placeholder: "ana@example.org", value: email.value, onInput: (event) => { email.value = event.currentTarget.value; } })] }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('recovery.code') }), _jsx("input", { name: "recovery", required: true, autocomplete: "off", autocapitalize: "characters", spellcheck: false, dir: "ltr", placeholder: "XXXX-XXXX-XXXX-XXXX", value: code.value, onInput: (event) => { code.value = event.currentTarget.value; } })] }), error.value && _jsx("p", { class: "error-text", role: "alert", children: error.value }), _jsx("button", { class: "button primary wide", disabled: busy.value, children: t('auth.log_in') }), _jsx("p", { class: "auth-switch", children: _jsx("button", { type: "button", class: "link", onClick: onBack, children: t('back') }) })] }));
}
