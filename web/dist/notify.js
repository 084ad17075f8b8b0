import { effect } from '@preact/signals';
import { t } from './i18n.js';
import { chatName, isMissed, myId, preview } from './names.js';
import { ping } from './sounds.js';
import { alerts, client, go, openChat, watch } from './state.js';
const isLooking = () => document.visibilityState === 'visible' && document.hasFocus();
function unreadChats() {
    const waiting = client.store.list().filter((state) => state.unread > 0 && !state.isMuted());
    return waiting.length;
}
export function startNotifying() {
    effect(() => {
        watch('chats', 'session');
        const count = client.session ? unreadChats() : 0;
        document.title = count ? `(${count}) WeChat` : 'WeChat';
        const badge = navigator;
        void badge.setAppBadge?.(count).catch(() => undefined);
    });
    client.onIncoming = told;
    effect(() => {
        watch('call');
        if (client.calls.rings && !isLooking()) {
            const name = client.calls.call?.peer.name ?? '';
            show(`call-${client.calls.call?.id}`, t('call.incoming', { name }), '', client.calls.call?.chat ?? '');
        }
    });
}
function told(row, state) {
    if (row.kind === 'system' || (row.kind === 'call' && !isMissed(row)))
        return;
    const mentioned = row.mention_all || row.mentions?.includes(myId());
    if (state.isMuted() && !mentioned)
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
    if (!alerts.value || !('Notification' in window) || Notification.permission !== 'granted')
        return;
    try {
        const notification = new Notification(title, { body, tag, icon: '/assets/icon-192.png' });
        notification.onclick = () => {
            focus();
            go(`chat/${chat}`);
            notification.close();
        };
    }
    catch {
        void navigator.serviceWorker?.ready.then((worker) => worker.showNotification(title, { body, tag, icon: '/assets/icon-192.png', data: { chat } }));
    }
}
