import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { PlayFilm } from './files.js';
import { full } from './format.js';
import { t } from './i18n.js';
import { usePicture } from './pictures.js';
import { client } from './state.js';
import { Icon, IconButton, Spinner } from './ui.js';
import { save, viewing } from './viewing.js';
const MOST = 8;
const DOUBLE = 2.5;
const STEP = 1.4;
const SWIPE_PX = 60;
const close = () => { viewing.value = null; };
export function Viewer() {
    const ref = useRef(null);
    useEffect(() => {
        const dialog = ref.current;
        dialog?.showModal();
        return () => dialog?.close();
    }, []);
    const { value } = viewing;
    const one = value?.all[value.at];
    useEffect(() => {
        for (const near of [value?.all[(value?.at ?? 0) + 1], value?.all[(value?.at ?? 0) - 1]]) {
            if (near?.file.kind === 'image')
                client.files.picture(pathOf(near)).catch(() => undefined);
        }
    }, [one]);
    if (!value || !one)
        return null;
    const { all, at } = value;
    const step = (by) => {
        const to = at + by;
        if (to >= 0 && to < all.length)
            viewing.value = { all, at: to };
    };
    const forwards = () => (ref.current && getComputedStyle(ref.current).direction === 'rtl' ? -1 : 1);
    const onKeyDown = (event) => {
        if (event.target.matches('video'))
            return;
        if (event.key === 'ArrowRight')
            step(forwards());
        else if (event.key === 'ArrowLeft')
            step(-forwards());
        else if (event.key === 'Home')
            viewing.value = { all, at: 0 };
        else if (event.key === 'End')
            viewing.value = { all, at: all.length - 1 };
        else
            return;
        event.preventDefault();
    };
    return (_jsxs("dialog", { ref: ref, class: "full", "aria-label": one.file.name, onKeyDown: onKeyDown, onCancel: (event) => { event.preventDefault(); close(); }, children: [_jsxs("header", { children: [_jsxs("span", { class: "grow", children: [_jsx("span", { class: "full-by", dir: "auto", children: one.by }), one.sent && _jsx("small", { children: full(one.sent) })] }), all.length > 1 && (_jsx("span", { class: "full-count", role: "status", children: t('file.count', { n: at + 1, all: all.length }) })), _jsx(IconButton, { icon: "download", label: t('file.save'), onClick: () => void save(one.file) }), _jsx(IconButton, { icon: "x", label: t('close'), onClick: close })] }), _jsxs("div", { class: "stage", children: [one.file.kind === 'video'
                        ? _jsx(PlayFilm, { file: one.file, class: "full-film" }, one.file.id)
                        : _jsx(Zoomed, { one: one, onSwipe: (by) => step(by * forwards()) }, one.file.id), at > 0 && (_jsx(Step, { icon: "chevron-left", label: t('file.previous'), class: "before", onClick: () => step(-1) })), at < all.length - 1 && (_jsx(Step, { icon: "chevron-right", label: t('file.next'), class: "on", onClick: () => step(1) }))] })] }));
}
function Step({ icon, label, class: name, onClick }) {
    return (_jsx("button", { type: "button", class: `icon-button full-step ${name} flip`, "aria-label": label, title: label, onClick: onClick, children: _jsx(Icon, { name: icon }) }));
}
function pathOf({ file }) {
    return file.animated ? file.url : file.large_url ?? file.url;
}
const WHOLE = { scale: 1, x: 0, y: 0 };
function Zoomed({ one, onSwipe }) {
    const stage = useRef(null);
    const place = useSignal(WHOLE);
    const isNear = place.value.scale > 1;
    const first = usePicture(pathOf(one));
    const sharp = usePicture(isNear ? one.file.url : null);
    const touch = useTouch(stage, place.value, (to) => { place.value = to; }, onSwipe);
    useEffect(() => {
        const onKeyDown = (event) => {
            const scale = { '+': STEP, '=': STEP, '-': 1 / STEP, 0: 0 }[event.key];
            if (scale === undefined)
                return;
            place.value = bounded(stage.current, zoomed(place.peek(), scale * place.peek().scale, 0, 0));
        };
        addEventListener('keydown', onKeyDown);
        return () => removeEventListener('keydown', onKeyDown);
    }, []);
    const { scale, x, y } = place.value;
    const source = sharp || first;
    return (_jsxs("div", { ref: stage, class: `zoomed ${isNear ? 'near' : ''}`, ...touch, children: [source === '' && _jsxs("p", { class: "full-gone", children: [_jsx(Icon, { name: "image-off" }), " ", t('file.gone')] }), source === null && _jsx(Spinner, {}), source && (_jsx("img", { src: source, alt: one.file.name, draggable: false, style: { transform: `translate(${x}px, ${y}px) scale(${scale})` } }))] }));
}
function zoomed(from, to, x, y) {
    const scale = Math.min(MOST, Math.max(1, to));
    const by = scale / from.scale;
    return { scale, x: x - (x - from.x) * by, y: y - (y - from.y) * by };
}
function bounded(stage, { scale, x, y }) {
    if (!stage || scale === 1)
        return WHOLE;
    const within = (value, size) => {
        const most = (size * (scale - 1)) / 2;
        return Math.min(most, Math.max(-most, value));
    };
    return { scale, x: within(x, stage.clientWidth), y: within(y, stage.clientHeight) };
}
function useTouch(stage, place, move, onSwipe) {
    const down = useRef(new Map());
    const began = useRef({ x: 0, y: 0, isPinch: false });
    const set = (to) => move(bounded(stage.current, to));
    const point = (event) => {
        const box = stage.current?.getBoundingClientRect() ?? new DOMRect();
        return {
            x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2,
        };
    };
    const onPointerDown = (event) => {
        if (event.button !== 0)
            return;
        stage.current?.setPointerCapture(event.pointerId);
        down.current.set(event.pointerId, point(event));
        began.current = { ...point(event), isPinch: down.current.size > 1 };
    };
    const onPointerMove = (event) => {
        const before = down.current.get(event.pointerId);
        if (!before)
            return;
        const now = point(event);
        const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1];
        down.current.set(event.pointerId, now);
        if (other) {
            const by = distance(now, other) / (distance(before, other) || 1);
            set(zoomed(place, place.scale * by, (now.x + other.x) / 2, (now.y + other.y) / 2));
        }
        else if (place.scale > 1) {
            set({ ...place, x: place.x + now.x - before.x, y: place.y + now.y - before.y });
        }
    };
    const onPointerEnd = (event) => {
        if (!down.current.delete(event.pointerId) || down.current.size || began.current.isPinch)
            return;
        if (place.scale > 1 || event.type !== 'pointerup')
            return;
        const now = point(event);
        const [x, y] = [now.x - began.current.x, now.y - began.current.y];
        if (Math.abs(x) > SWIPE_PX && Math.abs(x) > 2 * Math.abs(y))
            onSwipe(x < 0 ? 1 : -1);
        else if (y > 2 * SWIPE_PX && y > 2 * Math.abs(x))
            close();
    };
    return {
        onPointerDown,
        onPointerMove,
        onPointerUp: onPointerEnd,
        onPointerCancel: onPointerEnd,
        onWheel: (event) => {
            event.preventDefault();
            const { x, y } = point(event);
            set(zoomed(place, place.scale * Math.exp(-event.deltaY / 400), x, y));
        },
        onDblClick: (event) => {
            const { x, y } = point(event);
            set(zoomed(place, place.scale > 1 ? 1 : DOUBLE, x, y));
        },
    };
}
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
