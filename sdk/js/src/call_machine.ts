/**
 * What this device captures, sends and shows of calls, as a state machine: no WebRTC, no page, no
 * clock. `Calls` feeds it what people press and what the server and the browser tell, and carries
 * out the effects.
 *
 * Invariant: at most one capture is under way, and a track that is no longer needed is stopped.
 * Invariant: without a press of this person, made in this page or before it was loaded again,
 * nothing is captured; after the end nothing is live.
 * Invariant: while muted, nothing that is sent is enabled.
 * Invariant: a hang-up is over at the press, never comes back, and is owed to the server until it
 * has heard of it.
 *
 * Two clicks that cross, as an example: Ana presses "Voice call" twice while the browser asks for
 * the microphone. The first press sets `doing`, and `settle` asks for one capture; the second finds
 * `doing` and changes nothing. Ana cancels before she answers the browser: `doing` is gone, the
 * capture is still under way. She allows it: `captured` puts the track in, `settle` sees that
 * nobody needs it, and its effect is `stop`.
 *
 * e2e/call_machine.mjs walks its states.
 */

import type { Call, CallKind, Id } from './types.js';

/** A track that the browser gave out, by the number under which the driver keeps it. */
export type Track = number;

/** Why there is no sound or picture to send. */
export type MediaError = 'insecure' | 'denied' | 'missing';

/** Something to say in passing. */
export type Notice = 'camera' | 'mic_gone' | 'mic_changed' | 'mic_kept' | 'elsewhere';

/** What was pressed and is not done yet; `n` names the request to the server. */
export type Doing =
  | { what: 'start'; n: number; chat: Id; kind: CallKind; asked: boolean }
  | { what: 'accept'; n: number; call: Id; asked: boolean };

/** The press that did not come through. */
export type Again = { start: { chat: Id; kind: CallKind } } | { accept: Id };

/** Why a call did not begin. With `again`, the same press helps without a microphone. */
export type Problem =
  | { what: 'media'; error: MediaError; again: Again }
  | { what: 'refused'; words: string };

/** How a call is left, as the server's operations are called. */
export type Leaving = 'cancel' | 'reject' | 'hangup';

/** A hang-up that the server has not heard of. */
export interface Owed {
  call: Id;
  op: Leaving;
}

/** What outlives the page: the call of this page, how it was, and the hang-ups that are owed. */
export interface Kept {
  mine: Id | null;
  isMuted: boolean;
  wants: Wants;
  owed: Owed[];
}

/** What this person wants to send. */
export interface Wants {
  mic: boolean;
  cam: boolean;
}

/** A capture under way. `mic` and `cam`: what it is for. */
export interface Capture extends Wants {
  n: number;
}

export interface State {
  /** The call that is shown, as the server last told it. */
  call: Call | null;
  /** The call that this page takes part in; another tab's is not. */
  mine: Id | null;
  doing: Doing | null;
  wants: Wants;
  isMuted: boolean;
  capture: Capture | null;
  mic: Track | null;
  cam: Track | null;
  /** Chosen devices. */
  devices: { mic?: string; cam?: string };
  /** A chosen device is to replace the one in use. */
  swaps: Wants;
  /**
   * Microphones that went away since one was plugged in: those that always end are not tried on.
   */
  losses: number;
  isMicLost: boolean;
  /** The negotiation that the peer connection is in; null without one. */
  peer: number | null;
  /** Negotiations up to this one were begun by a page that is gone. */
  behind: number;
  problem: Problem | null;
  owed: Owed[];
  /** Calls that were left here: they never come back. */
  left: Id[];
  /** The chat of a start whose answer was lost, or that was given up before it came. */
  abandoned: Id | null;
  /** Grows whenever the call is to come to the front. */
  shown: number;
  /** The last number given out. */
  n: number;
}

export type Input =
  | { is: 'start'; chat: Id; kind: CallKind; mic: boolean }
  | { is: 'accept'; mic: boolean; cam: boolean }
  | { is: 'leave' }
  /** Puts a problem, or the end of a call, out of sight. */
  | { is: 'dismiss' }
  | { is: 'mute'; on: boolean }
  | { is: 'camera'; on: boolean }
  | { is: 'choose'; kind: 'mic' | 'cam'; device: string }
  /** The browser gave tracks, or an error. */
  | { is: 'captured'; n: number; mic?: Track; cam?: Track; error?: MediaError }
  /** A track ended by itself: unplugged, or taken away by the browser. */
  | { is: 'lost'; track: Track }
  /** The list of devices changed. */
  | { is: 'devices' }
  /** The reply to request `n`. */
  | { is: 'joined'; n: number; call: Call }
  | { is: 'refused'; n: number; words: string; isOffline: boolean }
  /** How a call stands: events, and replies to other requests. */
  | { is: 'told'; call: Call }
  /** The server does not know this call (any more). */
  | { is: 'gone'; call: Id }
  /** The server has heard of a hang-up. */
  | { is: 'heard'; call: Id }
  /** A connection is live. */
  | { is: 'hello' };

