/** The screen of a call: it rings, connects, talks, ends. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Call, EndReason } from 'wechat-sdk';

import { duration } from './format.js';
import { t } from './i18n.js';
import { ring, silence } from './sounds.js';
import { client, watch } from './state.js';
import { Avatar, Dialog, Icon, IconButton } from './ui.js';

export function CallLayer(): JSX.Element | null {
  watch('call');
  const { calls } = client;
  const { call } = calls;
  const ringing = calls.rings ? 'in' : call?.state === 'ringing' && calls.isHere ? 'out' : null;
  useEffect(() => {
    if (!ringing) return undefined;
    ring(ringing);
    return silence;
  }, [ringing]);
  if (calls.mediaError || calls.refused) return <CallProblem />;
  if (!call) return null;
  if (call.state === 'ended') return <Ended call={call} />;
  if (calls.rings) return <Incoming call={call} />;
  if (calls.isHere) return <InCall call={call} />;
  return call.on === 'other_device' ? <Elsewhere call={call} /> : null;
}

/** No microphone, no secure context, or the server said no: what is wrong and what helps. */
function CallProblem(): JSX.Element {
  watch('call');
  const { mediaError, refused } = client.calls;
  const close = (): void => {
    client.calls.dismiss();
    if (client.calls.rings) void client.calls.leave();
  };
  const secure = `https://${location.host}`;
  return (
    <Dialog title={t('call.problem')} onClose={close} class="confirm">
      <p>{mediaError ? t(`call.${mediaError}`, { secure }) : refused}</p>
      <div class="buttons">
        <button type="button" class="button primary" onClick={close}>{t('close')}</button>
      </div>
    </Dialog>
  );
}

