/** The calls that were. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Call, CallPage } from 'wechat-sdk';

import { brief, duration } from './format.js';
import { t } from './i18n.js';
import { attempt, back, client, watch } from './state.js';
import { Avatar, Empty, Icon, IconButton, Spinner } from './ui.js';

export function CallHistory(): JSX.Element {
  watch('call');
  const calls = useSignal<Call[] | null>(null);
  const next = useSignal<string | null>(null);
  const load = async (before?: string): Promise<void> => {
    const page = await attempt(client.rest.get<CallPage>('/calls', { before, limit: 50 }));
    if (!page) return;
    calls.value = [...(before ? calls.peek() ?? [] : []), ...page.calls];
    next.value = page.next ?? null;
  };
  const isLive = client.calls.isLive;
  useEffect(() => { void load(); }, [isLive]);
  return (
    <section class="pane list-pane" aria-label={t('calls')}>
      <header class="bar">
        <IconButton icon="arrow-left" label={t('back')} class="flip" onClick={() => back()} />
        <h1 class="grow">{t('calls')}</h1>
      </header>
      <div class="scroll">
        {!calls.value && <div class="empty"><Spinner /></div>}
        {calls.value?.length === 0 && (
          <Empty icon="phone" title={t('calls.none')} text={t('calls.none.hint')} />
        )}
        {calls.value?.map((call) => <CallRow key={call.id} call={call} />)}
        {next.value && (
          <button type="button" class="row-button"
            onClick={() => void load(next.value ?? undefined)}>
            {t('more')}
          </button>
        )}
      </div>
    </section>
  );
}

function CallRow({ call }: { call: Call }): JSX.Element {
  const isMissed = call.role === 'callee' && call.duration_s == null && call.state === 'ended'
    && call.reason !== 'rejected';
  const icon =
    isMissed ? 'phone-missed' : call.role === 'caller' ? 'phone-outgoing' : 'phone-incoming';
  const kind = t(call.kind === 'video' ? 'call.video' : 'call.voice');
  const words = call.duration_s != null ? `${kind}, ${duration(call.duration_s)}`
    : isMissed ? t('call.missed', { kind }) : t('call.unanswered', { kind });
  return (
    <div class="chat-row call-row">
      <a class="call-row-main" href={`#/chat/${call.chat}`}>
        <Avatar id={call.peer.user} name={call.peer.name} />
        <span class="chat-text">
          <span class="chat-line">
            <span class="chat-name" dir="auto">{call.peer.name}</span>
            <time class="chat-time">{brief(call.started)}</time>
          </span>
          <span class={`chat-last ${isMissed ? 'missed' : ''}`}>
            <Icon name={icon} /> <bdi>{words}</bdi>
          </span>
        </span>
      </a>
      <IconButton icon={call.kind === 'video' ? 'video' : 'phone'} label={t('call.again')}
        onClick={() => client.startCall(call.chat, call.kind)} />
    </div>
  );
}
