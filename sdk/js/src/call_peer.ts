/**
 * The connection to the other device: negotiates, sends and receives, and says how it goes. When
 * to negotiate again, `call_healing` decides. Loaded with the first call. See docs/calls.md.
 *
 * Steps are taken one after the other: an offer must not be answered while a negotiation still
 * fetches its servers. Both kinds of call carry a place for pictures, so that a camera goes on and
 * off without a new negotiation. The caller's device makes the offers.
 */

import type { Call, CallReport, CandidateKind, Events, IceServer, SignalData } from './types.js';

/** How well media gets through. */
export type Quality = 'good' | 'fair' | 'poor' | 'unknown';

/** Signals kept of negotiations that this page has not begun. */
const EARLY = 200;

export interface PeerListener {
  signal(epoch: number, data: SignalData): void;
  /** STUN and TURN servers with credentials that are good now. */
  servers(call: Call): Promise<IceServer[]>;
  /** The state of the connection, or what comes in, changed. */
  moved(): void;
}

export class Peer {
  readonly remote = new MediaStream();
  /** What the other device says to send; a client that says nothing sends what it sends. */
  told: { audio?: boolean; video?: boolean } = {};
  quality: Quality = 'unknown';
  /** Bytes that came in, of this negotiation's transport. */
  bytes = 0;
  readonly report: CallReport = {};

  private pc: RTCPeerConnection | null = null;
  private epoch = 0;
  private early: Events['call.signal'][] = [];
  private candidates: RTCIceCandidateInit[] = [];
  private mic: MediaStreamTrack | null = null;
  private cam: MediaStreamTrack | null = null;
  private isMuted = false;
  private isClosed = false;
  private work = Promise.resolve();
  private lost = { packets: 0, received: 0 };

  constructor(private readonly listener: PeerListener) {}

  get state(): RTCPeerConnectionState | 'none' {
    return this.pc?.connectionState ?? 'none';
  }

  /** The other device's pictures, while there are any to see. */
  get hasPicture(): boolean {
    if (this.told.video !== undefined) return this.told.video;
    return this.remote.getVideoTracks()
      .some(({ muted, readyState }) => !muted && readyState === 'live');
  }

  /** Takes part in a negotiation: that of the call's present epoch. */
  negotiate(call: Call): void {
    this.inTurn(() => this.begin(call));
  }

  signalled(signal: Events['call.signal']): void {
    this.inTurn(() => this.heard(signal));
  }

  /** What is sent from now on; a place for each is there all the time. */
  send(mic: MediaStreamTrack | null, cam: MediaStreamTrack | null, isMuted: boolean): void {
    Object.assign(this, { mic, cam, isMuted });
    // At once, whatever the connection is busy with, and on what is sent.
    for (const { track } of this.pc?.getSenders() ?? []) {
      if (track?.kind === 'audio') track.enabled = !isMuted;
    }
    void this.put();
    this.tellMedia();
  }

  close(): void {
    this.isClosed = true;
    this.pc?.close();
    this.pc = null;
  }

  private inTurn(step: () => Promise<void>): void {
    // A step of a negotiation that is over, or a signal that does not fit: healing begins a new
    // one.
    this.work = this.work.then(() => this.isClosed ? undefined : step()).catch(() => undefined);
  }

  private async begin(call: Call): Promise<void> {
    if (call.epoch <= this.epoch) return;
    const configuration = configured(await this.listener.servers(call));
    if (this.isClosed) return;
    this.epoch = call.epoch;
    this.candidates = [];
    const isNew = this.pc === null || !!call.fresh;
    if (isNew) this.connect(configuration, call.role === 'caller');
    const { pc } = this;
    if (!pc) return;
    if (!isNew) pc.setConfiguration(configuration);
    if (call.role === 'caller') {
      if (pc.signalingState === 'have-local-offer') {
        await pc.setLocalDescription({ type: 'rollback' });
      }
      if (!isNew) pc.restartIce();
      await this.describe(pc);
    }
    for (const signal of this.early.splice(0)) await this.heard(signal);
    this.listener.moved();
  }

  private connect(configuration: RTCConfiguration, isCaller: boolean): void {
    this.pc?.close();
    const pc = new RTCPeerConnection(configuration);
    this.pc = pc;
    this.bytes = 0;
    this.lost = { packets: 0, received: 0 };
    for (const track of this.remote.getTracks()) this.remote.removeTrack(track);
    pc.onicecandidate = ({ candidate }) => candidate && this.found(candidate);
    pc.ontrack = ({ track }) => this.comes(track);
    pc.onconnectionstatechange = () => {
      if (pc !== this.pc) return;
      if (pc.connectionState === 'connected') this.tellMedia();
      this.listener.moved();
    };
    if (!isCaller) return;
    const streams = [new MediaStream()];
    for (const kind of ['audio', 'video'] as const) {
      pc.addTransceiver(kind, { direction: 'sendrecv', streams });
    }
    void this.put();
  }

