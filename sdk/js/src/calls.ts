/**
 * Voice and video calls: one at a time, as the server says that it stands. See docs/calls.md.
 *
 * The server decides who rings, who answers and when it is over; this negotiates the media between
 * the two devices, mends it when the network changes, and says every few seconds that it is there.
 * Both kinds of call carry a place for pictures, so that a camera goes on and off without a new
 * negotiation. The caller's device makes the offers.
 */

import type { Client } from './client.js';
import { ApiError } from './rest.js';
import type {
  Call, CallKind, CallReport, CandidateKind, Events, Failure, IceServer, Id, JoinedCall, SignalData,
} from './types.js';

/** Why there is no sound or picture to send. */
export type MediaError = 'insecure' | 'denied' | 'missing';

/** How well media gets through. */
export type Quality = 'good' | 'fair' | 'poor' | 'unknown';

const STATS_MS = 2_000;
const HEAL_MS = 1_000;

export class Calls {
  call: Call | null = null;
  local: MediaStream | null = null;
  remote: MediaStream | null = null;
  isMuted = false;
  hasCamera = false;
  /** What the other device sends. */
  peerMedia = { audio: true, video: false };
  quality: Quality = 'unknown';
  isReconnecting = false;
  mediaError: MediaError | null = null;
  /** Why a call did not begin: the server's words. */
  refused: string | null = null;

  private pc: RTCPeerConnection | null = null;
  private ice: IceServer[] = [];
  private epoch = 0;
  private sent = 0;
  private early: Events['call.signal'][] = [];
  private candidates: RTCIceCandidateInit[] = [];
  private beat: ReturnType<typeof setInterval> | undefined;
  private healing: ReturnType<typeof setInterval> | undefined;
  private watching: ReturnType<typeof setInterval> | undefined;
  private report: CallReport = {};
  private answered = 0;
  private lost = { packets: 0, received: 0 };

  constructor(private readonly client: Client) {}

  /** A call that is not over. */
  get isLive(): boolean {
    return !!this.call && this.call.state !== 'ended';
  }

  get rings(): boolean {
    return this.call?.state === 'ringing' && this.call.role === 'callee';
  }

  /** This device takes part in it. */
  get isHere(): boolean {
    return this.isLive && this.call?.on === 'this_device';
  }

  /** Calls somebody. Microphone and camera first: a call without them helps nobody. */
  async start(chat: Id, kind: CallKind): Promise<void> {
    this.refused = null;
    if (!(await this.getMedia(kind === 'video'))) return;
    try {
      this.joined(await this.client.ask<JoinedCall>('call.start', { chat, kind }));
    } catch (error) {
      this.stopMedia();
      this.refused = error instanceof Error ? error.message : String(error);
      this.touch();
    }
  }

  async accept(withCamera: boolean): Promise<void> {
    const { call } = this;
    if (!call || !this.rings || !(await this.getMedia(withCamera))) return;
    try {
      this.joined(await this.client.ask<JoinedCall>('call.accept', { call: call.id }));
    } catch {
      // Answered elsewhere or over: the event that says so is on its way.
      this.stopMedia();
    }
  }

  /** Ends it, whatever it is at the moment. */
  async leave(): Promise<void> {
    const { call } = this;
    if (!call || call.state === 'ended') return this.dismiss();
    const op = call.state !== 'ringing' ? 'hangup' : call.role === 'caller' ? 'cancel' : 'reject';
    try {
      const { call: now } = await this.client.ask<{ call: Call }>(`call.${op}`, { call: call.id });
      this.stands(now);
    } catch (error) {
      // Without a connection the server ends it by the silence; here it is over now.
      if (error instanceof ApiError && error.isOffline) this.hush();
      this.dismiss();
    }
  }

  /** Puts the end of a call, or an error, out of sight. */
  dismiss(): void {
    if (!this.isLive) this.call = null;
    this.mediaError = null;
    this.refused = null;
    this.touch();
  }

  mute(on: boolean): void {
    this.isMuted = on;
    for (const track of this.local?.getAudioTracks() ?? []) track.enabled = !on;
    this.tellMedia();
    this.touch();
  }

