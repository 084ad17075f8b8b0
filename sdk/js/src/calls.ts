/**
 * Voice and video calls, one at a time: what a page shows of them, and what people press. What a
 * page captures, sends and shows is decided by one state (`call_machine`) and carried out by
 * `call_driver`, which is loaded with the first connection. See docs/calls.md.
 */

import type { CallDriver } from './call_driver.js';
import type { Input, Notice, Problem } from './call_machine.js';
import type { Quality } from './call_peer.js';
import type { Line } from './line.js';
import type { Storage } from './storage.js';
import type { Call, CallKind, Events, Id } from './types.js';

export class Calls {
  /** Something to say in passing. */
  onNotice: (notice: Notice) => void = () => undefined;

  private driver: CallDriver | null = null;
  private loading = false;
  private waiting: ((driver: CallDriver) => void)[] = [];

  constructor(private readonly line: Line, private readonly storage: Storage) {}

  // ---- how it stands ----

  get call(): Call | null {
    return this.driver?.state.call ?? null;
  }

  /** A call that is not over. */
  get isLive(): boolean {
    return !!this.call && this.call.state !== 'ended';
  }

  get rings(): boolean {
    return this.call?.state === 'ringing' && this.call.role === 'callee';
  }

  /** This page takes part in it. */
  get isHere(): boolean {
    const { call } = this;
    return this.isLive && call?.on === 'this_device' && this.driver?.state.mine === call.id;
  }

  /** The chat that is being called, until the server has answered. */
  get calling(): { chat: Id; kind: CallKind } | null {
    const doing = this.driver?.state.doing;
    return doing?.what === 'start' ? doing : null;
  }

  /** Accept was pressed; the microphone or the server has not answered. */
  get isAnswering(): boolean {
    return this.driver?.state.doing?.what === 'accept';
  }

  /** Why a call did not begin. */
  get problem(): Problem | null {
    return this.driver?.state.problem ?? null;
  }

  /** Grows when the call is to come to the front. */
  get shown(): number {
    return this.driver?.state.shown ?? 0;
  }

  get isMuted(): boolean {
    return this.driver?.state.isMuted ?? false;
  }

  get hasMicrophone(): boolean {
    return typeof this.driver?.state.mic === 'number';
  }

  get hasCamera(): boolean {
    return typeof this.driver?.state.cam === 'number';
  }

  /** One's own picture. */
  get local(): MediaStream | null {
    return this.driver?.local ?? null;
  }

  get remote(): MediaStream | null {
    return this.driver?.peer?.remote ?? null;
  }

  /** What the other device sends. */
  get peerMedia(): { audio: boolean; video: boolean } {
    const peer = this.driver?.peer;
    return { audio: peer?.told.audio ?? true, video: peer?.hasPicture ?? false };
  }

  get quality(): Quality {
    return this.driver?.peer?.quality ?? 'unknown';
  }

  get isReconnecting(): boolean {
    return this.driver?.isReconnecting ?? false;
  }

  /** Which device is in use. */
  using(kind: 'mic' | 'cam'): string | undefined {
    const { driver } = this;
    return driver?.media.get(driver.state[kind])?.getSettings().deviceId;
  }

  // ---- what people press ----

  /** Calls somebody; in a call it leads back there. Without `mic` one only listens. */
  start(chat: Id, kind: CallKind, mic = true): void {
    this.press({ is: 'start', chat, kind, mic });
  }

  accept(cam: boolean, mic = true): void {
    this.press({ is: 'accept', mic, cam });
  }

  /** Ends it, whatever it is at the moment. */
  leave(): void {
    this.press({ is: 'leave' });
  }

  /** Puts the end of a call, or a problem, out of sight. */
  dismiss(): void {
    this.press({ is: 'dismiss' });
  }

  mute(on: boolean): void {
    this.press({ is: 'mute', on });
  }

  camera(on: boolean): void {
    this.press({ is: 'camera', on });
  }

  choose(kind: 'mic' | 'cam', device: string): void {
    this.press({ is: 'choose', kind, device });
  }

  private press(input: Input): void {
    this.with((driver) => driver.do(input));
  }

  // ---- what the client tells ----

  /** How a call stands: the higher version holds. */
  stands(call: Call): void {
    this.with((driver) => driver.stands(call));
  }

  signalled(signal: Events['call.signal']): void {
    this.with((driver) => driver.signalled(signal));
  }

  /** A connection is live; right behind it the server tells of a live call. */
  live(): void {
    this.with((driver) => driver.live());
  }

  /** The connection is gone; media may flow all the same. */
  cut(): void {
    this.line.changes.touch('call');
  }

  clear(): void {
    this.waiting = [];
    this.driver?.clear();
  }

  /** Does it now, or as soon as the rest is loaded. */
  private with(work: (driver: CallDriver) => void): void {
    if (this.driver) return work(this.driver);
    this.waiting.push(work);
    if (!this.loading) void this.load();
  }

  private async load(): Promise<void> {
    this.loading = true;
    try {
      const { CallDriver } = await import('./call_driver.js');
      this.driver = new CallDriver(this.line, this.storage, (notice) => this.onNotice(notice));
      for (const work of this.waiting.splice(0)) work(this.driver);
    } catch {
      // Without a network and a first visit: the next connection brings it, and what it missed.
      this.waiting = [];
    } finally {
      this.loading = false;
    }
  }
}
