/** How a chat comes to be told of at a level, for the list of chats and its settings. */

import type { ChatState, Level } from 'wechat-sdk';

import { client } from './state.js';

/** What to change so that a chat is told of at a level, whatever was set of it before. */
export function toLevel(state: ChatState, level: Level): Parameters<typeof client.setChat>[1] {
  const inAll = client.alerts.value.mentions_only && state.chat.kind === 'group';
  return { muted_until: null, alerts: level === 'all' && !inAll ? null : level };
}
