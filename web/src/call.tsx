/** The screen of a call: it rings, connects, talks, ends. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Call, EndReason, Id } from 'wechat-sdk';

import { Devices } from './call_devices.js';
import { CallProblem } from './call_problem.js';
import { duration } from './format.js';
import { t } from './i18n.js';
import { chatName, myId } from './names.js';
import { ring, silence } from './sounds.js';
import { client, watch } from './state.js';
import type { Key } from './texts/en.js';
import { Avatar, Icon, IconButton } from './ui.js';

export function CallLayer(): JSX.Element | null {
  watch('call');
  const { calls } = client;
  const { call, problem } = calls;
  const ringing = calls.rings ? 'in' : call?.state === 'ringing' && calls.isHere ? 'out' : null;
  useEffect(() => {
    if (!ringing) return undefined;
    ring(ringing);
    return silence;
  }, [ringing]);
  return (
    <>
      <CallScreen />
      {problem && <CallProblem problem={problem} />}
    </>
  );
}

function CallScreen(): JSX.Element | null {
  watch('call');
  const { calls } = client;
  const { call, calling } = calls;
  if (call && calls.rings) return <Incoming call={call} key={call.id} />;
  if (calling) return <Starting chat={calling.chat} />;
  if (!call) return null;
  if (call.state === 'ended') return <Ended call={call} key={call.id} />;
  return calls.isHere ? <InCall call={call} /> : <Elsewhere call={call} />;
}

function Peer({ user, name, words, isRinging }: {
  user: Id; name: string; words: string; isRinging: boolean;
}): JSX.Element {
  return (
    <div class="call-peer">
      <span class={isRinging ? 'pulse' : ''}>
        <Avatar id={user} name={name} size="xl" />
      </span>
      <h2 dir="auto">{name}</h2>
      <p aria-live="polite">{words}</p>
    </div>
  );
}

/** From the press until the browser gave the microphone and the server has answered. */
function Starting({ chat }: { chat: Id }): JSX.Element {
  watch('chats', 'users');
  const state = client.store.chats.get(chat);
  const name = state ? chatName(state) : '';
  return (
    <section class="call live" aria-label={t('call.with', { name })}>
      <Peer user={state?.peer(myId()) ?? chat} name={name} words={t('call.calling')} isRinging />
      <div class="call-buttons"><HangUp /></div>
    </section>
  );
}

function HangUp(): JSX.Element {
  return (
    <RoundButton icon="phone-off" label={t('call.hang_up')} kind="hang"
      onClick={() => client.calls.leave()} />
  );
}

function RoundButton({ icon, label, onClick, kind = '' }: {
  icon: string; label: string; onClick: () => void; kind?: string;
}): JSX.Element {
  return (
    <div class="round">
      <IconButton icon={icon} label={label} class={kind} onClick={onClick} />
      <span aria-hidden="true">{label}</span>
    </div>
  );
}

function Incoming({ call }: { call: Call }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  const isVideo = call.kind === 'video';
  const { calls } = client;
  const words = calls.isAnswering ? t('call.connecting')
    : t(isVideo ? 'call.incoming_video' : 'call.incoming_voice');
  return (
    <dialog ref={ref} class="call incoming"
      aria-label={t('call.incoming', { name: call.peer.name })}
      onCancel={(event) => event.preventDefault()}>
      <Peer user={call.peer.user} name={call.peer.name} isRinging words={words} />
      <div class="call-buttons">
        <RoundButton icon="phone-off" label={t('call.reject')} kind="hang"
          onClick={() => calls.leave()} />
        {isVideo && (
          <RoundButton icon="phone" label={t('call.accept_voice')} kind="take"
            onClick={() => calls.accept(false)} />
        )}
        <RoundButton icon={isVideo ? 'video' : 'phone'} label={t('call.accept')} kind="take"
          onClick={() => calls.accept(isVideo)} />
      </div>
    </dialog>
  );
}

function Elsewhere({ call }: { call: Call }): JSX.Element {
  return (
    <div class="call-strip" role="status">
      <Icon name="phone" />
      <span class="grow">{t('call.elsewhere', { name: call.peer.name })}</span>
      <button type="button" class="button small danger" onClick={() => client.calls.leave()}>
        {t('call.hang_up')}
      </button>
    </div>
  );
}

const REASONS: Record<EndReason, Extract<Key, `call.end.${string}`>> = {
  cancelled: 'call.end.cancelled', rejected: 'call.end.rejected', missed: 'call.end.missed',
  unreachable: 'call.end.unreachable', busy: 'call.end.busy', hangup: 'call.end.hangup',
  lost: 'call.end.lost', failed: 'call.end.failed',
};

