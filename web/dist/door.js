import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { t } from './i18n.js';
import { client, route, watch } from './state.js';
export function useDoor() {
    watch('server');
    return { sign_up: 'open', ...client.about.info };
}
export const invitationInLink = () => route.value[0] === 'invitation' ? route.value[1] ?? '' : '';
export const codeOf = (typed) => typed.trim().split('/').pop() ?? '';
export function DoorFields({ invitation }) {
    const { sign_up, sign_up_domains } = useDoor();
    return (_jsxs(_Fragment, { children: [sign_up === 'invited' && (_jsxs("label", { class: "field", children: [_jsx("span", { children: t('auth.invitation') }), _jsx("input", { name: "invitation", required: true, autocomplete: "off", spellcheck: false, maxLength: 300, placeholder: t('auth.invitation.hint'), value: invitation.value, onInput: (event) => { invitation.value = event.currentTarget.value; } })] })), sign_up_domains?.length ? (_jsx("p", { class: "hint", children: t('auth.domains', { domains: sign_up_domains.join(', ') }) })) : null] }));
}
