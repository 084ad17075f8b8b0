/**
 * Carries out what `call_machine` decides, and tells it what happens: asks the server, holds
 * microphone and camera (`call_media`) and the connection to the other device (`call_peer`), and
 * keeps the call alive. `call_healing` says when to negotiate again. Loaded by `Calls`.
 */

import { type Healing, healthy, look, replied } from './call_healing.js';
import {
  type Effect, type Input, type Notice, type State,
  apply, first, isHere, kept, talks,
} from './call_machine.js';
import { Media } from './call_media.js';
import { Peer } from './call_peer.js';
import type { Line } from './line.js';
import { ApiError } from './rest.js';
import type { Storage } from './storage.js';
import type { Call, CallDetails, Events, IceServer, Id, JoinedCall } from './types.js';

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

export class CallDriver {
  state: State;
  peer: Peer | null = null;
  readonly media = new Media({
    lost: (track) => this.do({ is: 'lost', track }),
    devices: () => this.do({ is: 'devices' }),
  });

  private saved = '';
  private savedOwed = '';
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

  constructor(
    private readonly line: Line,
    private readonly storage: Storage,
    private readonly say: (notice: Notice) => void,
  ) {
    this.state = first(storage.keptCall());
    globalThis.addEventListener?.('pagehide', () => this.hide());
  }

  /** One's own picture. */
  get local(): MediaStream | null {
    const track = this.media.get(this.state.cam);
    if (this.picture?.getVideoTracks()[0] !== (track ?? undefined)) this.picture = null;
    if (track) this.picture ??= new MediaStream([track]);
    return this.picture;
  }

  get isReconnecting(): boolean {
    const { way } = this;
    return way === 'disconnected' || way === 'failed' || way === 'none' && talks(this.state);
  }

  // ---- what the client tells ----

  /** How a call stands: events and replies come here; the higher version holds. */
  stands(call: Call): void {
    this.do({ is: 'told', call });
  }

  /** A connection is live; right behind it the server tells of a live call. */
  live(): void {
    this.do({ is: 'hello' });
    // A relay that was started again knows nobody, and no browser says so for seconds.
    const before = this.peer?.bytes ?? 0;
    setTimeout(() => void this.lookBack(before), BACK_MS);
  }

  clear(): void {
    for (const track of [this.state.mic, this.state.cam]) {
      if (track !== null) this.media.stop(track);
    }
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

  do(input: Input): void {
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
      case 'stop': return this.media.stop(effect.track);
      case 'send': return this.send();
      case 'start':
        return void this.join('start', effect.n, { chat: effect.chat, kind: effect.kind });
      case 'accept': return void this.join('accept', effect.n, { call: effect.call });
      case 'leave': return void this.tellLeft(effect.call, effect.op);
      case 'rings':
        return void this.line.ask('call.alive', { call: effect.call }).catch(() => undefined);
      case 'look': return void this.ask(effect.call);
      case 'negotiate': return this.negotiate(effect.call);
      case 'close': return this.close();
      case 'say': return this.say(effect.notice);
    }
  }

  private async capture({ n, mic, cam }: Effect & { do: 'capture' }): Promise<void> {
    this.do({ is: 'captured', n, ...await this.media.capture({ mic, cam }, this.state.devices) });
  }

  private send(): void {
    const { mic, cam, isMuted } = this.state;
    this.peer?.send(this.media.get(mic), this.media.get(cam), isMuted);
  }

  private async join(op: 'start' | 'accept', n: number, what: object): Promise<void> {
    try {
      const joined = await this.line.ask<JoinedCall>(`call.${op}`, what);
      this.takeIce(joined);
      this.do({ is: 'joined', n, call: joined.call });
    } catch (error) {
      const isOffline = error instanceof ApiError && error.isPassing;
      this.do({
        is: 'refused', n, words: error instanceof Error ? error.message : String(error), isOffline,
      });
    }
  }

  private async tellLeft(call: Id, op: string): Promise<void> {
    try {
      const reply = await this.line.ask<{ call: Call }>(`call.${op}`, { call });
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
    if (isOwed && this.line.connection === 'live') void this.tellLeft(call, op);
  }

  private async ask(call: Id): Promise<void> {
    try {
      this.stands((await this.line.rest.get<CallDetails>(`/calls/${call}`)).call);
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 404) this.do({ is: 'gone', call });
    }
  }

  private negotiate(call: Call): void {
    if (!this.peer) {
      this.peer = this.connect(call.id);
      this.send();
      for (const signal of this.early.splice(0)) this.signalled(signal);
    }
    this.peer.negotiate(call);
  }

  private connect(call: Id): Peer {
    this.answered = performance.now();
    const peer: Peer = new Peer({
      signal: (epoch, data) => {
        this.line.ask('call.signal', { call, epoch, seq: ++this.sent, data })
          .catch(() => undefined);
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
      const answer = await this.line.rest.get<{ ice_servers: IceServer[] }>(path).catch(() => null);
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
    if (!isHere(this.state)) clearInterval(this.beat);
    else this.beat ??= setInterval(() => this.alive(), every * 1_000);
    if (!isHere(this.state)) this.beat = undefined;
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
    if (!call || !isHere(this.state)) return;
    const connected = this.peer?.state === 'connected';
    this.line.ask<{ call: Call }>('call.alive', { call: call.id, connected }).then(
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

  /** The peer connection; one that is being made is `new`. */
  private get way(): RTCPeerConnectionState | 'none' {
    if (this.state.peer === null) return 'none';
    const state = this.peer?.state ?? 'none';
    return state === 'none' ? 'new' : state;
  }

  private heal(): void {
    const { call } = this.state;
    if (!call || !talks(this.state)) return;
    const { healing, restart } = look(this.healing, {
      now: performance.now(),
      epoch: call.epoch,
      state: this.way,
      isQuiet: this.isQuiet,
      isLive: this.line.connection === 'live',
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
      const joined = await this.line.ask<JoinedCall>('call.restart', what);
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
    this.line.ask('call.report', { call: call.id, report: peer.report }).catch(() => undefined);
  }

  /**
   * Who closes the page while it rings calls nobody any more: it does not ring on for 25 seconds.
   */
  private hide(): void {
    const { call } = this.state;
    if (!call || call.state !== 'ringing' || call.role !== 'caller' || !isHere(this.state)) return;
    this.do({ is: 'leave' });
    const request = { method: 'POST', body: {}, keepalive: true } as const;
    this.line.rest.ask(`/calls/${call.id}/hangup`, request).catch(() => undefined);
  }

  touch(): void {
    this.line.changes.touch('call');
  }
}