  private comes(track: MediaStreamTrack): void {
    this.remote.addTrack(track);
    track.onmute = track.onunmute = () => this.listener.moved();
    this.listener.moved();
  }

  private async heard(signal: Events['call.signal']): Promise<void> {
    const { pc } = this;
    if (signal.epoch < this.epoch) return;
    if (signal.epoch > this.epoch || !pc) {
      this.early = [...this.early.slice(1 - EARLY), signal];
      return;
    }
    const { description, candidate, media } = signal.data;
    if (media) this.told = media;
    if (description) await this.described(pc, description);
    else if (candidate && pc.remoteDescription) await pc.addIceCandidate(candidate);
    else if (candidate) this.candidates.push(candidate);
    if (media) this.listener.moved();
  }

  private async described(
    pc: RTCPeerConnection, description: RTCSessionDescriptionInit,
  ): Promise<void> {
    await pc.setRemoteDescription(description);
    for (const candidate of this.candidates.splice(0)) await pc.addIceCandidate(candidate);
    if (description.type !== 'offer') return;
    for (const one of pc.getTransceivers()) one.direction = 'sendrecv';
    await this.put();
    await this.describe(pc);
  }

  private async describe(pc: RTCPeerConnection): Promise<void> {
    await pc.setLocalDescription();
    const { localDescription } = pc;
    if (!localDescription) return;
    this.signal({ description: localDescription.toJSON() as RTCSessionDescriptionInit });
    this.tellMedia();
  }

  /** Puts what is to be sent into its places. A track is muted before it gets there. */
  private async put(): Promise<void> {
    if (this.mic) this.mic.enabled = !this.isMuted;
    const all = this.pc?.getTransceivers() ?? [];
    await Promise.all(all.map(({ sender, receiver }) => {
      const track = receiver.track.kind === 'audio' ? this.mic : this.cam;
      return sender.replaceTrack(track);
    })).catch(() => undefined);
  }

  private tellMedia(): void {
    if (!this.pc) return;
    this.signal({ media: { audio: this.mic !== null && !this.isMuted, video: this.cam !== null } });
  }

  private signal(data: SignalData): void {
    this.listener.signal(this.epoch, data);
  }

  private found(candidate: RTCIceCandidate): void {
    if (candidate.type === 'host') this.report.gathered_host = true;
    if (candidate.type === 'srflx') this.report.gathered_srflx = true;
    if (candidate.type === 'relay') this.report.gathered_relay = true;
    this.signal({ candidate: candidate.toJSON() });
  }

  /** Looks at the statistics: what comes in, how well, and which way. */
  async watch(): Promise<void> {
    const { pc } = this;
    if (!pc) return;
    const all = [...(await pc.getStats()).values()] as Stat[];
    if (pc !== this.pc) return;
    const transport = all.find(({ type }) => type === 'transport');
    const pair = all.find(({ id }) => id === transport?.selectedCandidatePairId);
    this.bytes = transport?.bytesReceived ?? 0;
    if (!pair) return;
    const kind = (id: string | undefined): Stat | undefined => all.find((one) => one.id === id);
    this.tellWay(kind(pair.localCandidateId), kind(pair.remoteCandidateId));
    this.judge(all.filter(({ type }) => type === 'inbound-rtp'), pair.currentRoundTripTime ?? 0);
  }

  private judge(inbound: Stat[], trip: number): void {
    const sum = (name: 'packetsLost' | 'packetsReceived'): number =>
      inbound.reduce((total, one) => total + (one[name] ?? 0), 0);
    const now = { packets: sum('packetsLost'), received: sum('packetsReceived') };
    const lost = now.packets - this.lost.packets;
    const share = lost / Math.max(1, lost + now.received - this.lost.received);
    this.lost = now;
    const before = this.quality;
    this.quality =
      share > 0.08 || trip > 0.6 ? 'poor' : share > 0.02 || trip > 0.3 ? 'fair' : 'good';
    if (before !== this.quality) this.listener.moved();
  }

  private tellWay(local: Stat | undefined, remote: Stat | undefined): void {
    const { report } = this;
    if (local?.candidateType) report.local = local.candidateType;
    if (remote?.candidateType) report.remote = remote.candidateType;
    if (local?.candidateType === 'relay' && local.relayProtocol) {
      report.relay_over = local.relayProtocol;
    }
  }
}

/** One transport for sound and pictures: half the relays that a browser asks for otherwise. */
function configured(servers: IceServer[]): RTCConfiguration {
  const iceServers = servers.map(({ urls, username, credential }) => ({
    urls, ...(username ? { username } : {}), ...(credential ? { credential } : {}),
  }));
  return { bundlePolicy: 'max-bundle', iceServers };
}

/** The fields of statistics that are read here. */
interface Stat {
  id: string;
  type: string;
  bytesReceived?: number;
  packetsLost?: number;
  packetsReceived?: number;
  selectedCandidatePairId?: string;
  currentRoundTripTime?: number;
  localCandidateId?: string;
  remoteCandidateId?: string;
  candidateType?: CandidateKind;
  relayProtocol?: 'udp' | 'tcp' | 'tls';
}
