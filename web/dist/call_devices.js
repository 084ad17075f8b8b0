import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from './i18n.js';
import { client, watch } from './state.js';
import { Dialog, Icon } from './ui.js';
export function Devices({ sound, button }) {
    watch('call');
    const all = useDevices();
    const isOpen = useSignal(false);
    const sink = useSignal('');
    const { calls } = client;
    const of = (kind) => all.filter((one) => one.kind === kind && one.label);
    const outputs = 'setSinkId' in HTMLMediaElement.prototype ? of('audiooutput') : [];
    if (![of('audioinput'), of('videoinput'), outputs].some(({ length }) => length > 1))
        return null;
    const speak = async (id) => {
        await sound.current?.setSinkId?.(id)
            .then(() => { sink.value = id; }, () => undefined);
    };
    return (_jsxs(_Fragment, { children: [button(() => { isOpen.value = true; }), isOpen.value && (_jsxs(Dialog, { title: t('call.devices'), onClose: () => { isOpen.value = false; }, class: "devices", children: [_jsx(Choice, { title: t('call.microphone'), icon: "mic", devices: of('audioinput'), used: calls.using('mic'), onChoose: (id) => calls.choose('mic', id) }), _jsx(Choice, { title: t('call.camera_on'), icon: "video", devices: of('videoinput'), used: calls.using('cam'), onChoose: (id) => calls.choose('cam', id) }), _jsx(Choice, { title: t('call.speaker'), icon: "volume-2", devices: outputs, used: sink.value || 'default', onChoose: (id) => void speak(id) })] }))] }));
}
function Choice({ title, icon, devices, used, onChoose }) {
    if (!devices.length)
        return null;
    return (_jsxs("section", { "aria-label": title, children: [_jsx("h3", { children: title }), devices.map(({ deviceId, label }) => (_jsxs("button", { type: "button", class: "row-button", "aria-pressed": deviceId === used, onClick: () => onChoose(deviceId), children: [_jsx(Icon, { name: icon }), _jsx("span", { class: "grow", children: label }), deviceId === used && _jsx(Icon, { name: "check" })] }, deviceId)))] }));
}
function useDevices() {
    const devices = useSignal([]);
    const { hasMicrophone, hasCamera } = client.calls;
    useEffect(() => {
        const media = navigator.mediaDevices;
        const read = () => void media?.enumerateDevices().then((all) => { devices.value = all; }, () => undefined);
        read();
        media?.addEventListener('devicechange', read);
        return () => media?.removeEventListener('devicechange', read);
    }, [hasMicrophone, hasCamera]);
    return devices.value;
}
