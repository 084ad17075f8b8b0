/** Leads to a message of a chat that is open, wherever it stands. */

import type { Id } from 'wechat-sdk';

/** How an open timeline gets to a message; by its chat. */
export const jumpers = new Map<Id, (seq: number) => Promise<void>>();

export const jumpTo = (chat: Id, seq: number): void => void jumpers.get(chat)?.(seq);