export type Effect =
  | { do: 'capture'; n: number; mic: boolean; cam: boolean }
  | { do: 'stop'; track: Track }
  /** What is sent from now on. */
  | { do: 'send'; mic: Track | null; cam: Track | null; isMuted: boolean }
  | { do: 'start'; n: number; chat: Id; kind: CallKind }
  | { do: 'accept'; n: number; call: Id }
  /** Tells the server of a hang-up, until `heard`. */
  | { do: 'leave'; call: Id; op: Leaving }
  /** Says once that this device rings. */
  | { do: 'rings'; call: Id }
  /** Asks how a call stands: `told` or `gone`. */
  | { do: 'look'; call: Id }
  /** Begins a negotiation, with the peer connection that is there or a new one. */
  | { do: 'negotiate'; call: Call }
  | { do: 'close' }
  | { do: 'say'; notice: Notice };

const NONE: Wants = { mic: false, cam: false };
/** Microphones that may go away before no other is tried until one is plugged in. */
const LOSSES = 3;
const REMEMBERED = 16;

export function first(kept?: Kept | null): State {
  const owed = kept?.owed ?? [];
  return {
    call: null, mine: kept?.mine ?? null, doing: null, wants: kept?.wants ?? NONE,
    isMuted: kept?.isMuted ?? false, capture: null, mic: null, cam: null, devices: {}, swaps: NONE,
    losses: 0, isMicLost: false, peer: null, behind: 0, problem: null, owed,
    left: owed.map(({ call }) => call), abandoned: null, shown: 0, n: 0,
  };
}

export const kept = ({ mine, isMuted, wants, owed }: State): Kept =>
  ({ mine, isMuted, wants, owed });

export const isLive = ({ call }: State): boolean => !!call && call.state !== 'ended';

/** This page takes part in the call. */
export const isHere = (state: State): boolean =>
  isLive(state) && state.call?.on === 'this_device' && state.mine === state.call.id;

export const rings = ({ call }: State): boolean =>
  call?.state === 'ringing' && call.role === 'callee';

/** Answered, and this page is the one that talks. */
export const talks = (state: State): boolean => isHere(state) && state.call?.state !== 'ringing';

const needs = (state: State): boolean => !!state.doing || isHere(state);

/** What is to be captured, if the browser gives it. */
const needed = (state: State): Wants => needs(state) ? state.wants : NONE;

/** One step. The effects are to be carried out in their order. */
export function apply(before: State, input: Input): { state: State; effects: Effect[] } {
  const step = new Step(before);
  step.take(input);
  step.settle(before, input);
  return { state: step.state, effects: step.effects };
}

class Step {
  readonly state: State;
  readonly effects: Effect[] = [];

  constructor(before: State) {
    this.state = { ...before };
  }

  take(input: Input): void {
    switch (input.is) {
      case 'start': return this.start(input.chat, input.kind, input.mic);
      case 'accept': return this.accept(input.mic, input.cam);
      case 'leave': return this.leave();
      case 'dismiss': return this.dismiss();
      case 'mute': return this.mute(input.on);
      case 'camera': return this.want({ cam: input.on });
      case 'choose': return this.choose(input.kind, input.device);
      case 'captured': return this.captured(input);
      case 'lost': return this.lost(input.track);
      case 'devices': return this.devices();
      case 'joined': return this.joined(input.n, input.call);
      case 'refused': return this.refused(input);
      case 'told': return this.told(input.call);
      case 'gone': return this.gone(input.call);
      case 'heard': return this.forget(input.call);
      case 'hello': return this.hello();
    }
  }

  // ---- what people press ----

  /** In a call it leads back there. */
  private start(chat: Id, kind: CallKind, mic: boolean): void {
    const { state } = this;
    if (state.doing || rings(state)) return;
    if (isHere(state)) return void (state.shown += 1);
    if (isLive(state)) return this.say('elsewhere');
    this.rest();
    state.call = state.problem = null;
    if (state.abandoned === chat) state.abandoned = null;
    state.doing = { what: 'start', n: ++state.n, chat, kind, asked: false };
    state.wants = { mic, cam: mic && kind === 'video' };
  }

