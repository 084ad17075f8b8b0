import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { t } from './i18n.js';
import { client } from './state.js';
import { Dialog } from './ui.js';
export function CallProblem({ problem }) {
    const { calls } = client;
    const close = () => calls.dismiss();
    const secure = `https://${location.host}`;
    return (_jsxs(Dialog, { title: t('call.problem'), onClose: close, class: "confirm", children: [_jsx("p", { children: problem.what === 'media' ? t(`call.${problem.error}`, { secure }) : problem.words }), _jsxs("div", { class: "buttons", children: [problem.what === 'media' && _jsx(Listen, { again: problem.again }), _jsx("button", { type: "button", class: "button primary", onClick: close, children: t('close') })] })] }));
}
function Listen({ again }) {
    const { calls } = client;
    return 'accept' in again
        ? (_jsx("button", { type: "button", class: "button", onClick: () => calls.accept(false, false), children: t('call.listen') }))
        : (_jsx("button", { type: "button", class: "button", onClick: () => calls.start(again.start.chat, again.start.kind, false), children: t('call.listen_start') }));
}
