const FIRST_MS = 6_000;
const PAUSE_MS = 3_000;
const LONGEST_MS = 15_000;
const TRIPS = 3;
export const healthy = () => ({ epoch: 0, until: 0, asked: null, trip: 0, tries: 0 });
const pause = ({ tries, trip }) => Math.min(LONGEST_MS, PAUSE_MS * 1.5 ** Math.max(0, tries - 1) + TRIPS * trip);
export function look(before, seen) {
    const healing = { ...before };
    const { now, epoch, state } = seen;
    if (epoch > healing.epoch) {
        const isFirst = healing.epoch === 0;
        const isBegun = state !== 'none';
        healing.tries += isFirst ? 0 : 1;
        healing.until = isFirst ? now + (isBegun ? FIRST_MS : 0) : now + pause(healing);
        healing.epoch = epoch;
    }
    if (state === 'connected' && !seen.isQuiet)
        healing.tries = 0;
    const isIll = state !== 'connected' || seen.isQuiet;
    const restart = isIll && seen.isLive && healing.asked === null && now >= healing.until;
    if (restart)
        healing.asked = now;
    return { healing, restart };
}
export function replied(before, now) {
    const trip = before.asked === null ? before.trip : now - before.asked;
    const healing = { ...before, asked: null, trip };
    return { ...healing, until: Math.max(healing.until, now + pause(healing)) };
}
