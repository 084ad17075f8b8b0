import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Brand, Disclaimer } from './brand.js';
import { DoorFields, codeOf, invitationInLink, useDoor } from './door.js';
import { LANGS, LANGUAGES, lang, speak, t, tongue } from './i18n.js';
import { lazy } from './lazy.js';
import { DemoPeople, MailHint } from './mailbox.js';
import { attempt, client, limits, told } from './state.js';
const Recover = lazy(async () => (await import('./recover.js')).Recover, '');
const AGAIN_MS = 15_000;
export function Auth() {
    const invitation = useSignal(invitationInLink());
    const isNew = useSignal(invitation.value !== '');
    const linked = invitationInLink();
    useEffect(() => {
        if (!linked)
            return;
        invitation.value = linked;
        isNew.value = true;
    }, [linked]);
    const name = useSignal('');
    const email = useSignal('');
    const step = useSignal('address');
    const busy = useSignal(false);
    const error = useSignal('');
    const ask = async () => {
        busy.value = true;
        error.value = '';
        try {
            const address = email.value.trim();
            const code = codeOf(invitation.value);
            if (isNew.value)
                await client.signUp(name.value, address, tongue(), code);
            else
                await client.askCode(address);
            return true;
        }
        catch (why) {
            error.value = told(why);
            return false;
        }
        finally {
            busy.value = false;
        }
    };
    const submit = async (event) => {
        event.preventDefault();
        if (await ask())
            step.value = 'code';
    };
    return (_jsxs("main", { class: "auth", children: [_jsxs("div", { class: "auth-card", children: [_jsx(Brand, {}), step.value === 'lost'
                        && _jsx(Recover, { email: email, device: deviceName(), onBack: () => { step.value = 'address'; } }), step.value === 'code'
                        && _jsx(CodeStep, { email: email.value.trim(), again: ask, refused: error.value, onBack: () => { step.value = 'address'; error.value = ''; } }), step.value === 'address'
                        && _jsx(AddressStep, { isNew, name, email, invitation, busy, error, onSubmit: submit, onLost: () => { step.value = 'lost'; } }), step.value === 'address' && _jsx(DemoPeople, { device: deviceName() })] }), _jsx(Languages, {}), _jsx(Disclaimer, {})] }));
}
function AddressStep(props) {
    const { isNew, name, email, invitation, busy, error, onSubmit, onLost } = props;
    const isClosed = useDoor().sign_up === 'closed' && isNew.value;
    const set = (one) => (event) => {
        one.value = event.currentTarget.value;
    };
    return (_jsxs("form", { onSubmit: onSubmit, "aria-busy": busy.value, children: [_jsx("h1", { children: t(isNew.value ? 'auth.sign_up' : 'auth.log_in') }), _jsx("p", { class: "dim", children: t(isClosed ? 'auth.closed' : isNew.value ? 'auth.sign_up.hint' : 'auth.log_in.hint') }), isNew.value && !isClosed && (_jsxs("label", { class: "field", children: [_jsx("span", { children: t('name') }), _jsx("input", { name: "name", autocomplete: "name", required: true, dir: "auto", maxLength: limits()?.name_chars, value: name.value, onInput: set(name) })] })), !isClosed && (_jsxs(_Fragment, { children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('email') }), _jsx("input", { name: "email", type: "email", autocomplete: "email", required: true, placeholder: "ana@example.org", value: email.value, onInput: set(email) })] }), isNew.value && _jsx(DoorFields, { invitation: invitation }), error.value && _jsx("p", { class: "error-text", role: "alert", children: error.value }), _jsx("button", { class: "button primary wide", disabled: busy.value, children: t('auth.mail_code') })] })), _jsxs("p", { class: "auth-switch", children: [t(isNew.value ? 'auth.have_account' : 'auth.no_account'), ' ', _jsx("button", { type: "button", class: "link", onClick: () => { isNew.value = !isNew.value; error.value = ''; }, children: t(isNew.value ? 'auth.log_in' : 'auth.sign_up') })] }), !isNew.value && (_jsx("div", { class: "auth-foot", children: _jsx("button", { type: "button", class: "link", onClick: onLost, children: t('auth.lost') }) }))] }));
}
function CodeStep({ email, refused, again, onBack }) {
    const { code, busy, error, isSent, input, write, send, sendAgain } = useCode(email, again);
    const wrong = error.value || refused;
    return (_jsxs("form", { onSubmit: (event) => { event.preventDefault(); if (code.value.length === 6)
            void send(); }, "aria-busy": busy.value, children: [_jsx("h1", { children: t('auth.code') }), _jsx("p", { class: "dim", children: t('auth.code.hint', { email }) }), _jsx(MailHint, {}), _jsxs("label", { class: "code-field", children: [_jsx("span", { class: "hidden", children: t('auth.code.label') }), _jsx("input", { ref: input, name: "code", inputMode: "numeric", autocomplete: "one-time-code", value: code.value, disabled: busy.value, "aria-invalid": error.value ? 'true' : undefined, onInput: (event) => write(event.currentTarget.value), onPaste: (event) => {
                            event.preventDefault();
                            write(event.clipboardData?.getData('text') ?? '');
                        } }), _jsx(CodeBoxes, { code: code.value })] }), wrong && _jsx("p", { class: "error-text", role: "alert", children: wrong }), _jsxs("div", { class: "auth-foot", children: [_jsx("button", { type: "button", class: "link", onClick: onBack, children: t('auth.other_address') }), _jsx("button", { type: "button", class: "link", disabled: isSent.value, onClick: () => void sendAgain(), children: t(isSent.value ? 'auth.sent_again' : 'auth.send_again') })] })] }));
}
function CodeBoxes({ code }) {
    const now = Math.min(5, code.length);
    return (_jsx("span", { class: "code-boxes", "aria-hidden": "true", children: [...code.padEnd(6)].map((digit, at) => (_jsx("span", { class: at === now ? 'now' : '', children: digit.trim() }, at))) }));
}
function useCode(email, again) {
    const code = useSignal('');
    const busy = useSignal(false);
    const error = useSignal('');
    const input = useRef(null);
    const { isSent, rest } = useRest();
    useEffect(() => { input.current?.focus(); }, []);
    const sendAgain = async () => {
        error.value = '';
        rest(true);
        if (!await again())
            rest(false);
        input.current?.focus();
    };
    const send = async () => {
        busy.value = true;
        error.value = '';
        try {
            await client.logIn(email, code.value, deviceName());
        }
        catch (why) {
            error.value = told(why);
            code.value = '';
            busy.value = false;
            rest(false);
            input.current?.focus();
        }
    };
    const write = (text) => {
        code.value = digitsOf(text).slice(0, 6);
        if (input.current)
            input.current.value = code.value;
        if (code.value.length === 6 && !busy.value)
            void send();
    };
    return { code, busy, error, isSent, input, write, send, sendAgain };
}
function useRest() {
    const isSent = useSignal(false);
    const timer = useRef(undefined);
    useEffect(() => () => clearTimeout(timer.current), []);
    const rest = (on) => {
        clearTimeout(timer.current);
        isSent.value = on;
        if (on)
            timer.current = setTimeout(() => { isSent.value = false; }, AGAIN_MS);
    };
    return { isSent, rest };
}
export function Languages() {
    const choices = LANGS.flatMap((code, at) => [
        at > 0 && ' · ',
        _jsx("button", { type: "button", class: "link", lang: code, "aria-pressed": lang.value === code, onClick: () => void attempt(speak(code)), children: LANGUAGES[code].name }, code),
    ]);
    return _jsx("p", { class: "languages", children: choices });
}
function deviceName() {
    const { userAgent } = navigator;
    const found = (names) => names.find(([pattern]) => pattern.test(userAgent))?.[1];
    const browser = found([
        [/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari'],
    ]);
    const system = found([
        [/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'],
        [/Linux/, 'Linux'],
    ]);
    return [browser ?? 'Browser', system].filter(Boolean).join(', ');
}
const digitsOf = (text) => text.normalize('NFKC').replace(/\P{Nd}/gu, '');
