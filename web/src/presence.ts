/** Who is there: asks about the people on screen, and says it in words. */

import type { Id } from 'wechat-sdk';

import { brief, clock, isSameDay } from './format.js';
import { t } from './i18n.js';
import { client, watch } from './state.js';

const shown = new Map<string, readonly Id[]>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Names the people that a part of the page shows; nobody when it is gone. */
export function showPeople(part: string, people: readonly Id[]): void {
  shown.set(part, people);
  timer ??= setTimeout(() => {
    timer = undefined;
    client.watchPresence([...shown.values()].flat());
  }, 400);
}

export function isOnline(id: Id | null): boolean {
  watch('presence', 'connection');
  return id !== null && client.isSynced && !!client.store.presence.get(id)?.online;
}

export function presenceText(id: Id | null): string {
  watch('presence', 'connection');
  const standing = id === null || !client.isSynced ? undefined : client.store.presence.get(id);
  if (!standing) return '';
  if (standing.online) return t('presence.online');
  if (!standing.last_seen) return '';
  const when = isSameDay(
    standing.last_seen, Date.now(),
  ) ? clock(standing.last_seen) : brief(standing.last_seen);
  return t('presence.seen', { when });
}
