import { client } from './state.js';
export function toLevel(state, level) {
    const inAll = client.alerts.value.mentions_only && state.chat.kind === 'group';
    return { muted_until: null, alerts: level === 'all' && !inAll ? null : level };
}
