/** How far a message of one's own has come. */

import type { JSX } from 'preact';
import type { ChatState, Message } from 'wechat-sdk';

import { t } from './i18n.js';
import { Icon } from './ui.js';

export type Standing = 'sending' | 'failed' | 'sent' | 'delivered' | 'read';

/** In a group a message counts as read when everybody has read it. */
export function standing(state: ChatState, row: Message): Standing {
  const others = Math.max(1, state.chat.member_count - 1);
  let [delivered, read] = [0, 0];
  for (const cursor of state.cursors.values()) {
    if (cursor.read >= row.seq) read += 1;
    if (cursor.delivered >= row.seq) delivered += 1;
  }
  if (read >= others) return 'read';
  return delivered >= others || read > 0 ? 'delivered' : 'sent';
}

const ICONS: Record<Standing, string> = {
  sending: 'clock', failed: 'circle-alert', sent: 'check', delivered: 'check-check',
  read: 'check-check',
};

export function Ticks({ state }: { state: Standing }): JSX.Element {
  return (
    <span class={`ticks ${state}`}><Icon name={ICONS[state]} label={t(`state.${state}`)} /></span>
  );
}
