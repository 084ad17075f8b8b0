/** Where one cannot write in a group at the moment: why, until when, and how long still. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ChatState } from 'wechat-sdk';

import { Composer } from './composer.js';
import { full } from './format.js';
import { t } from './i18n.js';
import { myId } from './names.js';
import { attempt, client, watch } from './state.js';
import { Icon, IconButton } from './ui.js';

/** The composer, or why there is none. */
export function Speaking({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`);
  const silent = useLeft(() => silentUntil(state));
  if (silent > 0) {
    return (
      <p class="composer-off" role="status">
        {t('hush.silent', { until: full(state.member.silent_until ?? 0) })}
      </p>
    );
  }
  const { rules } = state.chat;
  if (rules?.write === 'admins' && state.member.role === 'member') {
    return <p class="composer-off" role="status">{t('hush.admins')}</p>;
  }
  return (
    <>
      {!!rules?.slow && state.member.role === 'member' && <Slow state={state} />}
      <Composer state={state} />
    </>
  );
}

/** What is sent before that waits by itself, so nothing is disabled. */
function Slow({ state }: { state: ChatState }): JSX.Element {
  watch(`rows:${state.id}`);
  const left = useLeft(() => nextAt(state));
  const slow = state.chat.rules?.slow ?? 0;
  return (
    <p class="slow-note">
      <Icon name="hourglass" />
      {left > 0 ? t('hush.slow.left', { n: left }) : t('hush.slow', { n: slow })}
    </p>
  );
}

function silentUntil({ member }: ChatState): number {
  return member.role === 'owner' || !member.silent_until ? 0 : Date.parse(member.silent_until);
}

/** When the next message is welcome: so long after the latest that one wrote or caused. */
function nextAt(state: ChatState): number {
  const mine = state.messages.findLast((row) => row.from === myId());
  return mine ? Date.parse(mine.sent) + (state.chat.rules?.slow ?? 0) * 1_000 : 0;
}

/** How many seconds are left until a moment of the server's clock; it counts down by itself. */
function useLeft(until: () => number): number {
  const tick = useSignal(0);
  const left = Math.ceil((until() - client.now()) / 1_000);
  const isOn = left > 0 && tick.value >= 0;
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => { tick.value += 1; }, 1_000);
    return () => clearInterval(timer);
  }, [isOn]);
  return Math.max(0, left);
}

/** What the group says to everybody, until this person puts it away on one of their devices. */
export function Announcement({ state }: { state: ChatState }): JSX.Element | null {
  watch(`chat:${state.id}`);
  const isOpen = useSignal(false);
  const { announcement } = state.chat;
  const seen = state.member.announcement_seen ?? 0;
  if (!announcement || announcement.seq <= seen) return null;
  const putAway = (): void => {
    void attempt(client.setChat(state.id, { announcement_seen: announcement.seq }));
  };
  return (
    <div class="announcement" role="note" aria-label={t('announcement')}>
      <Icon name="megaphone" />
      <button type="button" class={`announcement-text ${isOpen.value ? 'open' : ''}`} dir="auto"
        aria-expanded={isOpen.value} onClick={() => { isOpen.value = !isOpen.value; }}>
        {announcement.text}
      </button>
      <IconButton icon="x" label={t('announcement.away')} onClick={putAway} />
    </div>
  );
}
