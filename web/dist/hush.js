import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Composer } from './composer.js';
import { full } from './format.js';
import { t } from './i18n.js';
import { myId } from './names.js';
import { attempt, client, watch } from './state.js';
import { Icon, IconButton } from './ui.js';
export function Speaking({ state }) {
    watch(`chat:${state.id}`);
    const silent = useLeft(() => silentUntil(state));
    if (silent > 0) {
        return (_jsx("p", { class: "composer-off", role: "status", children: t('hush.silent', { until: full(state.member.silent_until ?? 0) }) }));
    }
    const { rules } = state.chat;
    if (rules?.write === 'admins' && state.member.role === 'member') {
        return _jsx("p", { class: "composer-off", role: "status", children: t('hush.admins') });
    }
    return (_jsxs(_Fragment, { children: [!!rules?.slow && state.member.role === 'member' && _jsx(Slow, { state: state }), _jsx(Composer, { state: state })] }));
}
function Slow({ state }) {
    watch(`rows:${state.id}`);
    const left = useLeft(() => nextAt(state));
    const slow = state.chat.rules?.slow ?? 0;
    return (_jsxs("p", { class: "slow-note", children: [_jsx(Icon, { name: "hourglass" }), left > 0 ? t('hush.slow.left', { n: left }) : t('hush.slow', { n: slow })] }));
}
function silentUntil({ member }) {
    return member.role === 'owner' || !member.silent_until ? 0 : Date.parse(member.silent_until);
}
function nextAt(state) {
    const mine = state.messages.findLast((row) => row.from === myId());
    return mine ? Date.parse(mine.sent) + (state.chat.rules?.slow ?? 0) * 1_000 : 0;
}
function useLeft(until) {
    const tick = useSignal(0);
    const left = Math.ceil((until() - client.now()) / 1_000);
    const isOn = left > 0 && tick.value >= 0;
    useEffect(() => {
        if (!isOn)
            return undefined;
        const timer = setInterval(() => { tick.value += 1; }, 1_000);
        return () => clearInterval(timer);
    }, [isOn]);
    return Math.max(0, left);
}
export function Announcement({ state }) {
    watch(`chat:${state.id}`);
    const isOpen = useSignal(false);
    const { announcement } = state.chat;
    const seen = state.member.announcement_seen ?? 0;
    if (!announcement || announcement.seq <= seen)
        return null;
    const putAway = () => {
        void attempt(client.setChat(state.id, { announcement_seen: announcement.seq }));
    };
    return (_jsxs("div", { class: "announcement", role: "note", "aria-label": t('announcement'), children: [_jsx(Icon, { name: "megaphone" }), _jsx("button", { type: "button", class: `announcement-text ${isOpen.value ? 'open' : ''}`, dir: "auto", "aria-expanded": isOpen.value, onClick: () => { isOpen.value = !isOpen.value; }, children: announcement.text }), _jsx(IconButton, { icon: "x", label: t('announcement.away'), onClick: putAway })] }));
}