  private accept(mic: boolean, cam: boolean): void {
    const { state } = this;
    if (!state.call || !rings(state) || state.doing?.what === 'accept') return;
    if (state.doing) this.abandon();
    this.rest();
    state.problem = null;
    state.doing = { what: 'accept', n: ++state.n, call: state.call.id, asked: false };
    state.wants = { mic, cam };
  }

  /** Over at the press, whatever it is at the moment. */
  private leave(): void {
    const { state } = this;
    const wasStarting = state.doing?.what === 'start';
    if (state.doing) this.abandon();
    state.problem = null;
    const { call } = state;
    if (!call || call.state === 'ended') return wasStarting ? this.rest() : this.dismiss();
    this.owe(call);
    const reason =
      call.state !== 'ringing' ? 'hangup' : call.role === 'caller' ? 'cancelled' : 'rejected';
    state.call = rings(state) ? null : { ...call, state: 'ended', reason };
    this.rest();
  }

  /** What was pressed is given up; what the server makes of it all the same is left. */
  private abandon(): void {
    const { doing } = this.state;
    if (doing?.what === 'start' && doing.asked) this.state.abandoned = doing.chat;
    this.state.doing = null;
  }

  private owe({ id, state: at, role }: Call): void {
    const { state } = this;
    const op = at !== 'ringing' ? 'hangup' : role === 'caller' ? 'cancel' : 'reject';
    if (!state.left.includes(id)) state.left = [...state.left.slice(1 - REMEMBERED), id];
    if (state.owed.some(({ call }) => call === id)) return;
    state.owed = [...state.owed, { call: id, op }];
    this.effects.push({ do: 'leave', call: id, op });
  }

  /** Nobody here wants it any more, and nobody sees it. */
  private disown(call: Call): void {
    const { state } = this;
    this.owe(call);
    if (state.abandoned === call.chat) state.abandoned = null;
    if (state.call?.id === call.id) state.call = null;
  }

  private dismiss(): void {
    const { state } = this;
    if (!isLive(state)) state.call = null;
    state.problem = null;
  }

  private mute(on: boolean): void {
    const { state } = this;
    if (!needs(state)) return;
    state.isMuted = on;
    // Who listens alone and wants to be heard: perhaps there is a microphone by now.
    if (!on && !state.wants.mic) this.want({ mic: true });
  }

  private want(change: Partial<Wants>): void {
    const { state } = this;
    if (needs(state)) state.wants = { ...state.wants, ...change };
  }

  private choose(kind: 'mic' | 'cam', device: string): void {
    const { state } = this;
    if (!needs(state)) return;
    state.devices = { ...state.devices, [kind]: device };
    state.swaps = { ...state.swaps, [kind]: state[kind] !== null || !!state.capture?.[kind] };
    this.want({ [kind]: true });
  }

  // ---- what the browser tells ----

  private captured({ n, mic, cam, error }: Input & { is: 'captured' }): void {
    const { state } = this;
    const { capture } = state;
    if (capture?.n !== n) return;
    state.capture = null;
    if (error) return this.failed(capture, error);
    if (mic !== undefined) {
      if (state.losses && needs(state)) this.say('mic_changed');
      state.mic = mic;
      state.isMicLost = false;
    }
    if (cam !== undefined) state.cam = cam;
  }

  private failed(capture: Capture, error: MediaError): void {
    const { state } = this;
    const { doing } = state;
    if (!needs(state)) return;
    if (capture.cam) {
      // No camera is no reason not to talk: `settle` asks for the microphone alone.
      if (!state.wants.cam) return;
      state.wants = { ...state.wants, cam: state.cam !== null };
      delete (state.devices = { ...state.devices }).cam;
      this.say('camera');
    } else if (!state.wants.mic) {
      // Nobody waits for it any more.
    } else if (state.mic !== null) {
      delete (state.devices = { ...state.devices }).mic;
      this.say('mic_kept');
    } else if (doing && !doing.asked) {
      state.problem = { what: 'media', error, again: doing.what === 'accept'
        ? { accept: doing.call } : { start: { chat: doing.chat, kind: doing.kind } } };
      state.doing = null;
      this.rest();
    } else {
      this.listenOnly();
    }
  }

