/**
 * Voice and video calls: one at a time, as the server says that it stands. See docs/calls.md.
 *
 * What is captured, sent and shown follows from one state: `call_machine` decides, this carries out
 * and tells it what happens. `call_media` holds microphone and camera, `call_peer` the connection to
 * the other device; both are loaded with the first call. `call_healing` says when to negotiate anew.
 */

import type { Client } from './client.js';
import { type Healing, healthy, look, replied } from './call_healing.js';
import {
  type Effect, type Input, type Notice, type Problem, type State,
  apply, first, isHere, isLive, kept, rings, talks,
} from './call_machine.js';
import type { Media } from './call_media.js';
import type { Peer, Quality } from './call_peer.js';
import { ApiError } from './rest.js';
import type { Storage } from './storage.js';
import type { Call, CallDetails, CallKind, Events, IceServer, Id, JoinedCall } from './types.js';

/** How often a call that goes on is looked at. */
const LOOK_MS = 1_000;
/** Credentials for the relay that came less than this ago are good for another negotiation. */
const ICE_MS = 60_000;
/** Nothing came in for this long where something should: the way is dead. */
const QUIET_MS = 5_000;
/** After a connection to the server is back, silence this long says that its relay knows nobody. */
const BACK_MS = 700;
/** Signals kept until there is something to take them. */
const EARLY = 200;
/** How long until what is owed is told again, on a connection that is live. */
const AGAIN_MS = 3_000;

type Parts = [typeof import('./call_media.js'), typeof import('./call_peer.js')];

export class Calls {
  /** Something to say in passing. */
  onNotice: (notice: Notice) => void = () => undefined;

