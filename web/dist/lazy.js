import { jsx as _jsx } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { say, told } from './state.js';
import { Spinner } from './ui.js';
const waiting = [];
export function lazy(load, pane = 'list-pane') {
    let loaded = null;
    const get = async () => { loaded ??= await load(); };
    waiting.push(get);
    return function Lazy(props) {
        const isThere = useSignal(loaded !== null);
        useEffect(() => {
            if (!isThere.value)
                get().then(() => { isThere.value = true; }, (error) => say(told(error), true));
        }, []);
        if (!isThere.value || !loaded)
            return _jsx("section", { class: `pane ${pane}`, children: _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }) });
        const Screen = loaded;
        return _jsx(Screen, { ...props });
    };
}
export function loadRest() {
    setTimeout(() => {
        for (const get of waiting)
            void get().catch(() => undefined);
    }, 1_500);
}
