/**
 * Microphone and camera: captures, keeps the tracks that the browser gave out under a number each,
 * and stops them. What is captured and when, `call_machine` decides. Loaded with the first call.
 */

import type { MediaError, Track, Wants } from './call_machine.js';

/** Which devices were chosen; the browser's choice where one is missing. */
export interface Chosen {
  mic?: string;
  cam?: string;
}

/** What the browser gave. */
export interface Given {
  mic?: Track;
  cam?: Track;
  error?: MediaError;
}

export interface MediaListener {
  /** A track ended by itself. */
  lost(track: Track): void;
  /** The list of devices changed. */
  devices(): void;
}

export class Media {
  private readonly tracks = new Map<Track, MediaStreamTrack>();
  private last = 0;

  constructor(private readonly listener: MediaListener) {
    navigator.mediaDevices?.addEventListener('devicechange', () => listener.devices());
  }

  async capture(what: Wants, chosen: Chosen): Promise<Given> {
    if (!navigator.mediaDevices) return { error: 'insecure' };
    const of = (wanted: boolean, device?: string): boolean | MediaTrackConstraints =>
      wanted && device ? { deviceId: { exact: device } } : wanted;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: of(what.mic, chosen.mic), video: of(what.cam, chosen.cam),
      });
      const [mic] = stream.getAudioTracks();
      const [cam] = stream.getVideoTracks();
      return { ...(mic && { mic: this.keep(mic) }), ...(cam && { cam: this.keep(cam) }) };
    } catch (error) {
      const { name } = error as DOMException;
      return {
        error: name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'missing',
      };
    }
  }

  private keep(track: MediaStreamTrack): Track {
    const number = ++this.last;
    this.tracks.set(number, track);
    track.onended = () => {
      if (this.tracks.delete(number)) this.listener.lost(number);
    };
    return number;
  }

  get(track: Track | null): MediaStreamTrack | null {
    return track === null ? null : this.tracks.get(track) ?? null;
  }

  stop(track: Track): void {
    const found = this.tracks.get(track);
    this.tracks.delete(track);
    found?.stop();
  }
}
