import { signal } from '@preact/signals';
import { client } from './state.js';
const MOST = 200;
const known = signal(new Map());
export async function learnNicks(state) {
    if (state.chat.kind !== 'group' || state.chat.member_count > MOST)
        return;
    const path = `/groups/${state.id}/members`;
    const page = await client.rest.get(path, { limit: MOST }).catch(() => null);
    if (page)
        keepNicks(state.id, page.members);
}
function keepNicks(chat, members) {
    const named = members.flatMap(({ user, nick }) => (nick ? [[user.id, nick]] : []));
    known.value = new Map(known.peek()).set(chat, new Map(named));
}
export const nickOf = (chat, user) => known.value.get(chat)?.get(user);
