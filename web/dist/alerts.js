import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { lang, t } from './i18n.js';
import { alerts, alertsAsked, attempt, client, say, watch } from './state.js';
import { Icon, Switch } from './ui.js';
const push = signal(null);
async function look() {
    push.value = await (await client.push()).state();
}
export async function renewAlerts() {
    if (alerts.value)
        await (await client.push()).renew(lang.value);
}
async function turnOn() {
    const isHere = 'Notification' in window && isSecureContext;
    const isAllowed = isHere && await Notification.requestPermission() === 'granted';
    alerts.value = isAllowed;
    alertsAsked.value = true;
    if (isAllowed)
        await attempt(client.push().then((it) => it.turnOn(lang.value)));
    await look();
    if (!isAllowed)
        say(hint(), true);
}
async function turnOff() {
    alerts.value = false;
    if (push.value === 'on')
        await attempt(client.push().then((it) => it.turnOff()));
    await look();
}
const HINTS = {
    insecure: 'alerts.insecure', denied: 'alerts.denied', lacking: 'alerts.lacking',
    unserved: 'alerts.unserved',
};
function hint() {
    const state = push.value;
    if (state && HINTS[state])
        return t(HINTS[state]);
    return t(alerts.value && state === 'off' ? 'alerts.hint' : 'alerts.closed');
}
export function AlertsSwitch({ onChange }) {
    const isTesting = useSignal(false);
    useEffect(() => { void look(); }, []);
    const test = async () => {
        isTesting.value = true;
        const sent = await attempt(client.push().then((it) => it.test()).then(() => true));
        if (sent)
            say(t('alerts.tested'));
        isTesting.value = false;
    };
    return (_jsxs(_Fragment, { children: [_jsx(Switch, { label: t('alerts'), hint: hint(), on: alerts.value, onChange: (on) => void (on ? turnOn() : turnOff()).then(onChange) }), alerts.value && push.value === 'on' && (_jsxs("button", { type: "button", class: "row-button", disabled: isTesting.value, onClick: () => void test(), children: [_jsx(Icon, { name: "bell-ring" }), _jsx("span", { class: "grow", children: t('alerts.test') })] }))] }));
}
export function AskAlerts() {
    watch('chats');
    useEffect(() => { void look(); }, []);
    const isOpen = push.value === 'off' && Notification.permission === 'default';
    if (!isOpen || alerts.value || alertsAsked.value || !client.store.list().length)
        return null;
    return (_jsxs("div", { class: "ask-alerts", role: "group", "aria-label": t('alerts'), children: [_jsx(Icon, { name: "bell-ring" }), _jsx("p", { class: "grow", children: t('alerts.ask') }), _jsx("button", { type: "button", class: "button small", onClick: () => { alertsAsked.value = true; }, children: t('alerts.ask.no') }), _jsx("button", { type: "button", class: "button small primary", onClick: () => void turnOn(), children: t('alerts.ask.yes') })] }));
}
