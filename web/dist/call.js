import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { duration } from './format.js';
import { t } from './i18n.js';
import { ring, silence } from './sounds.js';
import { client, watch } from './state.js';
import { Avatar, Dialog, Icon, IconButton } from './ui.js';
export function CallLayer() {
    watch('call');
    const { calls } = client;
    const { call } = calls;
    const ringing = calls.rings ? 'in' : call?.state === 'ringing' && calls.isHere ? 'out' : null;
    useEffect(() => {
        if (!ringing)
            return undefined;
        ring(ringing);
        return silence;
    }, [ringing]);
    if (calls.mediaError || calls.refused)
        return _jsx(CallProblem, {});
    if (!call)
        return null;
    if (call.state === 'ended')
        return _jsx(Ended, { call: call });
    if (calls.rings)
        return _jsx(Incoming, { call: call });
    if (calls.isHere)
        return _jsx(InCall, { call: call });
    return call.on === 'other_device' ? _jsx(Elsewhere, { call: call }) : null;
}
function CallProblem() {
    watch('call');
    const { mediaError, refused } = client.calls;
    const close = () => {
        client.calls.dismiss();
        if (client.calls.rings)
            void client.calls.leave();
    };
    const secure = `https://${location.host}`;
    return (_jsxs(Dialog, { title: t('call.problem'), onClose: close, class: "confirm", children: [_jsx("p", { children: mediaError ? t(`call.${mediaError}`, { secure }) : refused }), _jsx("div", { class: "buttons", children: _jsx("button", { type: "button", class: "button primary", onClick: close, children: t('close') }) })] }));
}
function Peer({ call, words }) {
    return (_jsxs("div", { class: "call-peer", children: [_jsx("span", { class: call.state === 'ringing' ? 'pulse' : '', children: _jsx(Avatar, { id: call.peer.user, name: call.peer.name, size: "xl" }) }), _jsx("h2", { dir: "auto", children: call.peer.name }), _jsx("p", { "aria-live": "polite", children: words })] }));
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
    return (_jsxs("dialog", { ref: ref, class: "call incoming", "aria-label": t('call.incoming', { name: call.peer.name }), onCancel: (event) => event.preventDefault(), children: [_jsx(Peer, { call: call, words: t(isVideo ? 'call.incoming_video' : 'call.incoming_voice') }), _jsxs("div", { class: "call-buttons", children: [_jsx(RoundButton, { icon: "phone-off", label: t('call.reject'), kind: "hang", onClick: () => void calls.leave() }), isVideo && (_jsx(RoundButton, { icon: "phone", label: t('call.accept_voice'), kind: "take", onClick: () => void calls.accept(false) })), _jsx(RoundButton, { icon: isVideo ? 'video' : 'phone', label: t('call.accept'), kind: "take", onClick: () => void calls.accept(isVideo) })] })] }));
}
function Elsewhere({ call }) {
    return (_jsxs("div", { class: "call-strip", role: "status", children: [_jsx(Icon, { name: "phone" }), _jsx("span", { class: "grow", children: t('call.elsewhere', { name: call.peer.name }) }), _jsx("button", { type: "button", class: "button small danger", onClick: () => void client.calls.leave(), children: t('call.hang_up') })] }));
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
    const picture = async () => {
        await remote.current?.requestPictureInPicture?.().catch(() => undefined);
    };
    return (_jsxs("section", { class: `call live ${isSmall.value ? 'small' : ''} ${hasPicture ? 'pictured' : ''}`, "aria-label": t('call.with', { name: call.peer.name }), children: [_jsx("audio", { ref: sound, autoplay: true }), _jsx("video", { ref: remote, class: "call-remote", autoplay: true, playsInline: true, muted: true, hidden: !hasPicture }), !hasPicture && _jsx(Peer, { call: call, words: "" }), _jsx("video", { ref: local, class: "call-local", autoplay: true, playsInline: true, muted: true, hidden: !calls.hasCamera }), _jsxs("header", { class: "call-head", children: [_jsx(IconButton, { icon: isSmall.value ? 'maximize-2' : 'minimize-2', onClick: () => { isSmall.value = !isSmall.value; }, label: t(isSmall.value ? 'call.larger' : 'call.smaller') }), _jsxs("span", { class: "grow", children: [_jsx("bdi", { class: "chat-name", children: call.peer.name }), _jsx(Status, { call: call })] }), call.state === 'active' && _jsx(Bars, {})] }), _jsxs("div", { class: "call-buttons", children: [_jsx(RoundButton, { icon: calls.isMuted ? 'mic-off' : 'mic', kind: calls.isMuted ? 'off' : '', label: t(calls.isMuted ? 'call.unmute' : 'call.mute'), onClick: () => calls.mute(!calls.isMuted) }), _jsx(RoundButton, { icon: calls.hasCamera ? 'video' : 'video-off', kind: calls.hasCamera ? '' : 'off', label: t(calls.hasCamera ? 'call.camera_off' : 'call.camera_on'), onClick: () => void calls.camera(!calls.hasCamera) }), hasPicture && document.pictureInPictureEnabled && (_jsx(RoundButton, { icon: "picture-in-picture-2", label: t('call.pip'), onClick: () => void picture() })), _jsx(Speakers, { sound: sound }), _jsx(RoundButton, { icon: "phone-off", label: t('call.hang_up'), kind: "hang", onClick: () => void calls.leave() })] })] }));
}
function attach(element, stream) {
    if (!element || element.srcObject === stream)
        return;
    element.srcObject = stream;
    element.play().catch(() => undefined);
}
function Status({ call }) {
    watch('call', 'connection');
    const now = useSignal(Date.now());
    useEffect(() => {
        const timer = setInterval(() => { now.value = Date.now(); }, 1_000);
        return () => clearInterval(timer);
    }, []);
    const { calls } = client;
    const isBroken = calls.isReconnecting || call.peer.reconnecting || client.connection !== 'live';
    if (call.state === 'ringing')
        return _jsx("small", { role: "status", children: t(call.rings ? 'call.rings' : 'call.calling') });
    if (call.state === 'connecting')
        return _jsx("small", { role: "status", children: t('call.connecting') });
    if (isBroken)
        return _jsx("small", { role: "status", class: "warn", children: t('call.reconnecting') });
    const seconds = Math.max(0, (now.value - Date.parse(call.since ?? call.started)) / 1_000);
    return _jsxs("small", { children: [_jsx("time", { children: duration(seconds) }), !calls.peerMedia.audio && ` · ${t('call.peer_muted')}`] });
}
function Bars() {
    watch('call');
    const { quality } = client.calls;
    const label = t(`call.quality.${quality}`);
    return _jsxs("span", { class: `bars ${quality}`, role: "img", "aria-label": label, title: label, children: [_jsx("i", {}), _jsx("i", {}), _jsx("i", {})] });
}
function Speakers({ sound }) {
    const outputs = useSignal([]);
    const chosen = useSignal('');
    const asked = useSignal(false);
    useEffect(() => {
        if (!('setSinkId' in HTMLMediaElement.prototype))
            return;
        void navigator.mediaDevices?.enumerateDevices().then((devices) => {
            outputs.value = devices.filter(({ kind, label }) => kind === 'audiooutput' && label);
        });
    }, []);
    if (outputs.value.length < 2)
        return null;
    const choose = async (id) => {
        asked.value = false;
        chosen.value = id;
        await sound.current?.setSinkId?.(id).catch(() => undefined);
    };
    return (_jsxs(_Fragment, { children: [_jsx(RoundButton, { icon: "volume-2", label: t('call.speaker'), onClick: () => { asked.value = true; } }), asked.value && (_jsx(Dialog, { title: t('call.speaker'), onClose: () => { asked.value = false; }, children: outputs.value.map(({ deviceId, label }) => (_jsxs("button", { type: "button", class: "row-button", "aria-pressed": chosen.value === deviceId, onClick: () => void choose(deviceId), children: [_jsx(Icon, { name: "volume-2" }), _jsx("span", { children: label })] }, deviceId))) }))] }));
}
