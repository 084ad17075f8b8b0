export class Media {
    listener;
    tracks = new Map();
    last = 0;
    constructor(listener) {
        this.listener = listener;
        navigator.mediaDevices?.addEventListener('devicechange', () => listener.devices());
    }
    async capture(what, chosen) {
        if (!navigator.mediaDevices)
            return { error: 'insecure' };
        const of = (wanted, device) => wanted && device ? { deviceId: { exact: device } } : wanted;
        try {
            const stream = await navigator.mediaDevices.getUserMedia({
                audio: of(what.mic, chosen.mic), video: of(what.cam, chosen.cam),
            });
            const [mic] = stream.getAudioTracks();
            const [cam] = stream.getVideoTracks();
            return { ...(mic && { mic: this.keep(mic) }), ...(cam && { cam: this.keep(cam) }) };
        }
        catch (error) {
            const { name } = error;
            return {
                error: name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'missing',
            };
        }
    }
    keep(track) {
        const number = ++this.last;
        this.tracks.set(number, track);
        track.onended = () => {
            if (this.tracks.delete(number))
                this.listener.lost(number);
        };
        return number;
    }
    get(track) {
        return track === null ? null : this.tracks.get(track) ?? null;
    }
    stop(track) {
        const found = this.tracks.get(track);
        this.tracks.delete(track);
        found?.stop();
    }
}