  async camera(on: boolean): Promise<void> {
    const { local } = this;
    if (!local) return;
    for (const track of local.getVideoTracks()) {
      track.stop();
      local.removeTrack(track);
    }
    if (on) {
      const more = await this.capture({ video: true });
      const track = more?.getVideoTracks()[0];
      if (track) local.addTrack(track);
    }
    const track = local.getVideoTracks()[0] ?? null;
    this.hasCamera = track !== null;
    await this.transceiver('video')?.sender.replaceTrack(track);
    this.tellMedia();
    this.touch();
  }

  /** How a call stands: events and replies come here; the higher version holds. */
  stands(call: Call): void {
    const before = this.call;
    if (before?.id === call.id && call.version < before.version) return;
    if (before && before.id !== call.id && this.isLive && call.state === 'ended') return;
    const rang = this.rings;
    this.call = call;
    if (this.rings && !rang) this.client.ask('call.alive', { call: call.id }).catch(() => undefined);
    if (call.state === 'ended') this.ended(before);
    else if (call.on === 'this_device') this.takePart(call);
    else if (before?.on === 'this_device') this.hush();
    this.touch();
  }

  /** A connection is live; right behind it the server tells of a live call. */
  live(): void {
    setTimeout(() => {
      if (!this.isHere || this.call?.state === 'ringing') return;
      if (!this.pc) void this.rejoin();
      else if (this.pc.connectionState !== 'connected') void this.restart(false);
    }, 100);
  }

  /** The connection is gone; media may flow all the same. */
  cut(): void {
    this.touch();
  }

  clear(): void {
    this.hush();
    this.call = null;
    this.touch();
  }

  async signalled(signal: Events['call.signal']): Promise<void> {
    if (signal.call !== this.call?.id || signal.epoch < this.epoch) return;
    if (signal.epoch > this.epoch || !this.pc) return void this.early.push(signal);
    const { description, candidate, media } = signal.data;
    try {
      if (media) this.peerMedia = media;
      if (description) await this.described(this.pc, description);
      else if (candidate && this.pc.remoteDescription) await this.pc.addIceCandidate(candidate);
      else if (candidate) this.candidates.push(candidate);
    } catch {
      // A signal of a negotiation that is over, or one that does not fit: healing begins a new one.
    }
    this.touch();
  }

  private joined({ call, ice_servers }: JoinedCall): void {
    if (ice_servers.length) this.ice = ice_servers;
    this.stands(call);
  }

  private takePart(call: Call): void {
    if (call.state === 'connecting' && !this.answered) this.answered = Date.now();
    if (call.state !== 'ringing' && call.epoch > this.epoch) void this.negotiate(call);
    this.beat ??= setInterval(() => this.alive(), call.alive_every_s * 1_000);
  }

  private ended(before: Call | null): void {
    this.hush();
    // Of a call that this device had no part in, its end is told by the chat alone.
    const seen = before?.id === this.call?.id && before?.on !== 'other_device';
    if (!seen || before?.role === 'callee' && before.state === 'ringing') this.call = null;
  }

  private hush(): void {
    clearInterval(this.beat);
    clearInterval(this.healing);
    clearInterval(this.watching);
    this.beat = this.healing = this.watching = undefined;
    this.pc?.close();
    this.pc = null;
    this.epoch = this.answered = 0;
    this.early = [];
    this.candidates = [];
    this.ice = [];
    this.report = {};
    this.remote = null;
    this.isReconnecting = false;
    this.quality = 'unknown';
    this.stopMedia();
  }

  private stopMedia(): void {
    for (const track of this.local?.getTracks() ?? []) track.stop();
    this.local = null;
    this.isMuted = this.hasCamera = false;
    this.peerMedia = { audio: true, video: false };
  }

  // ---- media ----

  private async getMedia(withCamera: boolean): Promise<boolean> {
    this.mediaError = null;
    this.local = await this.capture({ audio: true, video: withCamera });
    // No camera is no reason not to talk.
    if (!this.local && withCamera && this.mediaError === 'missing') {
      this.mediaError = null;
      this.local = await this.capture({ audio: true });
    }
    this.hasCamera = !!this.local?.getVideoTracks().length;
    this.touch();
    return this.local !== null;
  }

