import { brief, clock, isSameDay } from './format.js';
import { t } from './i18n.js';
import { client, watch } from './state.js';
const shown = new Map();
let timer;
export function showPeople(part, people) {
    shown.set(part, people);
    timer ??= setTimeout(() => {
        timer = undefined;
        client.watchPresence([...shown.values()].flat());
    }, 400);
}
export function isOnline(id) {
    watch('presence', 'connection');
    return id !== null && client.isSynced && !!client.store.presence.get(id)?.online;
}
export function presenceText(id) {
    watch('presence', 'connection');
    const standing = id === null || !client.isSynced ? undefined : client.store.presence.get(id);
    if (!standing)
        return '';
    if (standing.online)
        return t('presence.online');
    if (!standing.last_seen)
        return '';
    const when = isSameDay(standing.last_seen, Date.now()) ? clock(standing.last_seen) : brief(standing.last_seen);
    return t('presence.seen', { when });
}