  private listenOnly(): void {
    this.state.wants = { ...this.state.wants, mic: false };
    this.state.isMicLost = true;
    this.say('mic_gone');
  }

  private lost(track: Track): void {
    const { state } = this;
    if (track === state.cam) {
      state.cam = null;
      state.wants = { ...state.wants, cam: false };
      this.say('camera');
    }
    if (track !== state.mic) return;
    state.mic = null;
    state.losses += 1;
    delete (state.devices = { ...state.devices }).mic;
    if (state.losses > LOSSES) this.listenOnly();
  }

  private devices(): void {
    const { state } = this;
    state.losses = state.mic === null ? state.losses : 0;
    if (!state.isMicLost || !needs(state)) return;
    state.isMicLost = false;
    this.want({ mic: true });
  }

  // ---- what the server tells ----

  private joined(n: number, call: Call): void {
    const { state } = this;
    const { doing } = state;
    const isAnswer = doing?.what === 'accept' && doing.call === call.id;
    if (doing?.n !== n && !isAnswer) {
      // It was given up meanwhile. If the event was faster than the reply, it is this page's call.
      if (state.mine !== call.id && call.state !== 'ended') return this.disown(call);
      return this.told(call);
    }
    state.mine = call.id;
    this.told(call);
    if (state.doing === doing) state.doing = null;
  }

  private refused({ n, words, isOffline }: Input & { is: 'refused' }): void {
    const { state } = this;
    const { doing } = state;
    if (doing?.n !== n) return;
    state.doing = null;
    if (doing.what === 'start') {
      // Perhaps the server began it and only the answer was lost.
      if (isOffline) state.abandoned = doing.chat;
      state.problem = { what: 'refused', words };
      this.rest();
    } else if (!isOffline && state.call?.id === doing.call) {
      // Answered elsewhere or over: the event that says so is on its way.
      this.effects.push({ do: 'look', call: doing.call });
      this.rest();
    }
  }

  private told(call: Call): void {
    const { state } = this;
    const before = state.call;
    if (state.left.includes(call.id)) return this.toldOfLeft(call);
    if (before?.id === call.id && call.version < before.version) return;
    // Somebody called in vain, as this person is in a call.
    if (before?.id !== call.id && isLive(state) && call.state === 'ended') return;
    if (this.isUnwanted(call)) return this.disown(call);
    if (before && before.id !== call.id && state.mine === before.id) this.rest();
    this.meet(call);
    state.call = call;
    if (rings(state) && before?.id !== call.id) this.effects.push({ do: 'rings', call: call.id });
    if (call.state === 'ended') this.ended(call, before);
    else if (call.on === 'other_device' && state.mine === call.id) this.rest();
    this.drop(call);
  }

  /** A start that was given up, or whose answer was lost, and began all the same. */
  private isUnwanted(call: Call): boolean {
    const { abandoned, mine, doing } = this.state;
    return abandoned === call.chat && call.on === 'this_device' && call.state !== 'ended'
      && mine !== call.id && !doing;
  }

  /** A call that this page did not know, or not as answered. */
  private meet(call: Call): void {
    const { state } = this;
    const { doing } = state;
    const isPressed =
      doing?.what === 'start' ? doing.asked && doing.chat === call.chat : doing?.call === call.id;
    if (isPressed && call.on === 'this_device' && call.state !== 'ended') state.mine = call.id;
    const isKnown = state.call?.id === call.id || !!doing?.asked;
    // What an earlier page began needs new peer connections on both sides.
    if (!isKnown) state.behind = call.state === 'ringing' ? 0 : call.epoch;
  }

  /** What was pressed came to be, or cannot any more. */
  private drop(call: Call): void {
    const { state } = this;
    const { doing } = state;
    if (doing?.what === 'start' && doing.asked && call.id === state.mine) state.doing = null;
    if (doing?.what === 'accept' && doing.call === call.id && call.state !== 'ringing') {
      state.doing = null;
    }
    const { problem } = state;
    const isAnswer = problem?.what === 'media' && 'accept' in problem.again;
    if (isAnswer && !rings(state)) state.problem = null;
  }

  private ended(call: Call, before: Call | null): void {
    const { state } = this;
    const isStarting = state.doing?.what === 'start';
    if (!isStarting) this.rest();
    // Of a call that this device had no part in, its end is told by the chat alone.
    const isSeen = before?.id === call.id && before.on !== 'other_device';
    const rang = before?.role === 'callee' && before.state === 'ringing';
    if (!isSeen || rang || isStarting) state.call = null;
  }

