/**
 * When a call that has no connection asks for a new negotiation: a pure function, as time is passed
 * in. `Calls` asks it every second and whenever something moves.
 *
 * A restart makes the negotiation before it void. So one request is under way at a time, and each
 * negotiation has time to come through, more each time: on a way of 600 ms to the server, asking
 * every second would never end.
 */

/** What is seen of a call at a moment. */
export interface Look {
  /** Milliseconds of any steady clock. */
  now: number;
  /** The negotiation that the server is at. */
  epoch: number;
  /** The peer connection; `none` while this page has none. */
  state: RTCPeerConnectionState | 'none';
  /** It says to be connected, and nothing comes in that should. */
  isQuiet: boolean;
  /** The server can be asked. */
  isLive: boolean;
}

export interface Healing {
  epoch: number;
  /** No request before this moment. */
  until: number;
  /** When the request under way was made; null without one. */
  asked: number | null;
  /** How long the last request took. */
  trip: number;
  /** Negotiations without success. */
  tries: number;
}

/** The first negotiation of a call has this long, and later ones what `pause` says. */
const FIRST_MS = 6_000;
const PAUSE_MS = 3_000;
const LONGEST_MS = 15_000;
/** A negotiation takes an offer and an answer, each as far as a request and its reply. */
const TRIPS = 3;

export const healthy = (): Healing => ({ epoch: 0, until: 0, asked: null, trip: 0, tries: 0 });

const pause = ({ tries, trip }: Healing): number =>
  Math.min(LONGEST_MS, PAUSE_MS * 1.5 ** Math.max(0, tries - 1) + TRIPS * trip);

/** Whether to ask for a new negotiation now. */
export function look(before: Healing, seen: Look): { healing: Healing; restart: boolean } {
  const healing = { ...before };
  const { now, epoch, state } = seen;
  if (epoch > healing.epoch) {
    // A page that was loaded again, and has no connection, does not wait.
    const isFirst = healing.epoch === 0;
    const isBegun = state !== 'none';
    healing.tries += isFirst ? 0 : 1;
    healing.until = isFirst ? now + (isBegun ? FIRST_MS : 0) : now + pause(healing);
    healing.epoch = epoch;
  }
  if (state === 'connected' && !seen.isQuiet) healing.tries = 0;
  const isIll = state !== 'connected' || seen.isQuiet;
  const restart = isIll && seen.isLive && healing.asked === null && now >= healing.until;
  if (restart) healing.asked = now;
  return { healing, restart };
}

/** The reply came, or an error did. */
export function replied(before: Healing, now: number): Healing {
  const trip = before.asked === null ? before.trip : now - before.asked;
  const healing = { ...before, asked: null, trip };
  // An error, or the other side was faster: the next request waits all the same.
  return { ...healing, until: Math.max(healing.until, now + pause(healing)) };
}
