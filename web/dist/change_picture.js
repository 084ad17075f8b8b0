import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { t } from './i18n.js';
import { lazy } from './lazy.js';
import { attempt, say } from './state.js';
const Crop = lazy(async () => (await import('./crop.js')).Crop, '');
export function ChangePicture({ has, onChange }) {
    const input = useRef(null);
    const chosen = useSignal(null);
    const busy = useSignal(false);
    const change = async (picture) => {
        busy.value = true;
        if (await attempt(onChange(picture).then(() => true)))
            say(t('saved'));
        busy.value = false;
    };
    return (_jsxs("div", { class: "picture-choice", children: [_jsx("button", { type: "button", class: "button small", disabled: busy.value, onClick: () => input.current?.click(), children: t('file.change') }), has && (_jsx("button", { type: "button", class: "button small", disabled: busy.value, onClick: () => void change(null), children: t('file.take_away') })), _jsx("input", { ref: input, type: "file", accept: "image/*", hidden: true, "aria-label": t('file.change'), onChange: (event) => {
                    chosen.value = event.currentTarget.files?.[0] ?? null;
                    event.currentTarget.value = '';
                } }), chosen.value && (_jsx(Crop, { file: chosen.value, onDone: (picture) => {
                    chosen.value = null;
                    if (picture)
                        void change(picture);
                } }))] }));
}