  /** Of a call that was left here, its end alone counts: how the server wrote it down. */
  private toldOfLeft(call: Call): void {
    const { state } = this;
    if (call.state !== 'ended') return;
    this.forget(call.id);
    if (state.call?.id === call.id) state.call = call;
  }

  private gone(id: Id): void {
    const { state } = this;
    this.forget(id);
    if (state.mine === id) this.rest();
    if (state.call?.id !== id || !isLive(state)) return;
    if (state.doing?.what === 'accept') state.doing = null;
    state.call = rings(state) ? null : { ...state.call, state: 'ended', reason: 'lost' };
    this.drop({ ...state.call, id, state: 'ended' } as Call);
  }

  private forget(id: Id): void {
    this.state.owed = this.state.owed.filter(({ call }) => call !== id);
  }

  /** What is owed is told; a call that ended meanwhile is over here too. */
  private hello(): void {
    const { call, mine, owed } = this.state;
    for (const { call: id, op } of owed) this.effects.push({ do: 'leave', call: id, op });
    const id = isLive(this.state) ? call?.id : mine;
    if (id) this.effects.push({ do: 'look', call: id });
  }

  // ---- what follows ----

  /** No part in a call any more. */
  private rest(): void {
    Object.assign(this.state, {
      mine: null, wants: NONE, isMuted: false, behind: 0, swaps: NONE, losses: 0, isMicLost: false,
    });
  }

  private say(notice: Notice): void {
    this.effects.push({ do: 'say', notice });
  }

  /** Brings tracks, requests and the peer connection to what the state asks for. */
  settle(before: State, input: Input): void {
    const { state } = this;
    const need = needed(state);
    if (!need.mic) state.mic = null;
    if (!need.cam) state.cam = null;
    if (state.peer !== null && !talks(state)) {
      state.peer = null;
      this.effects.push({ do: 'close' });
    }
    this.stop(before, input);
    if (before.mic !== state.mic || before.cam !== state.cam || before.isMuted !== state.isMuted) {
      const { mic, cam, isMuted } = state;
      this.effects.push({ do: 'send', mic, cam, isMuted });
    }
    this.capture(need);
    this.ask();
    this.negotiate();
  }

  private stop(before: State, input: Input): void {
    const given = input.is === 'captured' ? [input.mic, input.cam] : [];
    const ended = input.is === 'lost' ? input.track : undefined;
    for (const track of new Set([before.mic, before.cam, ...given])) {
      if (track === null || track === undefined || track === ended) continue;
      const isHeld = track === this.state.mic || track === this.state.cam;
      if (!isHeld) this.effects.push({ do: 'stop', track });
    }
  }

  /** One at a time: a prompt that nobody waits for any more cannot be taken back. */
  private capture(need: Wants): void {
    const { state } = this;
    if (state.capture) return;
    const mic = need.mic && (state.mic === null || state.swaps.mic);
    const cam = need.cam && (state.cam === null || state.swaps.cam);
    if (!mic && !cam) return;
    // A swap that fails must not cost what works, so each goes alone.
    const isSwap = state.swaps.mic || state.swaps.cam;
    const what = isSwap && mic ? { mic, cam: false } : { mic, cam };
    state.swaps = { mic: state.swaps.mic && !what.mic, cam: state.swaps.cam && !what.cam };
    state.capture = { n: ++state.n, ...what };
    this.effects.push({ do: 'capture', ...state.capture });
  }

  /** The server is asked once all that it takes is there. */
  private ask(): void {
    const { state } = this;
    const { doing, wants } = state;
    const isWaiting = wants.mic && state.mic === null || wants.cam && state.cam === null;
    if (!doing || doing.asked || isWaiting) return;
    state.doing = { ...doing, asked: true };
    if (doing.what === 'start') {
      this.effects.push({ do: 'start', n: doing.n, chat: doing.chat, kind: doing.kind });
    } else {
      // The server may hear of it although its answer is lost.
      state.mine = doing.call;
      this.effects.push({ do: 'accept', n: doing.n, call: doing.call });
    }
  }

  /** A negotiation that began before this page needs a fresh one; `Healing` asks for it. */
  private negotiate(): void {
    const { state } = this;
    const { call } = state;
    if (!call || !talks(state) || call.epoch <= (state.peer ?? state.behind)) return;
    if (state.peer === null && state.behind && !call.fresh) return void (state.behind = call.epoch);
    state.peer = call.epoch;
    this.effects.push({ do: 'negotiate', call });
  }
}

