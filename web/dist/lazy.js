import { jsx as _jsx } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { speakMore, t } from './i18n.js';
import { say, told } from './state.js';
import { Spinner } from './ui.js';
const waiting = [];
let sheet = null;
function looks() {
    sheet ??= new Promise((done, fail) => {
        const link = document.createElement('link');
        link.rel = 'stylesheet';
        link.href = '/assets/more.css';
        link.onload = () => done();
        link.onerror = () => {
            link.remove();
            sheet = null;
            fail(new Error(t('error.offline')));
        };
        document.head.append(link);
    });
    return sheet;
}
export function lazy(load, pane = 'list-pane') {
    let loaded = null;
    const get = async () => {
        if (!loaded)
            [loaded] = await Promise.all([load(), looks(), speakMore()]);
    };
    waiting.push(get);
    return function Lazy(props) {
        const isThere = useSignal(loaded !== null);
        useEffect(() => {
            if (!isThere.value) {
                get().then(() => { isThere.value = true; }, (error) => say(told(error), true));
            }
        }, []);
        if (isThere.value && loaded) {
            const Screen = loaded;
            return _jsx(Screen, { ...props });
        }
        return pane
            ? _jsx("section", { class: `pane ${pane}`, children: _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }) })
            : null;
    };
}
export function loadRest() {
    setTimeout(() => {
        for (const get of waiting)
            void get().catch(() => undefined);
    }, 1_500);
}
