import { ApiError, offline } from './rest.js';
const FIRST_MS = 500;
const LAST_MS = 30_000;
const CONNECT_MS = 15_000;
const REPLY_MS = 20_000;
const QUIET_MS = 25_000;
const PONG_MS = 10_000;
export class Socket {
    url;
    token;
    instance;
    listener;
    ws = null;
    isNamed = false;
    live = false;
    wanted = false;
    tries = 0;
    lastId = 0;
    heard = 0;
    waiting = new Map();
    retry;
    beat;
    guard;
    wake = () => this.hurry();
    constructor(url, token, instance, listener) {
        this.url = url;
        this.token = token;
        this.instance = instance;
        this.listener = listener;
    }
    get isLive() {
        return this.live;
    }
    start() {
        if (this.wanted)
            return;
        this.wanted = true;
        addEventListener('online', this.wake);
        addEventListener('pageshow', this.wake);
        document.addEventListener('visibilitychange', this.wake);
        this.open();
    }
    stop() {
        this.wanted = false;
        removeEventListener('online', this.wake);
        removeEventListener('pageshow', this.wake);
        document.removeEventListener('visibilitychange', this.wake);
        clearTimeout(this.retry);
        this.drop();
        this.listener.onState('off', null);
    }
    ask(op, data = {}) {
        return new Promise((done, fail) => {
            if (!this.live)
                return fail(offline());
            this.send(op, data, done, fail);
        });
    }
    send(op, d, done, fail) {
        const id = ++this.lastId;
        const timer = setTimeout(() => {
            this.waiting.delete(id);
            fail(offline('The server does not answer.'));
        }, REPLY_MS);
        this.waiting.set(id, { done, fail, timer });
        this.ws?.send(JSON.stringify({ op, id, d }));
    }
    open() {
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
    identify(who) {
        this.isNamed = false;
        const known = () => { this.isNamed = who.instance !== undefined; };
        this.send('identify', who, known, ({ problem }) => {
            if (who.instance && problem.status === 400)
                this.identify({ token: this.token });
        });
    }
    hear(text) {
        this.heard = Date.now();
        const frame = JSON.parse(text);
        if ('re' in frame) {
            const waiting = frame.re === null ? undefined : this.waiting.get(frame.re);
            if (!waiting || frame.re === null)
                return;
            this.waiting.delete(frame.re);
            clearTimeout(waiting.timer);
            if (frame.err)
                waiting.fail(new ApiError(frame.err));
            else
                waiting.done(frame.ok);
        }
        else if (frame.ev === 'hello') {
            this.greeted(frame.d);
        }
        else {
            this.listener.onEvent(frame.ev, frame.d);
        }
    }
    greeted(hello) {
        clearTimeout(this.guard);
        this.live = true;
        this.tries = 0;
        this.beat = setInterval(() => this.check(), 5_000);
        this.listener.onState('live', null);
        this.listener.onLive(hello);
    }
    check() {
        const quiet = Date.now() - this.heard;
        if (quiet > QUIET_MS + PONG_MS)
            this.lost(0);
        else if (quiet > QUIET_MS)
            this.ask('ping').catch(() => undefined);
    }
    lost(code) {
        this.drop();
        if (!this.wanted)
            return;
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
    hurry() {
        if (!this.wanted || document.visibilityState === 'hidden')
            return;
        if (!this.live && this.ws === null)
            this.open();
        else if (this.live && Date.now() - this.heard > PONG_MS) {
            const asked = Date.now();
            this.ask('ping').catch(() => undefined);
            setTimeout(() => this.live && this.heard < asked && this.lost(0), 4_000);
        }
    }
    drop() {
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
