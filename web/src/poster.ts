/**
 * What a film looks like and how long it takes, found in the browser: the server decodes no films.
 */

import type { Outgoing } from 'wechat-sdk';

const LONG_PX = 1_280;
const WITHIN_MS = 4_000;

/**
 * Adds a picture and the length to a film that is to be sent; nothing where it cannot be played.
 */
export async function describe(file: Outgoing): Promise<void> {
  const video = document.createElement('video');
  const url = URL.createObjectURL(file.blob);
  try {
    video.muted = true;
    video.preload = 'auto';
    video.src = url;
    await happens(video, 'loadeddata');
    await learnLength(video);
    if (Number.isFinite(video.duration)) file.duration_ms = video.duration * 1000;
    video.currentTime = Math.min(1, (video.duration || 0) / 3);
    await happens(video, 'seeked');
    const poster = await draw(video);
    if (poster) file.poster = poster;
  } catch {
    // A film that this browser cannot play goes without.
  } finally {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** Films of recorders do not say how long they are before their end was seen. */
async function learnLength(video: HTMLVideoElement): Promise<void> {
  if (Number.isFinite(video.duration)) return;
  video.currentTime = 1e7;
  await happens(video, 'seeked');
}

function draw(video: HTMLVideoElement): Promise<Blob | null> {
  const { videoWidth, videoHeight } = video;
  if (!videoWidth || !videoHeight) return Promise.resolve(null);
  const scale = Math.min(1, LONG_PX / Math.max(videoWidth, videoHeight));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(videoWidth * scale);
  canvas.height = Math.round(videoHeight * scale);
  canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.85));
}

function happens(video: HTMLVideoElement, event: string): Promise<void> {
  return new Promise((done, fail) => {
    setTimeout(() => fail(new Error(event)), WITHIN_MS);
    video.addEventListener(event, () => done(), { once: true });
    video.addEventListener('error', () => fail(new Error('error')), { once: true });
  });
}
