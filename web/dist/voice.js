import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { duration } from './format.js';
import { t } from './i18n.js';
import { attempt, recording } from './state.js';
import { IconButton } from './ui.js';
const HELD_MS = 450;
const SLIDE_PX = 90;
const load = () => import('./recorder.js');
export function useVoice(chat, send) {
    const pressed = useRef(false);
    const begin = async () => {
        const module = await attempt(load());
        await module?.record(chat);
    };
    const end = async (isWanted) => {
        const file = await (await load()).finish(isWanted);
        if (file)
            send(file);
    };
    const onPointerDown = (event) => {
        pressed.current = false;
        if (event.button !== 0 || recording.peek())
            return;
        pressed.current = true;
        const from = event.clientX;
        const since = Date.now();
        const begun = begin();
        const onUp = (up) => {
            removeEventListener('pointerup', onUp);
            removeEventListener('pointercancel', onUp);
            const isHeld = Date.now() - since > HELD_MS;
            const isAway = Math.abs(up.clientX - from) > SLIDE_PX;
            if (isHeld && up.type === 'pointerup') {
                void begun.then(() => recording.peek() && end(!isAway));
            }
        };
        addEventListener('pointerup', onUp);
        addEventListener('pointercancel', onUp);
    };
    const onClick = () => {
        if (pressed.current)
            pressed.current = false;
        else if (recording.peek())
            void end(true);
        else
            void begin();
    };
    return { onPointerDown, onClick };
}
const discard = () => void load().then(({ finish }) => finish(false));
export function Recording() {
    const now = useSignal(Date.now());
    useEffect(() => {
        const timer = setInterval(() => {
            now.value = Date.now();
            void load().then(({ limit }) => limit());
        }, 250);
        const onKeyDown = (event) => {
            if (event.key !== 'Escape')
                return;
            event.preventDefault();
            event.stopPropagation();
            discard();
        };
        addEventListener('keydown', onKeyDown, true);
        return () => {
            clearInterval(timer);
            removeEventListener('keydown', onKeyDown, true);
            if (recording.peek())
                discard();
        };
    }, []);
    const seconds = Math.max(0, now.value - (recording.value?.since ?? now.value)) / 1000;
    return (_jsxs("span", { class: "recording", children: [_jsx(IconButton, { icon: "trash-2", label: t('discard'), onClick: discard }), _jsx("span", { class: "hidden", role: "status", children: t('file.recording') }), _jsx("i", { "aria-hidden": "true" }), " ", _jsx("span", { class: "recording-time", children: duration(seconds) }), _jsx("small", { class: "grow", children: t('file.slide') })] }));
}
