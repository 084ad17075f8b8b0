import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from './i18n.js';
import { facePath, usePicture } from './pictures.js';
import { toasts, watch } from './state.js';
const FIRST = new Set('brand bell bell-off camera check check-check circle-alert clock cloud-off code contact download file-text form group image inbox info key languages link list mail menu message-circle mic music phone phone-missed pin pin-off radio receipt reply rows scroll search section server settings square-pen text user user-plus users video x'.split(' '));
export function Icon({ name, label }) {
    return (_jsx("svg", { class: "icon", "aria-hidden": label ? undefined : 'true', role: label ? 'img' : undefined, "aria-label": label, children: _jsx("use", { href: `/assets/${FIRST.has(name) ? 'icons' : 'icons.more'}.svg#${name}` }) }));
}
export function IconButton(props) {
    return (_jsx("button", { type: "button", class: `icon-button ${props.class ?? ''}`, "aria-label": props.label, title: props.label, "aria-pressed": props.pressed, disabled: props.disabled, onClick: props.onClick, children: _jsx(Icon, { name: props.icon }) }));
}
export function hue(id) {
    let sum = 0;
    for (let at = 0; at < id.length; at++)
        sum = (sum * 31 + id.charCodeAt(at)) >>> 0;
    return sum % 12;
}
const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
function initials(name) {
    const words = name.trim().split(/\s+/).filter(Boolean);
    const first = (word) => word ? [...segments.segment(word)][0]?.segment ?? '' : '';
    const both = first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '');
    return both.toLocaleUpperCase();
}
export function Avatar({ id, name, size = 'm', group, online, picture: file }) {
    watch('users', 'session', `chat:${id}`);
    const picture = usePicture(facePath(id, file));
    return (_jsxs("span", { class: `avatar avatar-${size} hue-${hue(id)}`, "aria-hidden": "true", "data-initials": initials(name), children: [!name && _jsx(Icon, { name: group ? 'users' : 'user' }), picture && _jsx("img", { src: picture, alt: "" }), online && _jsx("span", { class: "online" })] }));
}
export function Dialog({ title, onClose, children, class: name = '' }) {
    const ref = useRef(null);
    const heading = useId();
    useEffect(() => {
        const dialog = ref.current;
        dialog?.showModal();
        return () => dialog?.close();
    }, []);
    const onBackdrop = (event) => {
        if (event.target === ref.current)
            onClose();
    };
    return (_jsx("dialog", { ref: ref, class: `dialog ${name}`, "aria-labelledby": heading, onClick: onBackdrop, onCancel: (event) => { event.preventDefault(); onClose(); }, children: _jsxs("div", { class: "dialog-body", children: [_jsxs("header", { class: "dialog-head", children: [_jsx("h2", { id: heading, children: title }), _jsx(IconButton, { icon: "x", label: t('close'), onClick: onClose })] }), children] }) }));
}
export function Confirm({ title, text, action, onDone, danger = true }) {
    return (_jsxs(Dialog, { title: title, onClose: () => onDone(false), class: "confirm", children: [_jsx("p", { children: text }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => onDone(false), children: t('cancel') }), _jsx("button", { type: "button", class: `button ${danger ? 'danger' : 'primary'}`, onClick: () => onDone(true), children: action })] })] }));
}
export function Menu({ label, at, items, onClose, children }) {
    const ref = useRef(null);
    useLayoutEffect(() => {
        const dialog = ref.current;
        if (!dialog)
            return undefined;
        dialog.showModal();
        const { offsetWidth: w, offsetHeight: h } = dialog;
        const rtl = getComputedStyle(dialog).direction === 'rtl';
        const x = Math.min(Math.max(8, rtl ? at.x - w : at.x), innerWidth - w - 8);
        const y = at.y + h + 8 > innerHeight ? Math.max(8, at.y - h) : at.y;
        dialog.style.setProperty('--x', `${x}px`);
        dialog.style.setProperty('--y', `${y}px`);
        return () => dialog.close();
    }, []);
    const onKeyDown = (event) => {
        const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
        if (!step)
            return;
        event.preventDefault();
        const buttons = [...(ref.current?.querySelectorAll('button') ?? [])];
        const now = buttons.indexOf(document.activeElement);
        buttons[(now + step + buttons.length) % buttons.length]?.focus();
    };
    const pressed = useRef(false);
    const onPointerDown = (event) => {
        pressed.current = event.target === ref.current;
    };
    const onClick = (event) => {
        if (event.target === ref.current && pressed.current)
            onClose();
    };
    return (_jsxs("dialog", { ref: ref, class: "menu", "aria-label": label, onClick: onClick, onPointerDown: onPointerDown, onKeyDown: onKeyDown, onCancel: (event) => { event.preventDefault(); onClose(); }, children: [children, items.map((item) => item && (_jsxs("button", { type: "button", class: item.danger ? 'danger' : '', onClick: () => { onClose(); item.onClick(); }, children: [_jsx(Icon, { name: item.icon }), _jsx("span", { children: item.label })] }, item.label)))] }));
}
export function Switch({ label, hint, on, onChange, disabled }) {
    const id = useId();
    return (_jsxs("label", { class: "switch-row", children: [_jsxs("span", { class: "grow", children: [_jsx("span", { children: label }), hint && _jsx("small", { id: id, children: hint })] }), _jsx("input", { type: "checkbox", role: "switch", class: "switch", checked: on, disabled: disabled, "aria-describedby": hint ? id : undefined, onChange: (event) => onChange(event.currentTarget.checked) })] }));
}
export function Choice({ label, icon, value, options, onChange }) {
    return (_jsxs("fieldset", { class: "choice", children: [_jsxs("legend", { children: [_jsx(Icon, { name: icon }), " ", label] }), _jsx("div", { class: "segments", children: options.map(([option, name]) => (_jsxs("label", { children: [_jsx("input", { type: "radio", name: icon, checked: option === value, onChange: () => onChange(option) }), _jsx("span", { children: name })] }, option))) })] }));
}
export function Spinner({ label }) {
    return _jsx("span", { class: "spinner", role: "status", "aria-label": label ?? t('loading') });
}
export function Empty({ icon, title, text, children }) {
    return (_jsxs("div", { class: "empty", children: [_jsx("span", { class: "empty-icon", children: _jsx(Icon, { name: icon }) }), _jsx("p", { class: "empty-title", children: title }), text && _jsx("p", { children: text }), children] }));
}
export function Toasts() {
    return (_jsx("div", { class: "toasts", role: "status", "aria-live": "polite", children: toasts.value.map(({ id, text, isError }) => (_jsx("p", { class: isError ? 'toast error' : 'toast', children: text }, id))) }));
}
