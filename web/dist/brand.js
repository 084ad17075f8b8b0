import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { t } from './i18n.js';
import { Icon } from './ui.js';
const told = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? '';
export const appName = told('application-name');
const logo = told('logo');
const isNamed = document.documentElement.dataset.name !== 'default';
export function Brand() {
    return (_jsxs("div", { class: "brand-row", children: [_jsx("div", { class: "brand", children: logo ? _jsx("img", { src: logo, alt: "", width: 60, height: 60 }) : _jsx(Icon, { name: "brand" }) }), _jsx("p", { class: "brand-name", dir: "auto", children: appName })] }));
}
export function Disclaimer() {
    return isNamed ? null : _jsx("p", { class: "languages small", children: t('server.own') });
}
