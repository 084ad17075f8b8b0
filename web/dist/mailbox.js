import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from './i18n.js';
import { attempt, client, machineKey } from './state.js';
import { Avatar, Icon } from './ui.js';
const server = signal(null);
let asked = null;
function useServer() {
    const key = machineKey.value;
    useEffect(() => {
        if (server.value && asked === key)
            return;
        asked = key;
        client.server(key).then((info) => { server.value = info; }, () => undefined);
    }, [key]);
    return server.value;
}
export function MailHint() {
    const info = useServer();
    if (info?.mail !== 'local')
        return null;
    return (_jsxs("p", { class: "hint", children: [_jsx(Icon, { name: "mail" }), _jsxs("span", { children: [t(info.mailbox ? 'auth.mailbox' : 'auth.mailbox.folder'), ' ', info.mailbox && (_jsx("a", { href: `${info.mailbox}#${machineKey.value}`, target: "_blank", rel: "noopener", children: t('auth.mailbox.open') }))] })] }));
}
export function DemoPeople({ device }) {
    const people = useServer()?.demo ?? [];
    if (!people.length)
        return null;
    return (_jsxs("section", { class: "demo", "aria-label": t('auth.demo'), children: [_jsx("h2", { class: "section", children: t('auth.demo') }), _jsx("div", { class: "demo-people", children: people.map(({ user, name }) => (_jsxs("button", { type: "button", class: "button", onClick: () => void attempt(client.demo(user, device, machineKey.value)), children: [_jsx(Avatar, { id: user, name: name, size: "s" }), " ", name] }, user))) })] }));
}
