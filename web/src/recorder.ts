/** Records a voice message from the microphone. */

import { signal } from '@preact/signals';

import { t } from './i18n.js';
import { say } from './state.js';

/** When the recording began, in milliseconds since 1970; 0 while there is none. */
export const recording = signal(0);

let recorder: MediaRecorder | null = null;
let parts: Blob[] = [];

const TYPES = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];

export async function record(): Promise<void> {
  if (!navigator.mediaDevices || typeof MediaRecorder === 'undefined') {
    say(t('call.insecure', { secure: `https://${location.host}` }), true);
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    recorder = new MediaRecorder(stream, mimeType ? { mimeType, audioBitsPerSecond: 32_000 } : {});
    parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.start(1_000);
    recording.value = Date.now();
  } catch {
    say(t('call.denied'), true);
  }
}

/** Ends it; gives the sound, or nothing when it is not wanted or too short to be meant. */
export function finish(isWanted: boolean): Promise<Blob | null> {
  const now = recorder;
  const isShort = Date.now() - recording.value < 700;
  recorder = null;
  recording.value = 0;
  if (!now) return Promise.resolve(null);
  return new Promise((done) => {
    now.onstop = () => {
      for (const track of now.stream.getTracks()) track.stop();
      const type = (now.mimeType || 'audio/webm').split(';')[0] ?? 'audio/webm';
      done(isWanted && !isShort ? new Blob(parts, { type }) : null);
      parts = [];
    };
    now.stop();
  });
}
