import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { brief, duration } from './format.js';
import { t } from './i18n.js';
import { attempt, back, client, watch } from './state.js';
import { Avatar, Empty, Icon, IconButton, Spinner } from './ui.js';
export function CallHistory() {
    watch('call');
    const calls = useSignal(null);
    const next = useSignal(null);
    const load = async (before) => {
        const page = await attempt(client.rest.get('/calls', { before, limit: 50 }));
        if (!page)
            return;
        calls.value = [...(before ? calls.peek() ?? [] : []), ...page.calls];
        next.value = page.next ?? null;
    };
    const isLive = client.calls.isLive;
    useEffect(() => { void load(); }, [isLive]);
    return (_jsxs("section", { class: "pane list-pane", "aria-label": t('calls'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip", onClick: () => back() }), _jsx("h1", { class: "grow", children: t('calls') })] }), _jsxs("div", { class: "scroll", children: [!calls.value && _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }), calls.value?.length === 0 && (_jsx(Empty, { icon: "phone", title: t('calls.none'), text: t('calls.none.hint') })), calls.value?.map((call) => _jsx(CallRow, { call: call }, call.id)), next.value && (_jsx("button", { type: "button", class: "row-button", onClick: () => void load(next.value ?? undefined), children: t('more') }))] })] }));
}
function CallRow({ call }) {
    const isMissed = call.role === 'callee' && call.duration_s == null && call.state === 'ended'
        && call.reason !== 'rejected';
    const icon = isMissed ? 'phone-missed' : call.role === 'caller' ? 'phone-outgoing' : 'phone-incoming';
    const kind = t(call.kind === 'video' ? 'call.video' : 'call.voice');
    const words = call.duration_s != null ? `${kind}, ${duration(call.duration_s)}`
        : isMissed ? t('call.missed', { kind }) : t('call.unanswered', { kind });
    return (_jsxs("div", { class: "chat-row call-row", children: [_jsxs("a", { class: "call-row-main", href: `#/chat/${call.chat}`, children: [_jsx(Avatar, { id: call.peer.user, name: call.peer.name }), _jsxs("span", { class: "chat-text", children: [_jsxs("span", { class: "chat-line", children: [_jsx("span", { class: "chat-name", dir: "auto", children: call.peer.name }), _jsx("time", { class: "chat-time", children: brief(call.started) })] }), _jsxs("span", { class: `chat-last ${isMissed ? 'missed' : ''}`, children: [_jsx(Icon, { name: icon }), " ", _jsx("bdi", { children: words })] })] })] }), _jsx(IconButton, { icon: call.kind === 'video' ? 'video' : 'phone', label: t('call.again'), onClick: () => client.startCall(call.chat, call.kind) })] }));
}