  private async capture(wanted: MediaStreamConstraints): Promise<MediaStream | null> {
    if (!navigator.mediaDevices) {
      this.mediaError = 'insecure';
      this.touch();
      return null;
    }
    try {
      return await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      const { name } = error as DOMException;
      this.mediaError = name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'missing';
      this.touch();
      return null;
    }
  }

  private tellMedia(): void {
    if (!this.pc) return;
    this.signal({ media: { audio: !this.isMuted, video: this.hasCamera } });
  }

  // ---- negotiation ----

  private async negotiate(call: Call): Promise<void> {
    this.epoch = call.epoch;
    this.candidates = [];
    const isRestart = this.pc !== null && !call.fresh;
    if (!isRestart) await this.connect(call);
    const { pc } = this;
    if (!pc) return;
    if (isRestart) pc.setConfiguration(this.configuration());
    if (call.role === 'caller') {
      if (isRestart) pc.restartIce();
      await this.describe(pc);
    }
    for (const signal of this.early.splice(0)) await this.signalled(signal);
  }

  private configuration(): RTCConfiguration {
    return { iceServers: this.ice.map(({ urls, username, credential }) => ({
      urls, ...(username ? { username } : {}), ...(credential ? { credential } : {}),
    })) };
  }

  private async connect(call: Call): Promise<void> {
    this.pc?.close();
    if (!this.ice.length) {
      const path = `/calls/${call.id}/ice`;
      const answer = await this.client.rest.get<{ ice_servers: IceServer[] }>(path).catch(() => null);
      this.ice = answer?.ice_servers ?? [];
    }
    if (!this.local && !(await this.getMedia(call.kind === 'video'))) return void this.giveUp();
    const pc = new RTCPeerConnection(this.configuration());
    this.pc = pc;
    this.remote = new MediaStream();
    pc.onicecandidate = ({ candidate }) => candidate && this.found(candidate);
    pc.ontrack = ({ track }) => {
      this.remote?.addTrack(track);
      this.touch();
    };
    pc.onconnectionstatechange = () => this.connectionMoved(pc);
    if (call.role === 'caller') {
      for (const kind of ['audio', 'video'] as const) {
        const track = this.local?.getTracks().find((one) => one.kind === kind);
        const streams = this.local ? [this.local] : [];
        pc.addTransceiver(track ?? kind, { direction: 'sendrecv', streams });
      }
    }
  }

  private async describe(pc: RTCPeerConnection): Promise<void> {
    await pc.setLocalDescription();
    if (pc.localDescription) this.signal({ description: pc.localDescription.toJSON() as RTCSessionDescriptionInit });
    this.tellMedia();
  }

