import { effect } from '@preact/signals';
import { appName } from './brand.js';
import { t } from './i18n.js';
import { chatName, isListed, isMissed, preview } from './names.js';
import { renewAlerts } from './alerts.js';
import { ping } from './sounds.js';
import { alerts, client, go, openChat, watch } from './state.js';
const ANSWER_MS = 30_000;
const isLooking = () => document.visibilityState === 'visible' && document.hasFocus();
function unreadChats() {
    const waiting = client.store.list().filter((state) => state.unread > 0 && !client.alerts.isMuted(state) && isListed(state));
    return waiting.length;
}
export function startNotifying() {
    effect(() => {
        watch('chats', 'session');
        const count = client.session ? unreadChats() : 0;
        document.title = count ? `(${count}) ${appName}` : appName;
        const badge = navigator;
        void badge.setAppBadge?.(count).catch(() => undefined);
    });
    client.onIncoming = told;
    effect(() => {
        watch('call');
        ringing();
    });
    effect(() => {
        watch('session');
        if (client.session && client.isLoaded)
            void begin();
    });
    fromWorker();
    effect(takeBackOpen);
    addEventListener('focus', takeBackOpen);
}
let begun = '';
async function begin() {
    const { session } = client;
    if (!session || begun === session.session)
        return;
    begun = session.session;
    await renewAlerts().catch(() => undefined);
    await answer();
}
function fromWorker() {
    const onMessage = ({ data }) => {
        if (data?.chat)
            go(`chat/${data.chat}`);
        void answer();
    };
    navigator.serviceWorker?.addEventListener('message', onMessage);
}
async function answer() {
    const id = await (await client.push()).answered();
    if (!id)
        return;
    const stop = effect(() => {
        watch('call');
        const { call, rings } = client.calls;
        if (call?.id !== id || !rings)
            return;
        queueMicrotask(() => stop());
        client.calls.accept(false);
    });
    setTimeout(stop, ANSWER_MS);
}
function takeBackOpen() {
    const chat = openChat();
    if (chat && isLooking())
        void takeBack(chat);
}
async function takeBack(chat) {
    const worker = await navigator.serviceWorker?.getRegistration();
    for (const one of await worker?.getNotifications({ tag: chat }) ?? [])
        one.close();
}
let rung = null;
function ringing() {
    const { call, rings } = client.calls;
    const tag = rings && call ? `call-${call.id}` : null;
    if (rung && rung.tag !== tag) {
        rung.close();
        rung = null;
    }
    if (!tag || !call || rung || isLooking())
        return;
    rung = { tag, close: show(tag, t('call.incoming', { name: call.peer.name }), '', call.chat) };
}
function told(row, state) {
    if (row.kind === 'system' || (row.kind === 'call' && !isMissed(row)))
        return;
    if (!client.alerts.tells(row, state) || !isListed(state))
        return;
    if (isLooking() && openChat() === state.id)
        return;
    ping();
    if (isLooking())
        return;
    const body = state.chat.kind === 'group' ? `${row.from_name}: ${preview(row)}` : preview(row);
    show(state.id, chatName(state), body, state.id);
}
function show(tag, title, body, chat) {
    const nothing = () => undefined;
    if (!alerts.value || !('Notification' in window) || Notification.permission !== 'granted') {
        return nothing;
    }
    const options = { body, tag, icon: '/assets/icon-192.png' };
    try {
        const notification = new Notification(title, options);
        notification.onclick = () => {
            focus();
            go(`chat/${chat}`);
            notification.close();
        };
        return () => notification.close();
    }
    catch {
        const worker = navigator.serviceWorker?.ready;
        const shown = worker?.then((it) => it.showNotification(title, { ...options, data: { chat } }).then(() => it));
        return () => void shown?.then(async (it) => {
            for (const one of await it.getNotifications({ tag }))
                one.close();
        }, nothing);
    }
}
