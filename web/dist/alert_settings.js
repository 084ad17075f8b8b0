import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { t } from './i18n.js';
import { toLevel } from './level.js';
import { attempt, client, watch } from './state.js';
import { Choice, Switch } from './ui.js';
const NIGHT = { from: 22 * 60, to: 7 * 60, calls: true };
const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
const set = (change) => void attempt(client.alerts.set(change));
export function AlertsPage() {
    watch('session', 'server');
    const { quiet, mentions_only: mentionsOnly, shown, mail } = client.alerts.value;
    const mails = mail || client.about.info?.features.missed_mail;
    return (_jsxs(_Fragment, { children: [_jsx("div", { class: "card", children: _jsx(Switch, { label: t('alerts.mentions'), hint: t('alerts.mentions.hint'), on: !!mentionsOnly, onChange: (on) => set({ mentions_only: on }) }) }), _jsxs("div", { class: "card", children: [_jsx(Switch, { label: t('alerts.quiet'), on: !!quiet, hint: quiet ? t('alerts.quiet.zone', { zone: quiet.zone }) : t('alerts.quiet.hint'), onChange: (on) => set({ quiet: on ? { ...NIGHT, zone: zoneHere() } : null }) }), quiet && _jsx(Hours, { quiet: quiet })] }), _jsxs("div", { class: "card", children: [_jsx(Choice, { label: t('alerts.shown'), icon: "eye", value: shown ?? 'text', options: [
                            ['text', t('alerts.shown.text')], ['names', t('alerts.shown.names')],
                            ['wake', t('alerts.shown.wake')],
                        ], onChange: (value) => set({ shown: value === 'text' ? null : value }) }), _jsx("p", { class: "dim small card-hint", children: t('alerts.shown.hint') })] }), mails && (_jsx("div", { class: "card", children: _jsx(Switch, { label: t('alerts.mail'), on: !!mail, hint: t('alerts.mail.hint', { email: client.me?.email ?? '' }), onChange: (on) => set({ mail: on }) }) }))] }));
}
function Hours({ quiet }) {
    const change = (part) => {
        const next = { ...quiet, ...part, zone: zoneHere() };
        if (next.from !== next.to)
            set({ quiet: next });
    };
    return (_jsxs(_Fragment, { children: [_jsxs("div", { class: "hours", children: [_jsx(Clock, { label: t('alerts.quiet.begin'), minute: quiet.from, onChange: (minute) => change({ from: minute }) }), _jsx(Clock, { label: t('alerts.quiet.end'), minute: quiet.to, onChange: (minute) => change({ to: minute }) })] }), _jsx(Switch, { label: t('alerts.calls'), on: !!quiet.calls, onChange: (on) => change({ calls: on }) })] }));
}
function Clock({ label, minute, onChange }) {
    return (_jsxs("label", { class: "field", children: [_jsx("span", { children: label }), _jsx("input", { type: "time", required: true, value: clock(minute), onChange: ({ currentTarget: { value } }) => {
                    const chosen = minuteOf(value);
                    if (chosen !== null)
                        onChange(chosen);
                } })] }));
}
function clock(minute) {
    const two = (number) => String(number).padStart(2, '0');
    return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}
function minuteOf(text) {
    const [, hour, minute] = /^(\d\d):(\d\d)/.exec(text) ?? [];
    return hour && minute ? Number(hour) * 60 + Number(minute) : null;
}
export function ChatLevel({ state }) {
    watch(`chat:${state.id}`, 'session');
    return (_jsx("div", { class: "card", children: _jsx(Choice, { label: t('alerts.chat'), icon: "bell", value: client.alerts.level(state), options: [
                ['all', t('alerts.level.all')], ['mentions', t('alerts.level.mentions')],
                ['nothing', t('alerts.level.nothing')],
            ], onChange: (level) => void attempt(client.setChat(state.id, toLevel(state, level))) }) }));
}