  private async described(pc: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<void> {
    await pc.setRemoteDescription(description);
    for (const candidate of this.candidates.splice(0)) await pc.addIceCandidate(candidate);
    if (description.type !== 'offer') return;
    for (const one of pc.getTransceivers()) {
      one.direction = 'sendrecv';
      const track = this.local?.getTracks().find(({ kind }) => kind === one.receiver.track.kind);
      await one.sender.replaceTrack(track ?? null);
    }
    await this.describe(pc);
  }

  private transceiver(kind: string): RTCRtpTransceiver | undefined {
    return this.pc?.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
  }

  private found(candidate: RTCIceCandidate): void {
    if (candidate.type === 'host') this.report.gathered_host = true;
    if (candidate.type === 'srflx') this.report.gathered_srflx = true;
    if (candidate.type === 'relay') this.report.gathered_relay = true;
    this.signal({ candidate: candidate.toJSON() });
  }

  private signal(data: SignalData): void {
    const { call, epoch } = this;
    if (!call) return;
    this.client.ask('call.signal', { call: call.id, epoch, seq: ++this.sent, data })
      .catch(() => undefined);
  }

  // ---- staying connected ----

  private connectionMoved(pc: RTCPeerConnection): void {
    if (pc !== this.pc) return;
    const { connectionState } = pc;
    clearInterval(this.healing);
    this.healing = undefined;
    this.isReconnecting = connectionState === 'disconnected' || connectionState === 'failed';
    if (connectionState === 'connected') this.connected();
    // A browser does not heal by itself: try anew as long as it is disconnected.
    if (this.isReconnecting) {
      void this.restart(false);
      this.healing = setInterval(() => void this.restart(false), HEAL_MS);
    }
    this.touch();
  }

  private connected(): void {
    this.alive();
    this.tellMedia();
    this.watching ??= setInterval(() => void this.watch(), STATS_MS);
    void this.watch();
  }

  private alive(): void {
    const { call } = this;
    if (!call || !this.isLive) return;
    const connected = this.pc?.connectionState === 'connected';
    this.client.ask<{ call: Call }>('call.alive', { call: call.id, connected }).then(
      (reply) => this.stands(reply.call),
      () => undefined,
    );
  }

  private async rejoin(): Promise<void> {
    if (await this.getMedia(this.call?.kind === 'video')) await this.restart(true);
    else this.giveUp();
  }

  private async restart(fresh: boolean): Promise<void> {
    const { call } = this;
    if (!call || !this.isLive) return;
    const what = { call: call.id, epoch: call.epoch, fresh };
    await this.client.ask<JoinedCall>('call.restart', what).then(
      (joined) => this.joined(joined),
      () => undefined,
    );
  }

  private giveUp(): void {
    const { call } = this;
    if (!call) return;
    const failure: Failure = this.mediaError === 'missing' ? 'media_missing' : 'media_denied';
    this.client.ask('call.report', { call: call.id, report: { failure } }).catch(() => undefined);
    this.client.ask<{ call: Call }>('call.hangup', { call: call.id, failed: true }).then(
      (reply) => this.stands(reply.call),
      () => undefined,
    );
  }

  /** Looks at the statistics: how well media gets through, and which way. */
  private async watch(): Promise<void> {
    const { pc, call } = this;
    if (!pc || !call) return;
    const stats = await pc.getStats();
    const all = [...stats.values()] as Stat[];
    const inbound = all.filter((one) => one.type === 'inbound-rtp');
    const sum = (name: 'packetsLost' | 'packetsReceived'): number =>
      inbound.reduce((total, one) => total + (one[name] ?? 0), 0);
    const now = { packets: sum('packetsLost'), received: sum('packetsReceived') };
    const lost = now.packets - this.lost.packets;
    const share = lost / Math.max(1, lost + now.received - this.lost.received);
    this.lost = now;
    const transport = all.find((one) => one.type === 'transport');
    const pair = all.find((one) => one.id === transport?.selectedCandidatePairId);
    const trip = pair?.currentRoundTripTime ?? 0;
    const before = this.quality;
    this.quality = share > 0.08 || trip > 0.6 ? 'poor' : share > 0.02 || trip > 0.3 ? 'fair' : 'good';
    if (pair && this.report.setup_ms === undefined) this.tellWay(call, all, pair);
    if (before !== this.quality) this.touch();
  }

  private tellWay(call: Call, all: Stat[], pair: Stat): void {
    const kind = (id: string | undefined): Stat | undefined => all.find((one) => one.id === id);
    const local = kind(pair.localCandidateId);
    const remote = kind(pair.remoteCandidateId);
    this.report.setup_ms = Math.max(0, Date.now() - (this.answered || Date.now()));
    if (local?.candidateType) this.report.local = local.candidateType;
    if (remote?.candidateType) this.report.remote = remote.candidateType;
    if (local?.candidateType === 'relay' && local.relayProtocol) this.report.relay_over = local.relayProtocol;
    this.client.ask('call.report', { call: call.id, report: this.report }).catch(() => undefined);
  }

  private touch(): void {
    this.client.changes.touch('call');
  }
}

/** The fields of statistics that are read here. */
interface Stat {
  id: string;
  type: string;
  packetsLost?: number;
  packetsReceived?: number;
  selectedCandidatePairId?: string;
  currentRoundTripTime?: number;
  localCandidateId?: string;
  remoteCandidateId?: string;
  candidateType?: CandidateKind;
  relayProtocol?: 'udp' | 'tcp' | 'tls';
}
