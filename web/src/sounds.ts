/** Sounds made on the spot: ringing, being rung, a message. */

import { sounds } from './state.js';

let audio: AudioContext | null = null;
let again: ReturnType<typeof setInterval> | undefined;

/** Browsers let sound out only after a person has done something on the page. */
function context(): AudioContext | null {
  try {
    audio ??= new AudioContext();
    if (audio.state === 'suspended') void audio.resume();
    return audio;
  } catch {
    return null;
  }
}

for (const event of ['pointerdown', 'keydown'] as const) {
  addEventListener(
    event, () => { if (audio?.state === 'suspended') void audio.resume(); }, { passive: true },
  );
}

function tone(hz: number, at: number, seconds: number, loud: number): void {
  const out = context();
  if (!out || out.state === 'suspended') return;
  const begin = out.currentTime + at;
  const [source, gain] = [out.createOscillator(), out.createGain()];
  source.type = 'sine';
  source.frequency.value = hz;
  gain.gain.setValueAtTime(0, begin);
  gain.gain.linearRampToValueAtTime(loud, begin + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, begin + seconds);
  source.connect(gain).connect(out.destination);
  source.start(begin);
  source.stop(begin + seconds);
}

function melody(): void {
  [660, 784, 988, 784].forEach((hz, at) => tone(hz, at * 0.18, 0.4, 0.16));
  navigator.vibrate?.([250, 120, 250]);
}

/** Rings until `silence`: `in` for being called, `out` for calling. */
export function ring(way: 'in' | 'out'): void {
  silence();
  if (way === 'in' && !sounds.value) return;
  const once = way === 'in' ? melody : () => tone(425, 0, 1, 0.06);
  once();
  again = setInterval(once, way === 'in' ? 2_000 : 3_500);
}

export function silence(): void {
  clearInterval(again);
  again = undefined;
}

let pinged = 0;

/** A message came; many at once make one sound. */
export function ping(): void {
  if (!sounds.value || Date.now() - pinged < 1_500) return;
  pinged = Date.now();
  tone(880, 0, 0.16, 0.07);
  tone(1175, 0.09, 0.22, 0.06);
}
