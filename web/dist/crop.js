import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from './i18n.js';
import { say } from './state.js';
import { Dialog, Icon, Spinner } from './ui.js';
const SIDE_PX = 640;
const MOST = 4;
const KEY_STEP = 0.04;
export function Crop({ file, onDone }) {
    const picture = useSignal(null);
    const view = useSignal({ zoom: 1, x: 0.5, y: 0.5 });
    const box = useRef(null);
    useEffect(() => {
        const url = URL.createObjectURL(file);
        const image = new Image();
        image.src = url;
        image.decode().then(() => { picture.value = image; }, () => {
            say(t('file.unreadable'), true);
            onDone(null);
        });
        return () => URL.revokeObjectURL(url);
    }, [file]);
    const image = picture.value;
    const look = (change) => {
        if (image)
            view.value = inside(image, { ...view.peek(), ...change });
    };
    const drag = (event) => {
        const side = box.current?.clientWidth;
        if (!image || !side || !event.buttons)
            return;
        const seen = seenOf(image, view.peek().zoom);
        look({
            x: view.peek().x - (event.movementX / side) * (seen / image.naturalWidth),
            y: view.peek().y - (event.movementY / side) * (seen / image.naturalHeight),
        });
    };
    const onKeyDown = (event) => {
        const { x, y } = view.peek();
        if (event.key === 'ArrowLeft')
            look({ x: x - KEY_STEP });
        else if (event.key === 'ArrowRight')
            look({ x: x + KEY_STEP });
        else if (event.key === 'ArrowUp')
            look({ y: y - KEY_STEP });
        else if (event.key === 'ArrowDown')
            look({ y: y + KEY_STEP });
        else
            return;
        event.preventDefault();
    };
    const done = async () => {
        if (image)
            onDone(await cut(image, view.peek()));
    };
    return (_jsxs(Dialog, { title: t('file.crop'), onClose: () => onDone(null), class: "crop", children: [_jsx("div", { ref: box, class: "crop-box", tabIndex: 0, role: "group", "aria-label": t('file.crop.move'), onPointerDown: (event) => event.currentTarget.setPointerCapture(event.pointerId), onPointerMove: drag, onKeyDown: onKeyDown, onWheel: (event) => {
                    event.preventDefault();
                    look({ zoom: view.peek().zoom * Math.exp(-event.deltaY / 600) });
                }, children: image
                    ? _jsx("img", { src: image.src, alt: "", draggable: false, style: placed(image, view.value) })
                    : _jsx(Spinner, {}) }), _jsxs("label", { class: "crop-zoom", children: [_jsx(Icon, { name: "zoom-in", label: t('file.crop.zoom') }), _jsx("input", { type: "range", min: 1, max: MOST, step: 0.01, value: view.value.zoom, onInput: (event) => look({ zoom: Number(event.currentTarget.value) }) })] }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => onDone(null), children: t('cancel') }), _jsx("button", { type: "button", class: "button primary", disabled: !image, onClick: () => void done(), children: t('save') })] })] }));
}
function seenOf({ naturalWidth, naturalHeight }, zoom) {
    return Math.min(naturalWidth, naturalHeight) / zoom;
}
function inside(image, { zoom, x, y }) {
    const near = Math.min(MOST, Math.max(1, zoom));
    const seen = seenOf(image, near);
    const within = (value, size) => {
        const margin = seen / size / 2;
        return Math.min(1 - margin, Math.max(margin, value));
    };
    return { zoom: near, x: within(x, image.naturalWidth), y: within(y, image.naturalHeight) };
}
function placed(image, { zoom, x, y }) {
    const seen = seenOf(image, zoom);
    const [w, h] = [image.naturalWidth / seen, image.naturalHeight / seen];
    return {
        width: `${w * 100}%`, height: `${h * 100}%`, left: `${(0.5 - x * w) * 100}%`,
        top: `${(0.5 - y * h) * 100}%`,
    };
}
function cut(image, { zoom, x, y }) {
    const seen = seenOf(image, zoom);
    const side = Math.round(Math.min(SIDE_PX, seen));
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = side;
    const context = canvas.getContext('2d');
    if (!context)
        return Promise.resolve(null);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, side, side);
    context.imageSmoothingQuality = 'high';
    context.drawImage(image, x * image.naturalWidth - seen / 2, y * image.naturalHeight - seen / 2, seen, seen, 0, 0, side, side);
    return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.9));
}