function Ended({ call }: { call: Call }): JSX.Element {
  useEffect(() => {
    const timer =
      setTimeout(() => client.calls.dismiss(), call.reason === 'failed' ? 6_000 : 2_500);
    return () => clearTimeout(timer);
  }, []);
  const words = t(REASONS[call.reason ?? 'hangup']);
  const talked = call.duration_s ? ` · ${duration(call.duration_s)}` : '';
  return (
    <div class="call-strip" role="status">
      <Icon name="phone-off" />
      <span class="grow"><bdi>{call.peer.name}</bdi>: {words}{talked}</span>
      <IconButton icon="x" label={t('close')} onClick={() => client.calls.dismiss()} />
    </div>
  );
}

function InCall({ call }: { call: Call }): JSX.Element {
  watch('call');
  const { calls } = client;
  const isSmall = useSignal(false);
  const remote = useRef<HTMLVideoElement>(null);
  const sound = useRef<HTMLAudioElement>(null);
  const local = useRef<HTMLVideoElement>(null);
  const hasPicture = calls.peerMedia.video && call.state === 'active';
  useEffect(() => {
    attach(remote.current, calls.remote);
    attach(sound.current, calls.remote);
    attach(local.current, calls.local);
  });
  // A call button leads back to the call.
  useEffect(() => { isSmall.value = false; }, [calls.shown]);
  const { name, user } = call.peer;
  return (
    <section class={`call live ${isSmall.value ? 'small' : ''} ${hasPicture ? 'pictured' : ''}`}
      aria-label={t('call.with', { name })}>
      <audio ref={sound} autoplay />
      <video ref={remote} class="call-remote" autoplay playsInline muted hidden={!hasPicture} />
      {!hasPicture && (
        <Peer user={user} name={name} words="" isRinging={call.state === 'ringing'} />
      )}
      <video ref={local} class="call-local" autoplay playsInline muted hidden={!calls.hasCamera} />
      <header class="call-head">
        <IconButton icon={isSmall.value ? 'maximize-2' : 'minimize-2'}
          onClick={() => { isSmall.value = !isSmall.value; }}
          label={t(isSmall.value ? 'call.larger' : 'call.smaller')} />
        <span class="grow">
          <bdi class="chat-name">{name}</bdi>
          <Status call={call} />
        </span>
        {call.state === 'active' && <Bars />}
      </header>
      <div class="call-buttons">
        <Microphone />
        <RoundButton icon={calls.hasCamera ? 'video' : 'video-off'}
          kind={calls.hasCamera ? '' : 'off'}
          label={t(calls.hasCamera ? 'call.camera_off' : 'call.camera_on')}
          onClick={() => calls.camera(!calls.hasCamera)} />
        {hasPicture && document.pictureInPictureEnabled && <Float video={remote} />}
        <Devices sound={sound} button={(open) => (
          <RoundButton icon="sliders-horizontal" label={t('call.devices')} kind="choice"
            onClick={open} />
        )} />
        <HangUp />
      </div>
    </section>
  );
}

function Microphone(): JSX.Element {
  watch('call');
  const { calls } = client;
  // Who only listens asks for the microphone by the same button.
  const isOff = calls.isMuted || !calls.hasMicrophone;
  const label = t(calls.isMuted ? 'call.unmute' : isOff ? 'call.no_mic' : 'call.mute');
  return (
    <RoundButton icon={isOff ? 'mic-off' : 'mic'} kind={isOff ? 'off' : ''} label={label}
      onClick={() => calls.mute(!isOff)} />
  );
}

function Float({ video }: { video: { current: HTMLVideoElement | null } }): JSX.Element {
  const float = (): void => void video.current?.requestPictureInPicture().catch(() => undefined);
  return (
    <RoundButton icon="picture-in-picture-2" label={t('call.pip')} kind="choice" onClick={float} />
  );
}

function attach(element: HTMLMediaElement | null, stream: MediaStream | null): void {
  if (!element || element.srcObject === stream) return;
  element.srcObject = stream;
  element.play().catch(() => undefined);
}

/** Words while it is on its way, the time while they talk. */
function Status({ call }: { call: Call }): JSX.Element {
  watch('call', 'connection');
  const now = useSignal(client.now());
  useEffect(() => {
    const timer = setInterval(() => { now.value = client.now(); }, 1_000);
    return () => clearInterval(timer);
  }, []);
  const { calls } = client;
  const isBroken = calls.isReconnecting || call.peer.reconnecting || client.connection !== 'live';
  if (call.state === 'ringing') {
    return <small role="status">{t(call.rings ? 'call.rings' : 'call.calling')}</small>;
  }
  if (call.state === 'connecting') return <small role="status">{t('call.connecting')}</small>;
  if (isBroken) return <small role="status" class="warn">{t('call.reconnecting')}</small>;
  const seconds = Math.max(0, (now.value - Date.parse(call.since ?? call.started)) / 1_000);
  const muted = calls.peerMedia.audio ? '' : ` · ${t('call.peer_muted')}`;
  return <small><time>{duration(seconds)}</time>{muted}</small>;
}

function Bars(): JSX.Element {
  watch('call');
  const { quality } = client.calls;
  const label = t(`call.quality.${quality}`);
  return (
    <span class={`bars ${quality}`} role="img" aria-label={label} title={label}>
      <i /><i /><i />
    </span>
  );
}