function Peer({ call, words }: { call: Call; words: string }): JSX.Element {
  return (
    <div class="call-peer">
      <span class={call.state === 'ringing' ? 'pulse' : ''}>
        <Avatar id={call.peer.user} name={call.peer.name} size="xl" />
      </span>
      <h2 dir="auto">{call.peer.name}</h2>
      <p aria-live="polite">{words}</p>
    </div>
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
  return (
    <dialog ref={ref} class="call incoming" aria-label={t('call.incoming', { name: call.peer.name })}
      onCancel={(event) => event.preventDefault()}>
      <Peer call={call} words={t(isVideo ? 'call.incoming_video' : 'call.incoming_voice')} />
      <div class="call-buttons">
        <RoundButton icon="phone-off" label={t('call.reject')} kind="hang" onClick={() => void calls.leave()} />
        {isVideo && (
          <RoundButton icon="phone" label={t('call.accept_voice')} kind="take"
            onClick={() => void calls.accept(false)} />
        )}
        <RoundButton icon={isVideo ? 'video' : 'phone'} label={t('call.accept')} kind="take"
          onClick={() => void calls.accept(isVideo)} />
      </div>
    </dialog>
  );
}

function Elsewhere({ call }: { call: Call }): JSX.Element {
  return (
    <div class="call-strip" role="status">
      <Icon name="phone" />
      <span class="grow">{t('call.elsewhere', { name: call.peer.name })}</span>
      <button type="button" class="button small danger" onClick={() => void client.calls.leave()}>
        {t('call.hang_up')}
      </button>
    </div>
  );
}

const REASONS: Record<EndReason, 'call.end.cancelled' | 'call.end.rejected' | 'call.end.missed'
  | 'call.end.unreachable' | 'call.end.busy' | 'call.end.hangup' | 'call.end.lost' | 'call.end.failed'> = {
  cancelled: 'call.end.cancelled', rejected: 'call.end.rejected', missed: 'call.end.missed',
  unreachable: 'call.end.unreachable', busy: 'call.end.busy', hangup: 'call.end.hangup',
  lost: 'call.end.lost', failed: 'call.end.failed',
};

function Ended({ call }: { call: Call }): JSX.Element {
  useEffect(() => {
    const timer = setTimeout(() => client.calls.dismiss(), call.reason === 'failed' ? 6_000 : 2_500);
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
  const picture = async (): Promise<void> => {
    await remote.current?.requestPictureInPicture?.().catch(() => undefined);
  };
  return (
    <section class={`call live ${isSmall.value ? 'small' : ''} ${hasPicture ? 'pictured' : ''}`}
      aria-label={t('call.with', { name: call.peer.name })}>
      <audio ref={sound} autoplay />
      <video ref={remote} class="call-remote" autoplay playsInline muted hidden={!hasPicture} />
      {!hasPicture && <Peer call={call} words="" />}
      <video ref={local} class="call-local" autoplay playsInline muted hidden={!calls.hasCamera} />
      <header class="call-head">
        <IconButton icon={isSmall.value ? 'maximize-2' : 'minimize-2'} onClick={() => { isSmall.value = !isSmall.value; }}
          label={t(isSmall.value ? 'call.larger' : 'call.smaller')} />
        <span class="grow">
          <bdi class="chat-name">{call.peer.name}</bdi>
          <Status call={call} />
        </span>
        {call.state === 'active' && <Bars />}
      </header>
      <div class="call-buttons">
        <RoundButton icon={calls.isMuted ? 'mic-off' : 'mic'} kind={calls.isMuted ? 'off' : ''}
          label={t(calls.isMuted ? 'call.unmute' : 'call.mute')} onClick={() => calls.mute(!calls.isMuted)} />
        <RoundButton icon={calls.hasCamera ? 'video' : 'video-off'} kind={calls.hasCamera ? '' : 'off'}
          label={t(calls.hasCamera ? 'call.camera_off' : 'call.camera_on')}
          onClick={() => void calls.camera(!calls.hasCamera)} />
        {hasPicture && document.pictureInPictureEnabled && (
          <RoundButton icon="picture-in-picture-2" label={t('call.pip')} onClick={() => void picture()} />
        )}
        <Speakers sound={sound} />
        <RoundButton icon="phone-off" label={t('call.hang_up')} kind="hang" onClick={() => void calls.leave()} />
      </div>
    </section>
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
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => { now.value = Date.now(); }, 1_000);
    return () => clearInterval(timer);
  }, []);
  const { calls } = client;
  const isBroken = calls.isReconnecting || call.peer.reconnecting || client.connection !== 'live';
  if (call.state === 'ringing') return <small role="status">{t(call.rings ? 'call.rings' : 'call.calling')}</small>;
  if (call.state === 'connecting') return <small role="status">{t('call.connecting')}</small>;
  if (isBroken) return <small role="status" class="warn">{t('call.reconnecting')}</small>;
  const seconds = Math.max(0, (now.value - Date.parse(call.since ?? call.started)) / 1_000);
  return <small><time>{duration(seconds)}</time>{!calls.peerMedia.audio && ` · ${t('call.peer_muted')}`}</small>;
}

function Bars(): JSX.Element {
  watch('call');
  const { quality } = client.calls;
  const label = t(`call.quality.${quality}`);
  return <span class={`bars ${quality}`} role="img" aria-label={label} title={label}><i /><i /><i /></span>;
}

type Sink = HTMLMediaElement & { setSinkId?: (id: string) => Promise<void> };

/** Where the sound comes out, when there is a choice. */
function Speakers({ sound }: { sound: { current: HTMLAudioElement | null } }): JSX.Element | null {
  const outputs = useSignal<MediaDeviceInfo[]>([]);
  const chosen = useSignal('');
  const asked = useSignal(false);
  useEffect(() => {
    if (!('setSinkId' in HTMLMediaElement.prototype)) return;
    void navigator.mediaDevices?.enumerateDevices().then((devices) => {
      outputs.value = devices.filter(({ kind, label }) => kind === 'audiooutput' && label);
    });
  }, []);
  if (outputs.value.length < 2) return null;
  const choose = async (id: string): Promise<void> => {
    asked.value = false;
    chosen.value = id;
    await (sound.current as Sink | null)?.setSinkId?.(id).catch(() => undefined);
  };
  return (
    <>
      <RoundButton icon="volume-2" label={t('call.speaker')} onClick={() => { asked.value = true; }} />
      {asked.value && (
        <Dialog title={t('call.speaker')} onClose={() => { asked.value = false; }}>
          {outputs.value.map(({ deviceId, label }) => (
            <button type="button" class="row-button" key={deviceId} aria-pressed={chosen.value === deviceId}
              onClick={() => void choose(deviceId)}>
              <Icon name="volume-2" /><span>{label}</span>
            </button>
          ))}
        </Dialog>
      )}
    </>
  );
}
