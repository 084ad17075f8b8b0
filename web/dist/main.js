import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { effect } from '@preact/signals';
import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { Auth } from './auth.js';
import { ChatList } from './chats.js';
import { speakMore, t } from './i18n.js';
import { lazy, loadRest } from './lazy.js';
import { client, go, openChat, route, say, watch } from './state.js';
import { Empty, Spinner, Toasts } from './ui.js';
import { viewing } from './viewing.js';
const ChatPane = lazy(async () => (await import('./chat.js')).ChatPane, 'chat-pane');
const CallLayer = lazy(async () => (await import('./call.js')).CallLayer, 'call-strip');
const Settings = lazy(async () => (await import('./settings.js')).Settings);
const CallHistory = lazy(async () => (await import('./calls.js')).CallHistory);
const InfoPane = lazy(async () => (await import('./info.js')).InfoPane, 'info-pane');
const NewChat = lazy(async () => (await import('./people.js')).NewChat);
const NewGroup = lazy(async () => (await import('./people.js')).NewGroup);
const ContactList = lazy(async () => (await import('./contacts.js')).ContactList);
const RequestList = lazy(async () => (await import('./contacts.js')).RequestList);
const MyCard = lazy(async () => (await import('./contacts.js')).MyCard);
const AddByCard = lazy(async () => (await import('./contacts.js')).AddByCard, 'chat-pane');
const Profile = lazy(async () => (await import('./profile.js')).Profile, 'chat-pane');
const Viewer = lazy(async () => (await import('./viewer.js')).Viewer, '');
const OperatorMenu = lazy(async () => (await import('./operator.js')).OperatorMenu);
const OperatorPage = lazy(async () => (await import('./operator.js')).OperatorPage, 'chat-pane');
const Join = lazy(async () => (await import('./profile.js')).Join, 'chat-pane');
function App() {
    watch('session');
    if (!client.session)
        return _jsxs(_Fragment, { children: [_jsx(Auth, {}), _jsx(Toasts, {})] });
    if (!client.isLoaded)
        return _jsx("div", { class: "empty full", children: _jsx(Spinner, {}) });
    const [place = '', one = '', two = ''] = route.value;
    const chat = openChat();
    const main = chat ? _jsx(ChatPane, { id: chat })
        : place === 'user' ? _jsx(Profile, { id: one })
            : place === 'join' ? _jsx(Join, { code: one })
                : place === 'add' ? _jsx(AddByCard, { code: one })
                    : place === 'admin' && one ? _jsx(OperatorPage, {})
                        : null;
    const hasInfo = chat !== null && two === 'info';
    const view = hasInfo ? 'info' : main ? 'chat' : 'list';
    return (_jsxs("main", { class: "app", "data-view": view, children: [_jsx(Keys, {}), _jsx(Side, { place: place, one: one }), main ?? (_jsx("section", { class: "pane chat-pane nothing", children: _jsx(Empty, { icon: "message-circle", title: t('chat.choose'), text: t('chat.choose.hint') }) })), hasInfo && chat && _jsx(InfoPane, { id: chat }), _jsx(Calling, {}), viewing.value && _jsx(Viewer, {}), _jsx(Toasts, {})] }));
}
function Calling() {
    watch('call');
    const { call, calling, problem } = client.calls;
    return call || calling || problem ? _jsx(CallLayer, {}) : null;
}
function Side({ place, one }) {
    switch (place) {
        case 'settings': return _jsx(Settings, {});
        case 'calls': return _jsx(CallHistory, {});
        case 'contacts': return one === 'card' ? _jsx(MyCard, {}) : _jsx(ContactList, {});
        case 'requests': return _jsx(RequestList, {});
        case 'admin': return _jsx(OperatorMenu, {});
        case 'new': return one === 'group' ? _jsx(NewGroup, {}) : _jsx(NewChat, {});
        default: return _jsx(ChatList, {});
    }
}
function Keys() {
    useEffect(() => {
        const onKeyDown = (event) => {
            if (event.defaultPrevented || document.querySelector('dialog[open]'))
                return;
            const chat = openChat();
            if (event.key === 'Escape' && chat)
                go(route.value[2] ? `chat/${chat}` : '');
            const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
            if (!event.altKey || !step)
                return;
            const list = client.store.list();
            const now = list.findIndex(({ id }) => id === chat);
            const next = list[Math.min(list.length - 1, Math.max(0, now + step))];
            if (next)
                go(`chat/${next.id}`);
            event.preventDefault();
        };
        addEventListener('keydown', onKeyDown);
        return () => removeEventListener('keydown', onKeyDown);
    }, []);
    return null;
}
client.calls.onNotice = (notice) => say(t(`call.notice.${notice}`), true);
client.onEnded = () => say(t('session.ended'), true);
client.onReport = ({ verdict, word }) => {
    if (verdict)
        say(t(`report.answered.${verdict}`, { word: word ?? '' }));
};
client.onExport = ({ state }) => {
    say(t(state === 'ready' ? 'export.ready.told' : 'export.failed'), state !== 'ready');
};
void client.start();
effect(() => {
    watch('connection');
    void client.about.learn();
});
render(_jsx(App, {}), document.getElementById('app'));
loadRest();
void Promise.all([import('./notify.js'), speakMore()])
    .then(([{ startNotifying }]) => startNotifying());
if ('serviceWorker' in navigator && isSecureContext) {
    navigator.serviceWorker.register('/sw.js').catch(() => undefined);
}