  private state: State;
  private saved = '';
  private savedOwed = '';
  private parts: Parts | null = null;
  private loading: Promise<Parts | null> | null = null;
  private media: Media | null = null;
  private peer: Peer | null = null;
  private picture: MediaStream | null = null;
  private healing: Healing = healthy();
  private ice: { call: Id; servers: IceServer[]; at: number } | null = null;
  private early: Events['call.signal'][] = [];
  private sent = 0;
  private heard = { bytes: 0, at: 0 };
  private isBack = false;
  private answered = 0;
  private beat: ReturnType<typeof setInterval> | undefined;
  private watching: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly client: Client, private readonly storage: Storage) {
    this.state = first(storage.keptCall());
    globalThis.addEventListener?.('pagehide', () => this.hide());
  }

  // ---- how it stands ----

  get call(): Call | null {
    return this.state.call;
  }

  /** A call that is not over. */
  get isLive(): boolean {
    return isLive(this.state);
  }

  get rings(): boolean {
    return rings(this.state);
  }

  /** This page takes part in it. */
  get isHere(): boolean {
    return isHere(this.state);
  }

  /** The chat that is being called, until the server has answered. */
  get calling(): { chat: Id; kind: CallKind } | null {
    return this.state.doing?.what === 'start' ? this.state.doing : null;
  }

  /** Accept was pressed; the microphone or the server has not answered. */
  get isAnswering(): boolean {
    return this.state.doing?.what === 'accept';
  }

  get problem(): Problem | null {
    return this.state.problem;
  }

  /** Grows when the call is to come to the front. */
  get shown(): number {
    return this.state.shown;
  }

  get isMuted(): boolean {
    return this.state.isMuted;
  }

  get hasMicrophone(): boolean {
    return this.state.mic !== null;
  }

  get hasCamera(): boolean {
    return this.state.cam !== null;
  }

  /** One's own picture. */
  get local(): MediaStream | null {
    const track = this.media?.get(this.state.cam) ?? null;
    if (this.picture?.getVideoTracks()[0] !== (track ?? undefined)) this.picture = null;
    if (track) this.picture ??= new MediaStream([track]);
    return this.picture;
  }

  get remote(): MediaStream | null {
    return this.peer?.remote ?? null;
  }

  /** What the other device sends. */
  get peerMedia(): { audio: boolean; video: boolean } {
    return { audio: this.peer?.told.audio ?? true, video: this.peer?.hasPicture ?? false };
  }

  get quality(): Quality {
    return this.peer?.quality ?? 'unknown';
  }

  get isReconnecting(): boolean {
    const state = this.peer?.state;
    return state === 'disconnected' || state === 'failed' || talks(this.state) && this.state.peer === null;
  }

  /** Which device is in use. */
  using(kind: 'mic' | 'cam'): string | undefined {
    return this.media?.get(this.state[kind])?.getSettings().deviceId;
  }

  // ---- what people press ----

  /** Calls somebody; in a call it leads back there. Without `mic` one only listens. */
  start(chat: Id, kind: CallKind, mic = true): void {
    this.do({ is: 'start', chat, kind, mic });
  }

  accept(cam: boolean, mic = true): void {
    this.do({ is: 'accept', mic, cam });
  }

  /** Ends it, whatever it is at the moment. */
  leave(): void {
    this.do({ is: 'leave' });
  }

  /** Puts the end of a call, or a problem, out of sight. */
  dismiss(): void {
    this.do({ is: 'dismiss' });
  }

  mute(on: boolean): void {
    this.do({ is: 'mute', on });
  }

  camera(on: boolean): void {
    this.do({ is: 'camera', on });
  }

  choose(kind: 'mic' | 'cam', device: string): void {
    this.do({ is: 'choose', kind, device });
  }

  // ---- what the client tells ----

  /** How a call stands: events and replies come here; the higher version holds. */
  stands(call: Call): void {
    this.do({ is: 'told', call });
  }

  /** A connection is live; right behind it the server tells of a live call. */
  live(): void {
    this.do({ is: 'hello' });
    void this.load();
    // A relay that was started again knows nobody, and no browser says so for seconds.
    const before = this.peer?.bytes ?? 0;
    setTimeout(() => void this.lookBack(before), BACK_MS);
  }

  /** The connection is gone; media may flow all the same. */
  cut(): void {
    this.touch();
  }

  clear(): void {
    for (const track of [this.state.mic, this.state.cam]) if (track !== null) this.media?.stop(track);
    this.close();
    this.state = { ...first(), n: this.state.n };
    this.ice = null;
    this.keepTime();
    this.touch();
  }

  signalled(signal: Events['call.signal']): void {
    if (this.peer && signal.call === this.state.call?.id) this.peer.signalled(signal);
    else this.early = [...this.early.slice(1 - EARLY), signal];
  }

  // ---- the state and its effects ----

  private do(input: Input): void {
    const { state, effects } = apply(this.state, input);
    this.state = state;
    this.keep();
    for (const effect of effects) this.carry(effect);
    this.keepTime();
    if (talks(this.state)) this.heal();
    this.touch();
  }

  private carry(effect: Effect): void {
    switch (effect.do) {
      case 'capture': return void this.capture(effect);
      case 'stop': return this.media?.stop(effect.track);
      case 'send': return this.send();
      case 'start': return void this.join('start', effect.n, { chat: effect.chat, kind: effect.kind });
      case 'accept': return void this.join('accept', effect.n, { call: effect.call });
      case 'leave': return void this.tellLeft(effect.call, effect.op);
      case 'rings': return void this.client.ask('call.alive', { call: effect.call }).catch(() => undefined);
      case 'look': return void this.ask(effect.call);
      case 'negotiate': return void this.negotiate(effect.call);
      case 'close': return this.close();
      case 'say': return this.onNotice(effect.notice);
    }
  }

  private async capture({ n, mic, cam }: Effect & { do: 'capture' }): Promise<void> {
    await this.load();
    const given = await this.media?.capture({ mic, cam }, this.state.devices);
    this.do({ is: 'captured', n, ...(given ?? { error: 'missing' }) });
  }

  private send(): void {
    const { mic, cam, isMuted } = this.state;
    this.peer?.send(this.media?.get(mic) ?? null, this.media?.get(cam) ?? null, isMuted);
  }

  private async join(op: 'start' | 'accept', n: number, what: object): Promise<void> {
    try {
      const joined = await this.client.ask<JoinedCall>(`call.${op}`, what);
      this.takeIce(joined);
      this.do({ is: 'joined', n, call: joined.call });
    } catch (error) {
      const isOffline = error instanceof ApiError && error.isPassing;
      this.do({ is: 'refused', n, words: error instanceof Error ? error.message : String(error), isOffline });
    }
  }

  private async tellLeft(call: Id, op: string): Promise<void> {
    try {
      const reply = await this.client.ask<{ call: Call }>(`call.${op}`, { call });
      this.do({ is: 'heard', call });
      this.stands(reply.call);
    } catch (error) {
      const isPassing = !(error instanceof ApiError) || error.isPassing;
      if (!isPassing) this.do({ is: 'heard', call });
      else setTimeout(() => this.tellAgain(call, op), AGAIN_MS);
    }
  }

  /** Without a connection the next `hello` tells it. */
  private tellAgain(call: Id, op: string): void {
    const isOwed = this.state.owed.some((one) => one.call === call);
    if (isOwed && this.client.connection === 'live') void this.tellLeft(call, op);
  }

  private async ask(call: Id): Promise<void> {
    try {
      this.stands((await this.client.rest.get<CallDetails>(`/calls/${call}`)).call);
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 404) this.do({ is: 'gone', call });
    }
  }

  private async negotiate(call: Call): Promise<void> {
    await this.load();
    if (!this.parts || this.state.peer !== call.epoch || this.state.call?.id !== call.id) return;
    if (!this.peer) {
      this.peer = this.connect(call.id);
      this.send();
      for (const signal of this.early.splice(0)) this.signalled(signal);
    }
    this.peer.negotiate(call);
  }

  private connect(call: Id): Peer {
    const [, { Peer }] = this.parts as Parts;
    this.answered = performance.now();
    const peer: Peer = new Peer({
      signal: (epoch, data) => {
        this.client.ask('call.signal', { call, epoch, seq: ++this.sent, data }).catch(() => undefined);
      },
      servers: (now) => this.servers(now),
      moved: () => peer === this.peer && this.moved(),
    });
    return peer;
  }

  private close(): void {
    this.peer?.close();
    this.peer = null;
    this.early = [];
    this.healing = healthy();
    this.heard = { bytes: 0, at: 0 };
    this.isBack = false;
  }

  /** Both parts are small, and needed by nobody who does not call. */
  private load(): Promise<Parts | null> {
    this.loading ??= Promise.all([import('./call_media.js'), import('./call_peer.js')]).then((parts) => {
      this.media ??= new parts[0].Media({
        lost: (track) => this.do({ is: 'lost', track }),
        devices: () => this.do({ is: 'devices' }),
      });
      return (this.parts = parts);
    }, () => (this.loading = null));
    return this.loading;
  }

  private keep(): void {
    const { owed, ...call } = kept(this.state);
    const [now, nowOwed] = [JSON.stringify(call), JSON.stringify(owed)];
    if (now !== this.saved) this.storage.keepCall(call);
    if (nowOwed !== this.savedOwed) this.storage.keepOwed(owed);
    [this.saved, this.savedOwed] = [now, nowOwed];
  }

  // ---- relay ----

  private takeIce({ call, ice_servers: servers }: JoinedCall): void {
    if (servers.length) this.ice = { call: call.id, servers, at: performance.now() };
  }

  private async servers({ id }: Call): Promise<IceServer[]> {
    const { ice } = this;
    const isFresh = ice?.call === id && performance.now() - ice.at < ICE_MS;
    if (!isFresh) {
      const path = `/calls/${id}/ice`;
      const answer = await this.client.rest.get<{ ice_servers: IceServer[] }>(path).catch(() => null);
      if (answer?.ice_servers.length) {
        this.ice = { call: id, servers: answer.ice_servers, at: performance.now() };
      }
    }
    return this.ice?.call === id ? this.ice.servers : [];
  }

  // ---- staying connected ----

  /** While it takes part, it says that it is there, and looks after the connection. */
  private keepTime(): void {
    const every = this.state.call?.alive_every_s ?? 10;
    if (!this.isHere) clearInterval(this.beat);
    else this.beat ??= setInterval(() => this.alive(), every * 1_000);
    if (!this.isHere) this.beat = undefined;
    if (!talks(this.state)) clearInterval(this.watching);
    else this.watching ??= setInterval(() => void this.watch(), LOOK_MS);
    if (!talks(this.state)) this.watching = undefined;
  }

  private moved(): void {
    if (this.peer?.state === 'connected') this.alive();
    this.heal();
    this.touch();
  }

  private alive(): void {
    const { call } = this.state;
    if (!call || !this.isHere) return;
    const connected = this.peer?.state === 'connected';
    this.client.ask<{ call: Call }>('call.alive', { call: call.id, connected }).then(
      (reply) => this.stands(reply.call),
      (error: unknown) => this.contradicted(call.id, error),
    );
  }

  /** The server sees the call otherwise: over, or on another device. */
  private contradicted(call: Id, error: unknown): void {
    if (error instanceof ApiError && !error.isPassing) void this.ask(call);
  }

  private async watch(): Promise<void> {
    const { peer } = this;
    const before = peer?.report.local;
    await peer?.watch();
    if (peer !== this.peer) return;
    const now = performance.now();
    const bytes = peer?.bytes ?? 0;
    if (bytes !== this.heard.bytes) {
      this.heard = { bytes, at: now };
      this.isBack = false;
    }
    if (peer && !before && peer.report.local) this.tellWay(peer);
    this.heal();
  }

  private async lookBack(before: number): Promise<void> {
    const { peer } = this;
    if (!peer || !before || peer.state !== 'connected') return;
    await peer.watch();
    const first = peer.bytes;
    await new Promise((done) => setTimeout(done, BACK_MS));
    await peer.watch();
    if (peer !== this.peer || peer.bytes !== first) return;
    this.isBack = true;
    this.heal();
  }

  /** Nothing comes in, although the other device says to send. */
  private get isQuiet(): boolean {
    const isSilent = this.heard.at > 0 && performance.now() - this.heard.at > QUIET_MS;
    return this.isBack || isSilent && this.peer?.told.audio !== false;
  }

  private heal(): void {
    const { call } = this.state;
    if (!call || !talks(this.state)) return;
    const { healing, restart } = look(this.healing, {
      now: performance.now(),
      epoch: call.epoch,
      state: this.peer?.state ?? 'none',
      isQuiet: this.isQuiet,
      isLive: this.client.connection === 'live',
    });
    this.healing = healing;
    if (restart) void this.restart(call);
  }

  private async restart({ id, epoch }: Call): Promise<void> {
    // No state of an older connection tells anything about the one to come.
    this.isBack = false;
    this.heard.at = 0;
    const what = { call: id, epoch, fresh: this.state.peer === null };
    try {
      const joined = await this.client.ask<JoinedCall>('call.restart', what);
      this.healing = replied(this.healing, performance.now());
      this.takeIce(joined);
      this.stands(joined.call);
    } catch (error) {
      this.healing = replied(this.healing, performance.now());
      this.contradicted(id, error);
    }
  }

  private tellWay(peer: Peer): void {
    const { call } = this.state;
    if (!call) return;
    peer.report.setup_ms ??= Math.round(performance.now() - this.answered);
    this.client.ask('call.report', { call: call.id, report: peer.report }).catch(() => undefined);
  }

  /** Who closes the page while it rings calls nobody any more: it does not ring on for 25 seconds. */
  private hide(): void {
    const { call } = this.state;
    if (!call || call.state !== 'ringing' || call.role !== 'caller' || !this.isHere) return;
    this.leave();
    const request = { method: 'POST', body: {}, keepalive: true } as const;
    this.client.rest.ask(`/calls/${call.id}/hangup`, request).catch(() => undefined);
  }

  private touch(): void {
    this.client.changes.touch('call');
  }
}
