/**
 * Files: sent with progress, shown as pictures, played, saved.
 *
 * Pictures are fetched with the session in a header and shown from memory, the latest of them kept;
 * for what is played or saved the server gives links that work for some minutes and hold nothing of
 * the session.
 */

import { ApiError, type Rest, offline } from './rest.js';
import type { Attachment, Id, Problem } from './types.js';

/** A file that is to be sent, kept with its message until it is. */
export interface Outgoing {
  blob: Blob;
  name: string;
  kind: 'auto' | 'voice' | 'document';
  /** Once the server has it. */
  id?: Id;
}

/** Pictures kept in memory. */
const KEPT = 150;

export class Files {
  private readonly pictures = new Map<string, Promise<string>>();
  private readonly links = new Map<Id, { url: string; until: number }>();

  constructor(private readonly rest: Rest) {}

  /** Sends a file; `progress` is told from 0 to 1. */
  upload({ blob, name, kind }: Outgoing, progress: (part: number) => void): Promise<Attachment> {
    return new Promise((done, fail) => {
      const form = new FormData();
      form.append('kind', kind);
      form.append('file', blob, name);
      const request = new XMLHttpRequest();
      request.open('POST', `${this.rest.base}/api/v1/files`);
      request.setRequestHeader('authorization', `Bearer ${this.rest.token ?? ''}`);
      request.setRequestHeader('accept-language', this.rest.language);
      request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
      request.onerror = request.onabort = request.ontimeout = () => fail(offline());
      request.onload = () => {
        if (request.status === 201) done(JSON.parse(request.responseText) as Attachment);
        else fail(refused(request));
      };
      request.send(form);
    });
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
    this.pictures.set(path, fetched);
    fetched.catch(() => this.pictures.delete(path));
    for (const [old, url] of this.pictures) {
      if (this.pictures.size <= KEPT) break;
      this.pictures.delete(old);
      void url.then((one) => URL.revokeObjectURL(one), () => undefined);
    }
    return fetched;
  }

  private async fetchPicture(path: string): Promise<string> {
    const headers = { authorization: `Bearer ${this.rest.token ?? ''}` };
    const answer = await fetch(this.rest.base + path, { headers, credentials: 'omit' }).catch(() => {
      throw offline();
    });
    if (!answer.ok) throw problemOf(answer.status, answer.statusText);
    return URL.createObjectURL(await answer.blob());
  }

  /** An address that works for some minutes without a header, to play or to save. */
  async link(file: Id): Promise<string> {
    const known = this.links.get(file);
    if (known && known.until > Date.now()) return known.url;
    const { links } = await this.rest.post<{ links: { url: string; expires: string }[] }>(
      '/files/links', { files: [file] },
    );
    const [one] = links;
    if (!one) throw offline();
    const url = this.rest.base + one.url;
    this.links.set(file, { url, until: Date.parse(one.expires) - 60_000 });
    return url;
  }

  clear(): void {
    for (const url of this.pictures.values()) void url.then((one) => URL.revokeObjectURL(one), () => undefined);
    this.pictures.clear();
    this.links.clear();
  }
}

function refused(request: XMLHttpRequest): ApiError {
  try {
    return new ApiError(JSON.parse(request.responseText) as Problem);
  } catch {
    return problemOf(request.status, request.statusText);
  }
}

function problemOf(status: number, title: string): ApiError {
  const code = status === 413 ? 'too_large' : status >= 500 ? 'unavailable' : 'bad_request';
  return new ApiError({ type: 'about:blank', title, status, code, detail: `${status} ${title}` });
}
