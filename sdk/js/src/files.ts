/**
 * Files: sent with progress, shown as pictures, played, saved.
 *
 * Pictures are fetched with the session in a header and shown from memory, the latest of them kept;
 * for what is played or saved the server gives links that work for some minutes and hold nothing of
 * the session.
 */

import type { Outgoing, Upload } from './outgoing.js';
import { ApiError, type Rest, offline } from './rest.js';
import type { Attachment, Id } from './types.js';

/** Pictures kept in memory. */
const KEPT = 150;
/** A link is not begun with when it has less than this left. */
const LEFT_MS = 60_000;

export class Files {
  private readonly pictures = new Map<string, Promise<string>>();
  private readonly links = new Map<Id, { url: string; until: number }>();

  constructor(private readonly rest: Rest) {}

  /** Sends a file; what became of it on the way is noted in `file`. */
  async upload(file: Outgoing, how: Upload): Promise<Attachment> {
    const module = await import('./upload.js').catch(() => { throw offline(); });
    return module.upload(this.rest, file, how);
  }

  /** The address of a picture in memory, for `<img>`. `path` is one of an attachment's. */
  picture(path: string): Promise<string> {
    const known = this.pictures.get(path);
    if (known) {
      this.pictures.delete(path);
      this.pictures.set(path, known);
      return known;
    }
    const fetched = this.fetchPicture(path);
    this.keepPicture(path, fetched);
    fetched.catch(() => this.pictures.delete(path));
    return fetched;
  }

  /** A picture that was sent from here need not be fetched. */
  sent({ kind, url, large_url }: Attachment, blob: Blob): void {
    if (kind === 'image') {
      this.keepPicture(large_url ?? url, Promise.resolve(URL.createObjectURL(blob)));
    }
  }

  private keepPicture(path: string, url: Promise<string>): void {
    this.pictures.set(path, url);
    for (const [old, one] of this.pictures) {
      if (this.pictures.size <= KEPT) break;
      this.pictures.delete(old);
      forget(one);
    }
  }

  private async fetchPicture(path: string): Promise<string> {
    const headers = {
      authorization: `Bearer ${this.rest.token ?? ''}`, 'accept-language': this.rest.language,
    };
    const answer =
      await fetch(this.rest.base + path, { headers, credentials: 'omit' }).catch(() => {
      throw offline();
    });
    if (!answer.ok) throw problemOf(answer.status, answer.statusText);
    return URL.createObjectURL(await answer.blob());
  }

  /** An address that works for some minutes without a header, to play or to save. */
  async link(file: Id): Promise<string> {
    const known = this.links.get(file);
    if (known && known.until > Date.now() + LEFT_MS) return known.url;
    const { links } = await this.rest.post<{ links: { url: string; expires: string }[] }>(
      '/files/links', { files: [file] },
    );
    const [one] = links;
    if (!one) throw problemOf(404, 'Not Found');
    const url = this.rest.base + one.url;
    this.links.set(file, { url, until: Date.parse(one.expires) });
    return url;
  }

  /** How much of one's quota is used, in bytes. */
  storage(): Promise<{ used: number; quota: number }> {
    return this.rest.get('/me/storage');
  }

  clear(): void {
    for (const url of this.pictures.values()) forget(url);
    this.pictures.clear();
    this.links.clear();
  }
}

function forget(url: Promise<string>): void {
  void url.then((one) => URL.revokeObjectURL(one), () => undefined);
}

function problemOf(status: number, title: string): ApiError {
  const code = status === 404 ? 'not_found' : status >= 500 ? 'unavailable' : 'bad_request';
  return new ApiError({ type: 'about:blank', title, status, code, detail: `${status} ${title}` });
}
