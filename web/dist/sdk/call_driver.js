import { healthy, look, replied } from './call_healing.js';
import { apply, first, isHere, kept, talks, } from './call_machine.js';
import { Media } from './call_media.js';
import { Peer } from './call_peer.js';
import { ApiError } from './rest.js';
const LOOK_MS = 1_000;
const ICE_MS = 60_000;
const QUIET_MS = 5_000;
const BACK_MS = 700;
const EARLY = 200;
const AGAIN_MS = 3_000;
export class CallDriver {
    line;
    storage;
    say;
    state;
    peer = null;
    media = new Media({
        lost: (track) => this.do({ is: 'lost', track }),
        devices: () => this.do({ is: 'devices' }),
    });
    saved = '';
    savedOwed = '';
    picture = null;
    healing = healthy();
    ice = null;
    early = [];
    sent = 0;
    heard = { bytes: 0, at: 0 };
    isBack = false;
    answered = 0;
    beat;
    watching;
    constructor(line, storage, say) {
        this.line = line;
        this.storage = storage;
        this.say = say;
        this.state = first(storage.keptCall());
        globalThis.addEventListener?.('pagehide', () => this.hide());
    }
    get local() {
        const track = this.media.get(this.state.cam);
        if (this.picture?.getVideoTracks()[0] !== (track ?? undefined))
            this.picture = null;
        if (track)
            this.picture ??= new MediaStream([track]);
        return this.picture;
    }
    get isReconnecting() {
        const { way } = this;
        return way === 'disconnected' || way === 'failed' || way === 'none' && talks(this.state);
    }
    stands(call) {
        this.do({ is: 'told', call });
    }
    live() {
        this.do({ is: 'hello' });
        const before = this.peer?.bytes ?? 0;
        setTimeout(() => void this.lookBack(before), BACK_MS);
    }
    clear() {
        for (const track of [this.state.mic, this.state.cam]) {
            if (track !== null)
                this.media.stop(track);
        }
        this.close();
        this.state = { ...first(), n: this.state.n };
        this.ice = null;
        this.keepTime();
        this.touch();
    }
    signalled(signal) {
        if (this.peer && signal.call === this.state.call?.id)
            this.peer.signalled(signal);
        else
            this.early = [...this.early.slice(1 - EARLY), signal];
    }
    do(input) {
        const { state, effects } = apply(this.state, input);
        this.state = state;
        this.keep();
        for (const effect of effects)
            this.carry(effect);
        this.keepTime();
        if (talks(this.state))
            this.heal();
        this.touch();
    }
    carry(effect) {
        switch (effect.do) {
            case 'capture': return void this.capture(effect);
            case 'stop': return this.media.stop(effect.track);
            case 'send': return this.send();
            case 'start':
                return void this.join('start', effect.n, { chat: effect.chat, kind: effect.kind });
            case 'accept': return void this.join('accept', effect.n, { call: effect.call });
            case 'leave': return void this.tellLeft(effect.call, effect.op);
            case 'rings':
                return void this.line.ask('call.alive', { call: effect.call }).catch(() => undefined);
            case 'look': return void this.ask(effect.call);
            case 'negotiate': return this.negotiate(effect.call);
            case 'close': return this.close();
            case 'say': return this.say(effect.notice);
        }
    }
    async capture({ n, mic, cam }) {
        this.do({ is: 'captured', n, ...await this.media.capture({ mic, cam }, this.state.devices) });
    }
    send() {
        const { mic, cam, isMuted } = this.state;
        this.peer?.send(this.media.get(mic), this.media.get(cam), isMuted);
    }
    async join(op, n, what) {
        try {
            const joined = await this.line.ask(`call.${op}`, what);
            this.takeIce(joined);
            this.do({ is: 'joined', n, call: joined.call });
        }
        catch (error) {
            const isOffline = error instanceof ApiError && error.isPassing;
            this.do({
                is: 'refused', n, words: error instanceof Error ? error.message : String(error), isOffline,
            });
        }
    }
    async tellLeft(call, op) {
        try {
            const reply = await this.line.ask(`call.${op}`, { call });
            this.do({ is: 'heard', call });
            this.stands(reply.call);
        }
        catch (error) {
            const isPassing = !(error instanceof ApiError) || error.isPassing;
            if (!isPassing)
                this.do({ is: 'heard', call });
            else
                setTimeout(() => this.tellAgain(call, op), AGAIN_MS);
        }
    }
    tellAgain(call, op) {
        const isOwed = this.state.owed.some((one) => one.call === call);
        if (isOwed && this.line.connection === 'live')
            void this.tellLeft(call, op);
    }
    async ask(call) {
        try {
            this.stands((await this.line.rest.get(`/calls/${call}`)).call);
        }
        catch (error) {
            if (error instanceof ApiError && error.problem.status === 404)
                this.do({ is: 'gone', call });
        }
    }
    negotiate(call) {
        if (!this.peer) {
            this.peer = this.connect(call.id);
            this.send();
            for (const signal of this.early.splice(0))
                this.signalled(signal);
        }
        this.peer.negotiate(call);
    }
    connect(call) {
        this.answered = performance.now();
        const peer = new Peer({
            signal: (epoch, data) => {
                this.line.ask('call.signal', { call, epoch, seq: ++this.sent, data })
                    .catch(() => undefined);
            },
            servers: (now) => this.servers(now),
            moved: () => peer === this.peer && this.moved(),
        });
        return peer;
    }
    close() {
        this.peer?.close();
        this.peer = null;
        this.early = [];
        this.healing = healthy();
        this.heard = { bytes: 0, at: 0 };
        this.isBack = false;
    }
    keep() {
        const { owed, ...call } = kept(this.state);
        const [now, nowOwed] = [JSON.stringify(call), JSON.stringify(owed)];
        if (now !== this.saved)
            this.storage.keepCall(call);
        if (nowOwed !== this.savedOwed)
            this.storage.keepOwed(owed);
        [this.saved, this.savedOwed] = [now, nowOwed];
    }
    takeIce({ call, ice_servers: servers }) {
        if (servers.length)
            this.ice = { call: call.id, servers, at: performance.now() };
    }
    async servers({ id }) {
        const { ice } = this;
        const isFresh = ice?.call === id && performance.now() - ice.at < ICE_MS;
        if (!isFresh) {
            const path = `/calls/${id}/ice`;
            const answer = await this.line.rest.get(path).catch(() => null);
            if (answer?.ice_servers.length) {
                this.ice = { call: id, servers: answer.ice_servers, at: performance.now() };
            }
        }
        return this.ice?.call === id ? this.ice.servers : [];
    }
    keepTime() {
        const every = this.state.call?.alive_every_s ?? 10;
        if (!isHere(this.state))
            clearInterval(this.beat);
        else
            this.beat ??= setInterval(() => this.alive(), every * 1_000);
        if (!isHere(this.state))
            this.beat = undefined;
        if (!talks(this.state))
            clearInterval(this.watching);
        else
            this.watching ??= setInterval(() => void this.watch(), LOOK_MS);
        if (!talks(this.state))
            this.watching = undefined;
    }
    moved() {
        if (this.peer?.state === 'connected')
            this.alive();
        this.heal();
        this.touch();
    }
    alive() {
        const { call } = this.state;
        if (!call || !isHere(this.state))
            return;
        const connected = this.peer?.state === 'connected';
        this.line.ask('call.alive', { call: call.id, connected }).then((reply) => this.stands(reply.call), (error) => this.contradicted(call.id, error));
    }
    contradicted(call, error) {
        if (error instanceof ApiError && !error.isPassing)
            void this.ask(call);
    }
    async watch() {
        const { peer } = this;
        const before = peer?.report.local;
        await peer?.watch();
        if (peer !== this.peer)
            return;
        const now = performance.now();
        const bytes = peer?.bytes ?? 0;
        if (bytes !== this.heard.bytes) {
            this.heard = { bytes, at: now };
            this.isBack = false;
        }
        if (peer && !before && peer.report.local)
            this.tellWay(peer);
        this.heal();
    }
    async lookBack(before) {
        const { peer } = this;
        if (!peer || !before || peer.state !== 'connected')
            return;
        await peer.watch();
        const first = peer.bytes;
        await new Promise((done) => setTimeout(done, BACK_MS));
        await peer.watch();
        if (peer !== this.peer || peer.bytes !== first)
            return;
        this.isBack = true;
        this.heal();
    }
    get isQuiet() {
        const isSilent = this.heard.at > 0 && performance.now() - this.heard.at > QUIET_MS;
        return this.isBack || isSilent && this.peer?.told.audio !== false;
    }
    get way() {
        if (this.state.peer === null)
            return 'none';
        const state = this.peer?.state ?? 'none';
        return state === 'none' ? 'new' : state;
    }
    heal() {
        const { call } = this.state;
        if (!call || !talks(this.state))
            return;
        const { healing, restart } = look(this.healing, {
            now: performance.now(),
            epoch: call.epoch,
            state: this.way,
            isQuiet: this.isQuiet,
            isLive: this.line.connection === 'live',
        });
        this.healing = healing;
        if (restart)
            void this.restart(call);
    }
    async restart({ id, epoch }) {
        this.isBack = false;
        this.heard.at = 0;
        const what = { call: id, epoch, fresh: this.state.peer === null };
        try {
            const joined = await this.line.ask('call.restart', what);
            this.healing = replied(this.healing, performance.now());
            this.takeIce(joined);
            this.stands(joined.call);
        }
        catch (error) {
            this.healing = replied(this.healing, performance.now());
            this.contradicted(id, error);
        }
    }
    tellWay(peer) {
        const { call } = this.state;
        if (!call)
            return;
        peer.report.setup_ms ??= Math.round(performance.now() - this.answered);
        this.line.ask('call.report', { call: call.id, report: peer.report }).catch(() => undefined);
    }
    hide() {
        const { call } = this.state;
        if (!call || call.state !== 'ringing' || call.role !== 'caller' || !isHere(this.state))
            return;
        this.do({ is: 'leave' });
        const request = { method: 'POST', body: {}, keepalive: true };
        this.line.rest.ask(`/calls/${call.id}/hangup`, request).catch(() => undefined);
    }
    touch() {
        this.line.changes.touch('call');
    }
}
