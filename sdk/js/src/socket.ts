/**
 * The WebSocket: identifies, asks and awaits replies, tells events, and comes back by itself.
 *
 * Backs off from 0.5 to 30 seconds with full jitter, tries at once when the network or the page
 * comes back, and takes a connection that went silent for dead. It stops for good on close codes
 * from 4500 on, which say that this client must not come back as it is. See docs/protocol.md.
 */

import { ApiError, offline } from './rest.js';
import type { Events, Problem } from './types.js';

/** How the connection stands. `waiting` is between two tries. */
export type Connection = 'off' | 'connecting' | 'live' | 'waiting';

/** What a socket tells its owner. */
export interface Listener {
  /** A connection is live: nothing that happens from now on is missed. */
  onLive(hello: Events['hello']): void;
  onEvent<K extends keyof Events>(name: K, data: Events[K]): void;
  onState(state: Connection, retryAt: number | null): void;
  /** The server said not to come back; 4500 and 4503 mean that the session is over. */
  onRefused(code: number): void;
}

interface Waiting {
  done(ok: unknown): void;
  fail(error: ApiError): void;
  timer: ReturnType<typeof setTimeout>;
}

type Frame =
  | { re: number | null; ok?: unknown; err?: Problem }
  | { ev: keyof Events; d: Events[keyof Events] };

const FIRST_MS = 500;
const LAST_MS = 30_000;
const CONNECT_MS = 15_000;
const REPLY_MS = 20_000;
/** Silence after which the client asks whether the server is there, and how long that may take. */
const QUIET_MS = 25_000;
const PONG_MS = 10_000;

export class Socket {
  private ws: WebSocket | null = null;
  /** The server knows tabs, and this one by its name. */
  isNamed = false;
  private live = false;
  private wanted = false;
  private tries = 0;
  private lastId = 0;
  private heard = 0;
  private readonly waiting = new Map<number, Waiting>();
  private retry: ReturnType<typeof setTimeout> | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;
  private guard: ReturnType<typeof setTimeout> | undefined;
  private readonly wake = (): void => this.hurry();

  constructor(
    private readonly url: string,
    private readonly token: string,
    /** Which of the session's tabs this is. */
    readonly instance: string,
    private readonly listener: Listener,
  ) {}

  get isLive(): boolean {
    return this.live;
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    addEventListener('online', this.wake);
    addEventListener('pageshow', this.wake);
    document.addEventListener('visibilitychange', this.wake);
    this.open();
  }

  stop(): void {
    this.wanted = false;
    removeEventListener('online', this.wake);
    removeEventListener('pageshow', this.wake);
    document.removeEventListener('visibilitychange', this.wake);
    clearTimeout(this.retry);
    this.drop();
    this.listener.onState('off', null);
  }

  /** Asks the server; the answer is that of the reply, or an `ApiError`. */
  ask<T>(op: string, data: unknown = {}): Promise<T> {
    return new Promise<T>((done, fail) => {
      if (!this.live) return fail(offline());
      this.send(op, data, done as (ok: unknown) => void, fail);
    });
  }

  private send(op: string, d: unknown, done: Waiting['done'], fail: Waiting['fail']): void {
    const id = ++this.lastId;
    const timer = setTimeout(() => {
      this.waiting.delete(id);
      fail(offline('The server does not answer.'));
    }, REPLY_MS);
    this.waiting.set(id, { done, fail, timer });
    this.ws?.send(JSON.stringify({ op, id, d }));
  }

  private open(): void {
    clearTimeout(this.retry);
    this.drop();
    this.listener.onState('connecting', null);
    const ws = new WebSocket(this.url, ['wechat.v1.json']);
    this.ws = ws;
    this.guard = setTimeout(() => ws === this.ws && this.lost(0), CONNECT_MS);
    ws.onopen = () => this.identify({ token: this.token, instance: this.instance });
    ws.onmessage = ({ data }) => ws === this.ws && this.hear(String(data));
    ws.onclose = ({ code }) => ws === this.ws && this.lost(code);
  }

  private identify(who: { token: string; instance?: string }): void {
    this.isNamed = false;
    const known = (): void => { this.isNamed = who.instance !== undefined; };
    this.send('identify', who, known, ({ problem }) => {
      // An older server knows nothing of tabs.
      if (who.instance && problem.status === 400) this.identify({ token: this.token });
    });
  }

  private hear(text: string): void {
    this.heard = Date.now();
    const frame = JSON.parse(text) as Frame;
    if ('re' in frame) {
      const waiting = frame.re === null ? undefined : this.waiting.get(frame.re);
      if (!waiting || frame.re === null) return;
      this.waiting.delete(frame.re);
      clearTimeout(waiting.timer);
      if (frame.err) waiting.fail(new ApiError(frame.err));
      else waiting.done(frame.ok);
    } else if (frame.ev === 'hello') {
      this.greeted(frame.d as Events['hello']);
    } else {
      this.listener.onEvent(frame.ev, frame.d as never);
    }
  }

  private greeted(hello: Events['hello']): void {
    clearTimeout(this.guard);
    this.live = true;
    this.tries = 0;
    this.beat = setInterval(() => this.check(), 5_000);
    this.listener.onState('live', null);
    this.listener.onLive(hello);
  }

  /** A dead network closes no connection: silence must be noticed. */
  private check(): void {
    const quiet = Date.now() - this.heard;
    if (quiet > QUIET_MS + PONG_MS) this.lost(0);
    else if (quiet > QUIET_MS) this.ask('ping').catch(() => undefined);
  }

  private lost(code: number): void {
    this.drop();
    if (!this.wanted) return;
    if (code >= 4500) {
      this.stop();
      this.listener.onRefused(code);
      return;
    }
    const most = Math.min(LAST_MS, FIRST_MS * 2 ** this.tries++);
    const ms = FIRST_MS / 2 + Math.random() * most;
    this.retry = setTimeout(() => this.open(), ms);
    this.listener.onState('waiting', Date.now() + ms);
  }

  /** The network or the page came back: do not wait any longer; see whether a live one still is. */
  private hurry(): void {
    if (!this.wanted || document.visibilityState === 'hidden') return;
    if (!this.live && this.ws === null) this.open();
    else if (this.live && Date.now() - this.heard > PONG_MS) {
      const asked = Date.now();
      this.ask('ping').catch(() => undefined);
      setTimeout(() => this.live && this.heard < asked && this.lost(0), 4_000);
    }
  }

  private drop(): void {
    const ws = this.ws;
    this.ws = null;
    this.live = false;
    clearInterval(this.beat);
    clearTimeout(this.guard);
    ws?.close();
    for (const { fail, timer } of this.waiting.values()) {
      clearTimeout(timer);
      fail(offline('The connection broke.'));
    }
    this.waiting.clear();
  }
}
