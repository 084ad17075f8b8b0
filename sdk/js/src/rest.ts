/**
 * Requests to `/api/v1`. The token goes into the header `Authorization` alone; an answer that is an
 * error becomes an `ApiError` with the server's stable `code` and its text for people.
 */

import type { Problem } from './types.js';

/** An error that the server named, or that kept the request from reaching it. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.name = 'ApiError';
  }

  get code(): string {
    return this.problem.code;
  }

  /** Nothing is known of the request: asking again is right when it is safe to repeat. */
  get isOffline(): boolean {
    return this.problem.code === 'offline';
  }

  /** Asking again later may help, without changing anything. */
  get isPassing(): boolean {
    return this.isOffline || this.problem.status >= 500 || this.problem.status === 429;
  }
}

/** The error for a request that did not reach the server, or whose answer was lost. */
export const offline = (detail = 'The server cannot be reached.'): ApiError =>
  new ApiError({ type: 'about:blank', title: 'Offline', status: 0, code: 'offline', detail });

/** The error for a change of a message that is no longer where it was. */
export const gone = (detail = 'This message is not there any more.'): ApiError =>
  new ApiError({ type: 'about:blank', title: 'Not found', status: 404, code: 'not_found', detail });

/** What makes up a request. */
export interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  body?: unknown;
  /** Query parameters; `undefined` ones are left out. */
  query?: Record<string, string | number | undefined>;
  /** More headers. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** It goes out although the page is being closed. */
  keepalive?: boolean;
}

/** The REST side of a server. */
export class Rest {
  token: string | null = null;
  /** Which of the session's tabs asks. */
  instance: string | null = null;
  /** Which language the server's texts come in. */
  language = 'en';

  /** `base` is the server's origin; empty for that of the page. */
  constructor(readonly base: string) {}

  async ask<T>(
    path: string, { method = 'GET', body, query, signal, keepalive, ...more }: Ask = {},
  ): Promise<T> {
    const headers: Record<string, string> = { ...more.headers, 'accept-language': this.language };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (this.instance) headers.instance = this.instance;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    const url = `${this.base}/api/v1${path}${given.length ? `?${search}` : ''}`;
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(url, {
        method,
        headers,
        signal: signal ?? AbortSignal.timeout(20_000),
        credentials: 'omit',
        cache: 'no-store',
        ...(keepalive ? { keepalive } : {}),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await answer.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw offline();
    }
    if (answer.ok) return (text ? JSON.parse(text) : undefined) as T;
    throw new ApiError(problem(answer, text));
  }

  get<T>(path: string, query?: Ask['query']): Promise<T> {
    return this.ask(path, query ? { query } : {});
  }

  post<T>(path: string, body?: unknown): Promise<T> {
    return this.ask(path, { method: 'POST', body });
  }

  put<T>(path: string, body?: unknown): Promise<T> {
    return this.ask(path, { method: 'PUT', body });
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.ask(path, { method: 'PATCH', body });
  }

  delete<T>(path: string, query?: Ask['query']): Promise<T> {
    return this.ask(path, query ? { method: 'DELETE', query } : { method: 'DELETE' });
  }
}

/** A proxy before the server may answer with something that is no problem. */
function problem(answer: Response, text: string): Problem {
  try {
    const told = JSON.parse(text) as Problem;
    if (typeof told.code === 'string' && typeof told.detail === 'string') return told;
  } catch {
    // Not JSON: told below by its status.
  }
  const title = answer.statusText || 'Error';
  const code = answer.status >= 500 ? 'unavailable' : 'bad_request';
  return {
    type: 'about:blank', title, status: answer.status, code, detail: `${answer.status} ${title}`,
  };
}
