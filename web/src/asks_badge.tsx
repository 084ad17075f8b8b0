/** Who waits to be let into a group, as a number beside its name; apart, as each list shows it. */

import type { JSX } from 'preact';

import { t } from './i18n.js';
import { client, watch } from './state.js';
import { Icon } from './ui.js';

/** How many wait to be let in, for those who may let them. */
export function AsksBadge({ chat }: { chat: string }): JSX.Element | null {
  watch(`chat:${chat}`);
  const n = client.joining.waiting(chat);
  if (!n) return null;
  return (
    <span class="badge asks"><Icon name="user-plus" label={t('join.requests', { n })} />{n}</span>
  );
}
