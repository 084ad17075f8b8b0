import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Devices } from './call_devices.js';
import { CallProblem } from './call_problem.js';
import { duration } from './format.js';
import { t } from './i18n.js';
import { chatName, myId } from './names.js';
import { ring, silence } from './sounds.js';
import { client, watch } from './state.js';
import { Avatar, Icon, IconButton } from './ui.js';
export function CallLayer() {
    watch('call');
    const { calls } = client;
    const { call, problem } = calls;
    const ringing = calls.rings ? 'in' : call?.state === 'ringing' && calls.isHere ? 'out' : null;
    useEffect(() => {
        if (!ringing)
            return undefined;
        ring(ringing);
        return silence;
    }, [ringing]);
    return (_jsxs(_Fragment, { children: [_jsx(CallScreen, {}), problem && _jsx(CallProblem, { problem: problem })] }));
}
function CallScreen() {
    watch('call');
    const { calls } = client;
    const { call, calling } = calls;
    if (call && calls.rings)
        return _jsx(Incoming, { call: call }, call.id);
    if (calling)
        return _jsx(Starting, { chat: calling.chat });
    if (!call)
        return null;
    if (call.state === 'ended')
        return _jsx(Ended, { call: call }, call.id);
    return calls.isHere ? _jsx(InCall, { call: call }) : _jsx(Elsewhere, { call: call });
}
function Peer({ user, name, words, isRinging }) {
    return (_jsxs("div", { class: "call-peer", children: [_jsx("span", { class: isRinging ? 'pulse' : '', children: _jsx(Avatar, { id: user, name: name, size: "xl" }) }), _jsx("h2", { dir: "auto", children: name }), _jsx("p", { "aria-live": "polite", children: words })] }));
}
function Starting({ chat }) {
    watch('chats', 'users');
    const state = client.store.chats.get(chat);
    const name = state ? chatName(state) : '';
    return (_jsxs("section", { class: "call live", "aria-label": t('call.with', { name }), children: [_jsx(Peer, { user: state?.peer(myId()) ?? chat, name: name, words: t('call.calling'), isRinging: true }), _jsx("div", { class: "call-buttons", children: _jsx(HangUp, {}) })] }));
}
function HangUp() {
    return (_jsx(RoundButton, { icon: "phone-off", label: t('call.hang_up'), kind: "hang", onClick: () => client.calls.leave() }));
}
function RoundButton({ icon, label, onClick, kind = '' }) {
    return (_jsxs("div", { class: "round", children: [_jsx(IconButton, { icon: icon, label: label, class: kind, onClick: onClick }), _jsx("span", { "aria-hidden": "true", children: label })] }));
}
function Incoming({ call }) {
    const ref = useRef(null);
    useEffect(() => {
        const dialog = ref.current;
        dialog?.showModal();
        return () => dialog?.close();
    }, []);
    const isVideo = call.kind === 'video';
    const { calls } = client;
    const words = calls.isAnswering ? t('call.connecting')
        : t(isVideo ? 'call.incoming_video' : 'call.incoming_voice');
    return (_jsxs("dialog", { ref: ref, class: "call incoming", "aria-label": t('call.incoming', { name: call.peer.name }), onCancel: (event) => event.preventDefault(), children: [_jsx(Peer, { user: call.peer.user, name: call.peer.name, isRinging: true, words: words }), _jsxs("div", { class: "call-buttons", children: [_jsx(RoundButton, { icon: "phone-off", label: t('call.reject'), kind: "hang", onClick: () => calls.leave() }), isVideo && (_jsx(RoundButton, { icon: "phone", label: t('call.accept_voice'), kind: "take", onClick: () => calls.accept(false) })), _jsx(RoundButton, { icon: isVideo ? 'video' : 'phone', label: t('call.accept'), kind: "take", onClick: () => calls.accept(isVideo) })] })] }));
}
function Elsewhere({ call }) {
    return (_jsxs("div", { class: "call-strip", role: "status", children: [_jsx(Icon, { name: "phone" }), _jsx("span", { class: "grow", children: t('call.elsewhere', { name: call.peer.name }) }), _jsx("button", { type: "button", class: "button small danger", onClick: () => client.calls.leave(), children: t('call.hang_up') })] }));
}
const REASONS = {
    cancelled: 'call.end.cancelled', rejected: 'call.end.rejected', missed: 'call.end.missed',
    unreachable: 'call.end.unreachable', busy: 'call.end.busy', hangup: 'call.end.hangup',
    lost: 'call.end.lost', failed: 'call.end.failed',
};
function Ended({ call }) {
    useEffect(() => {
        const timer = setTimeout(() => client.calls.dismiss(), call.reason === 'failed' ? 6_000 : 2_500);
        return () => clearTimeout(timer);
    }, []);
    const words = t(REASONS[call.reason ?? 'hangup']);
    const talked = call.duration_s ? ` · ${duration(call.duration_s)}` : '';
    return (_jsxs("div", { class: "call-strip", role: "status", children: [_jsx(Icon, { name: "phone-off" }), _jsxs("span", { class: "grow", children: [_jsx("bdi", { children: call.peer.name }), ": ", words, talked] }), _jsx(IconButton, { icon: "x", label: t('close'), onClick: () => client.calls.dismiss() })] }));
}
function InCall({ call }) {
    watch('call');
    const { calls } = client;
    const isSmall = useSignal(false);
    const remote = useRef(null);
    const sound = useRef(null);
    const local = useRef(null);
    const hasPicture = calls.peerMedia.video && call.state === 'active';
    useEffect(() => {
        attach(remote.current, calls.remote);
        attach(sound.current, calls.remote);
        attach(local.current, calls.local);
    });
    useEffect(() => { isSmall.value = false; }, [calls.shown]);
    const { name, user } = call.peer;
    return (_jsxs("section", { class: `call live ${isSmall.value ? 'small' : ''} ${hasPicture ? 'pictured' : ''}`, "aria-label": t('call.with', { name }), children: [_jsx("audio", { ref: sound, autoplay: true }), _jsx("video", { ref: remote, class: "call-remote", autoplay: true, playsInline: true, muted: true, hidden: !hasPicture }), !hasPicture && (_jsx(Peer, { user: user, name: name, words: "", isRinging: call.state === 'ringing' })), _jsx("video", { ref: local, class: "call-local", autoplay: true, playsInline: true, muted: true, hidden: !calls.hasCamera }), _jsxs("header", { class: "call-head", children: [_jsx(IconButton, { icon: isSmall.value ? 'maximize-2' : 'minimize-2', onClick: () => { isSmall.value = !isSmall.value; }, label: t(isSmall.value ? 'call.larger' : 'call.smaller') }), _jsxs("span", { class: "grow", children: [_jsx("bdi", { class: "chat-name", children: name }), _jsx(Status, { call: call })] }), call.state === 'active' && _jsx(Bars, {})] }), _jsxs("div", { class: "call-buttons", children: [_jsx(Microphone, {}), _jsx(RoundButton, { icon: calls.hasCamera ? 'video' : 'video-off', kind: calls.hasCamera ? '' : 'off', label: t(calls.hasCamera ? 'call.camera_off' : 'call.camera_on'), onClick: () => calls.camera(!calls.hasCamera) }), hasPicture && document.pictureInPictureEnabled && _jsx(Float, { video: remote }), _jsx(Devices, { sound: sound, button: (open) => (_jsx(RoundButton, { icon: "sliders-horizontal", label: t('call.devices'), kind: "choice", onClick: open })) }), _jsx(HangUp, {})] })] }));
}
function Microphone() {
    watch('call');
    const { calls } = client;
    const isOff = calls.isMuted || !calls.hasMicrophone;
    const label = t(calls.isMuted ? 'call.unmute' : isOff ? 'call.no_mic' : 'call.mute');
    return (_jsx(RoundButton, { icon: isOff ? 'mic-off' : 'mic', kind: isOff ? 'off' : '', label: label, onClick: () => calls.mute(!isOff) }));
}
function Float({ video }) {
    const float = () => void video.current?.requestPictureInPicture().catch(() => undefined);
    return (_jsx(RoundButton, { icon: "picture-in-picture-2", label: t('call.pip'), kind: "choice", onClick: float }));
}
function attach(element, stream) {
    if (!element || element.srcObject === stream)
        return;
    element.srcObject = stream;
    element.play().catch(() => undefined);
}
function Status({ call }) {
    watch('call', 'connection');
    const now = useSignal(client.now());
    useEffect(() => {
        const timer = setInterval(() => { now.value = client.now(); }, 1_000);
        return () => clearInterval(timer);
    }, []);
    const { calls } = client;
    const isBroken = calls.isReconnecting || call.peer.reconnecting || client.connection !== 'live';
    if (call.state === 'ringing') {
        return _jsx("small", { role: "status", children: t(call.rings ? 'call.rings' : 'call.calling') });
    }
    if (call.state === 'connecting')
        return _jsx("small", { role: "status", children: t('call.connecting') });
    if (isBroken)
        return _jsx("small", { role: "status", class: "warn", children: t('call.reconnecting') });
    const seconds = Math.max(0, (now.value - Date.parse(call.since ?? call.started)) / 1_000);
    const muted = calls.peerMedia.audio ? '' : ` · ${t('call.peer_muted')}`;
    return _jsxs("small", { children: [_jsx("time", { children: duration(seconds) }), muted] });
}
function Bars() {
    watch('call');
    const { quality } = client.calls;
    const label = t(`call.quality.${quality}`);
    return (_jsxs("span", { class: `bars ${quality}`, role: "img", "aria-label": label, title: label, children: [_jsx("i", {}), _jsx("i", {}), _jsx("i", {})] }));
}
