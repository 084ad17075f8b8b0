const NONE = { mic: false, cam: false };
const LOSSES = 3;
const REMEMBERED = 16;
export function first(kept) {
    const owed = kept?.owed ?? [];
    return {
        call: null, mine: kept?.mine ?? null, doing: null, wants: kept?.wants ?? NONE,
        isMuted: kept?.isMuted ?? false, capture: null, mic: null, cam: null, devices: {}, swaps: NONE,
        losses: 0, isMicLost: false, peer: null, behind: 0, problem: null, owed,
        left: owed.map(({ call }) => call), abandoned: null, shown: 0, n: 0,
    };
}
export const kept = ({ mine, isMuted, wants, owed }) => ({ mine, isMuted, wants, owed });
export const isLive = ({ call }) => !!call && call.state !== 'ended';
export const isHere = (state) => isLive(state) && state.call?.on === 'this_device' && state.mine === state.call.id;
export const rings = ({ call }) => call?.state === 'ringing' && call.role === 'callee';
export const talks = (state) => isHere(state) && state.call?.state !== 'ringing';
const needs = (state) => !!state.doing || isHere(state);
const needed = (state) => needs(state) ? state.wants : NONE;
export function apply(before, input) {
    const step = new Step(before);
    step.take(input);
    step.settle(before, input);
    return { state: step.state, effects: step.effects };
}
class Step {
    state;
    effects = [];
    constructor(before) {
        this.state = { ...before };
    }
    take(input) {
        switch (input.is) {
            case 'start': return this.start(input.chat, input.kind, input.mic);
            case 'accept': return this.accept(input.mic, input.cam);
            case 'leave': return this.leave();
            case 'dismiss': return this.dismiss();
            case 'mute': return this.mute(input.on);
            case 'camera': return this.want({ cam: input.on });
            case 'choose': return this.choose(input.kind, input.device);
            case 'captured': return this.captured(input);
            case 'lost': return this.lost(input.track);
            case 'devices': return this.devices();
            case 'joined': return this.joined(input.n, input.call);
            case 'refused': return this.refused(input);
            case 'told': return this.told(input.call);
            case 'gone': return this.gone(input.call);
            case 'heard': return this.forget(input.call);
            case 'hello': return this.hello();
        }
    }
    start(chat, kind, mic) {
        const { state } = this;
        if (state.doing || rings(state))
            return;
        if (isHere(state))
            return void (state.shown += 1);
        if (isLive(state))
            return this.say('elsewhere');
        this.rest();
        state.call = state.problem = null;
        if (state.abandoned === chat)
            state.abandoned = null;
        state.doing = { what: 'start', n: ++state.n, chat, kind, asked: false };
        state.wants = { mic, cam: mic && kind === 'video' };
    }
    accept(mic, cam) {
        const { state } = this;
        if (!state.call || !rings(state) || state.doing?.what === 'accept')
            return;
        if (state.doing)
            this.abandon();
        this.rest();
        state.problem = null;
        state.doing = { what: 'accept', n: ++state.n, call: state.call.id, asked: false };
        state.wants = { mic, cam };
    }
    leave() {
        const { state } = this;
        const wasStarting = state.doing?.what === 'start';
        if (state.doing)
            this.abandon();
        state.problem = null;
        const { call } = state;
        if (!call || call.state === 'ended')
            return wasStarting ? this.rest() : this.dismiss();
        this.owe(call);
        const reason = call.state !== 'ringing' ? 'hangup' : call.role === 'caller' ? 'cancelled' : 'rejected';
        state.call = rings(state) ? null : { ...call, state: 'ended', reason };
        this.rest();
    }
    abandon() {
        const { doing } = this.state;
        if (doing?.what === 'start' && doing.asked)
            this.state.abandoned = doing.chat;
        this.state.doing = null;
    }
    owe({ id, state: at, role }) {
        const { state } = this;
        const op = at !== 'ringing' ? 'hangup' : role === 'caller' ? 'cancel' : 'reject';
        if (!state.left.includes(id))
            state.left = [...state.left.slice(1 - REMEMBERED), id];
        if (state.owed.some(({ call }) => call === id))
            return;
        state.owed = [...state.owed, { call: id, op }];
        this.effects.push({ do: 'leave', call: id, op });
    }
    disown(call) {
        const { state } = this;
        this.owe(call);
        if (state.abandoned === call.chat)
            state.abandoned = null;
        if (state.call?.id === call.id)
            state.call = null;
    }
    dismiss() {
        const { state } = this;
        if (!isLive(state))
            state.call = null;
        state.problem = null;
    }
    mute(on) {
        const { state } = this;
        if (!needs(state))
            return;
        state.isMuted = on;
        if (!on && !state.wants.mic)
            this.want({ mic: true });
    }
    want(change) {
        const { state } = this;
        if (needs(state))
            state.wants = { ...state.wants, ...change };
    }
    choose(kind, device) {
        const { state } = this;
        if (!needs(state))
            return;
        state.devices = { ...state.devices, [kind]: device };
        state.swaps = { ...state.swaps, [kind]: state[kind] !== null || !!state.capture?.[kind] };
        this.want({ [kind]: true });
    }
    captured({ n, mic, cam, error }) {
        const { state } = this;
        const { capture } = state;
        if (capture?.n !== n)
            return;
        state.capture = null;
        if (error)
            return this.failed(capture, error);
        if (mic !== undefined) {
            if (state.losses && needs(state))
                this.say('mic_changed');
            state.mic = mic;
            state.isMicLost = false;
        }
        if (cam !== undefined)
            state.cam = cam;
    }
    failed(capture, error) {
        const { state } = this;
        const { doing } = state;
        if (!needs(state))
            return;
        if (capture.cam) {
            if (!state.wants.cam)
                return;
            state.wants = { ...state.wants, cam: state.cam !== null };
            delete (state.devices = { ...state.devices }).cam;
            this.say('camera');
        }
        else if (!state.wants.mic) {
        }
        else if (state.mic !== null) {
            delete (state.devices = { ...state.devices }).mic;
            this.say('mic_kept');
        }
        else if (doing && !doing.asked) {
            state.problem = { what: 'media', error, again: doing.what === 'accept'
                    ? { accept: doing.call } : { start: { chat: doing.chat, kind: doing.kind } } };
            state.doing = null;
            this.rest();
        }
        else {
            this.listenOnly();
        }
    }
    listenOnly() {
        this.state.wants = { ...this.state.wants, mic: false };
        this.state.isMicLost = true;
        this.say('mic_gone');
    }
    lost(track) {
        const { state } = this;
        if (track === state.cam) {
            state.cam = null;
            state.wants = { ...state.wants, cam: false };
            this.say('camera');
        }
        if (track !== state.mic)
            return;
        state.mic = null;
        state.losses += 1;
        delete (state.devices = { ...state.devices }).mic;
        if (state.losses > LOSSES)
            this.listenOnly();
    }
    devices() {
        const { state } = this;
        state.losses = state.mic === null ? state.losses : 0;
        if (!state.isMicLost || !needs(state))
            return;
        state.isMicLost = false;
        this.want({ mic: true });
    }
    joined(n, call) {
        const { state } = this;
        const { doing } = state;
        const isAnswer = doing?.what === 'accept' && doing.call === call.id;
        if (doing?.n !== n && !isAnswer) {
            if (state.mine !== call.id && call.state !== 'ended')
                return this.disown(call);
            return this.told(call);
        }
        state.mine = call.id;
        this.told(call);
        if (state.doing === doing)
            state.doing = null;
    }
    refused({ n, words, isOffline }) {
        const { state } = this;
        const { doing } = state;
        if (doing?.n !== n)
            return;
        state.doing = null;
        if (doing.what === 'start') {
            if (isOffline)
                state.abandoned = doing.chat;
            state.problem = { what: 'refused', words };
            this.rest();
        }
        else if (!isOffline && state.call?.id === doing.call) {
            this.effects.push({ do: 'look', call: doing.call });
            this.rest();
        }
    }
    told(call) {
        const { state } = this;
        const before = state.call;
        if (state.left.includes(call.id))
            return this.toldOfLeft(call);
        if (before?.id === call.id && call.version < before.version)
            return;
        if (before?.id !== call.id && isLive(state) && call.state === 'ended')
            return;
        if (this.isUnwanted(call))
            return this.disown(call);
        if (before && before.id !== call.id && state.mine === before.id)
            this.rest();
        this.meet(call);
        state.call = call;
        if (rings(state) && before?.id !== call.id)
            this.effects.push({ do: 'rings', call: call.id });
        if (call.state === 'ended')
            this.ended(call, before);
        else if (call.on === 'other_device' && state.mine === call.id)
            this.rest();
        this.drop(call);
    }
    isUnwanted(call) {
        const { abandoned, mine, doing } = this.state;
        return abandoned === call.chat && call.on === 'this_device' && call.state !== 'ended'
            && mine !== call.id && !doing;
    }
    meet(call) {
        const { state } = this;
        const { doing } = state;
        const isPressed = doing?.what === 'start' ? doing.asked && doing.chat === call.chat : doing?.call === call.id;
        if (isPressed && call.on === 'this_device' && call.state !== 'ended')
            state.mine = call.id;
        const isKnown = state.call?.id === call.id || !!doing?.asked;
        if (!isKnown)
            state.behind = call.state === 'ringing' ? 0 : call.epoch;
    }
    drop(call) {
        const { state } = this;
        const { doing } = state;
        if (doing?.what === 'start' && doing.asked && call.id === state.mine)
            state.doing = null;
        if (doing?.what === 'accept' && doing.call === call.id && call.state !== 'ringing') {
            state.doing = null;
        }
        const { problem } = state;
        const isAnswer = problem?.what === 'media' && 'accept' in problem.again;
        if (isAnswer && !rings(state))
            state.problem = null;
    }
    ended(call, before) {
        const { state } = this;
        const isStarting = state.doing?.what === 'start';
        if (!isStarting)
            this.rest();
        const isSeen = before?.id === call.id && before.on !== 'other_device';
        const rang = before?.role === 'callee' && before.state === 'ringing';
        if (!isSeen || rang || isStarting)
            state.call = null;
    }
    toldOfLeft(call) {
        const { state } = this;
        if (call.state !== 'ended')
            return;
        this.forget(call.id);
        if (state.call?.id === call.id)
            state.call = call;
    }
    gone(id) {
        const { state } = this;
        this.forget(id);
        if (state.mine === id)
            this.rest();
        if (state.call?.id !== id || !isLive(state))
            return;
        if (state.doing?.what === 'accept')
            state.doing = null;
        state.call = rings(state) ? null : { ...state.call, state: 'ended', reason: 'lost' };
        this.drop({ ...state.call, id, state: 'ended' });
    }
    forget(id) {
        this.state.owed = this.state.owed.filter(({ call }) => call !== id);
    }
    hello() {
        const { call, mine, owed } = this.state;
        for (const { call: id, op } of owed)
            this.effects.push({ do: 'leave', call: id, op });
        const id = isLive(this.state) ? call?.id : mine;
        if (id)
            this.effects.push({ do: 'look', call: id });
    }
    rest() {
        Object.assign(this.state, {
            mine: null, wants: NONE, isMuted: false, behind: 0, swaps: NONE, losses: 0, isMicLost: false,
        });
    }
    say(notice) {
        this.effects.push({ do: 'say', notice });
    }
    settle(before, input) {
        const { state } = this;
        const need = needed(state);
        if (!need.mic)
            state.mic = null;
        if (!need.cam)
            state.cam = null;
        if (state.peer !== null && !talks(state)) {
            state.peer = null;
            this.effects.push({ do: 'close' });
        }
        this.stop(before, input);
        if (before.mic !== state.mic || before.cam !== state.cam || before.isMuted !== state.isMuted) {
            const { mic, cam, isMuted } = state;
            this.effects.push({ do: 'send', mic, cam, isMuted });
        }
        this.capture(need);
        this.ask();
        this.negotiate();
    }
    stop(before, input) {
        const given = input.is === 'captured' ? [input.mic, input.cam] : [];
        const ended = input.is === 'lost' ? input.track : undefined;
        for (const track of new Set([before.mic, before.cam, ...given])) {
            if (track === null || track === undefined || track === ended)
                continue;
            const isHeld = track === this.state.mic || track === this.state.cam;
            if (!isHeld)
                this.effects.push({ do: 'stop', track });
        }
    }
    capture(need) {
        const { state } = this;
        if (state.capture)
            return;
        const mic = need.mic && (state.mic === null || state.swaps.mic);
        const cam = need.cam && (state.cam === null || state.swaps.cam);
        if (!mic && !cam)
            return;
        const isSwap = state.swaps.mic || state.swaps.cam;
        const what = isSwap && mic ? { mic, cam: false } : { mic, cam };
        state.swaps = { mic: state.swaps.mic && !what.mic, cam: state.swaps.cam && !what.cam };
        state.capture = { n: ++state.n, ...what };
        this.effects.push({ do: 'capture', ...state.capture });
    }
    ask() {
        const { state } = this;
        const { doing, wants } = state;
        const isWaiting = wants.mic && state.mic === null || wants.cam && state.cam === null;
        if (!doing || doing.asked || isWaiting)
            return;
        state.doing = { ...doing, asked: true };
        if (doing.what === 'start') {
            this.effects.push({ do: 'start', n: doing.n, chat: doing.chat, kind: doing.kind });
        }
        else {
            state.mine = doing.call;
            this.effects.push({ do: 'accept', n: doing.n, call: doing.call });
        }
    }
    negotiate() {
        const { state } = this;
        const { call } = state;
        if (!call || !talks(state) || call.epoch <= (state.peer ?? state.behind))
            return;
        if (state.peer === null && state.behind && !call.fresh)
            return void (state.behind = call.epoch);
        state.peer = call.epoch;
        this.effects.push({ do: 'negotiate', call });
    }
}
