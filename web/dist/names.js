import { t } from './i18n.js';
import { attachmentsOf, filesText } from './files_text.js';
import { client } from './state.js';
import { duration, full } from './format.js';
export const myId = () => client.store.me;
export function isListed(state) {
    return !client.contacts.isRequest(state) && !client.contacts.isRefused(state);
}
export function userName(id) {
    const user = client.user(id);
    if (!user)
        return '…';
    return user.name || t('user.deleted');
}
export function chatName(state) {
    const peer = state.peer(myId());
    if (state.member.remark)
        return state.member.remark;
    if (peer === null)
        return state.chat.title ?? '';
    return peer === myId() ? t('chat.yourself') : userName(peer);
}
const who = (id) => (id === myId() ? client.me?.name ?? '' : userName(id));
function author(row) {
    if (row.from === myId())
        return who(row.from);
    return row.from_name || client.store.users.get(row.from)?.name || t('user.deleted');
}
export function eventText(event, row) {
    const name = author(row);
    switch (event.type) {
        case 'group_created': return t('event.group_created', { name, title: event.title });
        case 'renamed': return t('event.renamed', { name, title: event.title });
        case 'described': return t('event.described', { name });
        case 'avatar_changed': return t('event.avatar_changed', { name });
        case 'settings_changed': return t('event.settings_changed', { name });
        case 'rules_changed': return t('event.rules_changed', { name });
        case 'announcement_changed': return t('event.announcement_changed', { name });
        case 'member_silenced': {
            const other = who(event.user);
            return event.until
                ? t('event.silenced', { name, other, until: full(event.until) })
                : t('event.unsilenced', { name, other });
        }
        case 'let_in': return t('event.let_in', { name, other: who(event.user) });
        case 'members_added':
            return t('event.members_added', { name, others: list(event.users.map(who)) });
        case 'joined': return t(event.by_invite ? 'event.joined_invite' : 'event.joined', { name });
        case 'left': return t('event.left', { name });
        case 'member_removed': return t('event.removed', { name, other: who(event.user) });
        case 'member_banned': return t('event.banned', { name, other: who(event.user) });
        case 'member_unbanned': return t('event.unbanned', { name, other: who(event.user) });
        case 'role_changed':
            return t('event.role', { name, other: who(event.user), role: t(`role.${event.role}`) });
        case 'owner_changed': return t('event.owner', { name, other: who(event.user) });
        case 'group_deleted': return event.by_operators
            ? t('event.group_deleted.operators') : t('event.group_deleted', { name });
        default: return t('event.other', { name });
    }
}
function list(names) {
    const shown = names.slice(0, 4);
    const more = names.length - shown.length;
    return more > 0 ? `${shown.join(', ')} +${more}` : shown.join(', ');
}
export function isMissed(row) {
    const reason = row.call?.reason;
    return reason === 'missed' || reason === 'cancelled' || reason === 'busy'
        || reason === 'unreachable';
}
export function callText(row) {
    const { call } = row;
    if (!call)
        return '';
    const isMine = row.from === myId();
    const kind = t(call.kind === 'video' ? 'call.video' : 'call.voice');
    if (call.duration_s != null)
        return `${kind}, ${duration(call.duration_s)}`;
    if (call.reason === 'rejected')
        return t('call.declined', { kind });
    if (isMissed(row))
        return t(isMine ? 'call.unanswered' : 'call.missed', { kind });
    return t('call.failed', { kind });
}
export function preview(row) {
    switch (row.kind) {
        case 'deleted': return t('message.deleted');
        case 'system': return row.event ? eventText(row.event, row) : '';
        case 'call': return callText(row);
        default: return row.body || filesText(attachmentsOf(row));
    }
}
export function typingText(state) {
    const now = Date.now();
    const names = [...state.typing].filter(([, until]) => until > now).map(([id]) => id);
    if (!names.length)
        return '';
    if (state.chat.kind === 'direct')
        return t('typing.one');
    if (names.length === 1 && names[0])
        return t('typing.named', { name: userName(names[0]) });
    return t('typing.many', { n: names.length });
}
