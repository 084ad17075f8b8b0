import { t } from './i18n.js';
import { recording, say } from './state.js';
let recorder = null;
let parts = [];
const TYPES = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];
const SHORTEST_MS = 700;
const LONGEST_MS = 60 * 60_000;
export async function record(chat) {
    if (recorder)
        return;
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
        recording.value = { chat, since: Date.now() };
    }
    catch {
        say(t('file.no_microphone'), true);
    }
}
export async function finish(isWanted) {
    const now = recorder;
    const ms = Math.min(LONGEST_MS, Date.now() - (recording.peek()?.since ?? 0));
    recorder = null;
    recording.value = null;
    if (!now)
        return null;
    await new Promise((done) => {
        now.onstop = () => done();
        if (now.state === 'inactive')
            done();
        else
            now.stop();
    });
    for (const track of now.stream.getTracks())
        track.stop();
    const type = (now.mimeType || 'audio/webm').split(';')[0] ?? 'audio/webm';
    const blob = new Blob(parts, { type });
    parts = [];
    if (isWanted && ms < SHORTEST_MS)
        say(t('file.too_short'));
    if (!isWanted || ms < SHORTEST_MS)
        return null;
    return { blob, name: `voice.${type.split('/')[1] ?? 'webm'}`, kind: 'voice', duration_ms: ms };
}
export function limit() {
    const since = recording.peek()?.since;
    if (since && Date.now() - since > LONGEST_MS && recorder?.state === 'recording')
        recorder.stop();
}
