import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { Icon } from './ui.js';
export function Action({ icon, label, onClick, danger }) {
    return (_jsxs("button", { type: "button", class: `row-button ${danger ? 'danger' : ''}`, onClick: onClick, children: [_jsx(Icon, { name: icon }), _jsx("span", { children: label })] }));
}
export function Link({ to, label, icon, isHere = false }) {
    return (_jsxs("a", { class: "row-button", href: `#/${to}`, "aria-current": isHere ? 'page' : undefined, children: [icon && _jsx(Icon, { name: icon }), _jsx("span", { class: "grow", children: label }), _jsx("span", { class: "flip chevron", children: _jsx(Icon, { name: "chevron-right" }) })] }));
}
