import { ApiError } from './rest.js';
const STATS_MS = 2_000;
const HEAL_MS = 1_000;
export class Calls {
    client;
    call = null;
    local = null;
    remote = null;
    isMuted = false;
    hasCamera = false;
    peerMedia = { audio: true, video: false };
    quality = 'unknown';
    isReconnecting = false;
    mediaError = null;
    refused = null;
    pc = null;
    ice = [];
    epoch = 0;
    sent = 0;
    early = [];
    candidates = [];
    beat;
    healing;
    watching;
    report = {};
    answered = 0;
    lost = { packets: 0, received: 0 };
    constructor(client) {
        this.client = client;
    }
    get isLive() {
        return !!this.call && this.call.state !== 'ended';
    }
    get rings() {
        return this.call?.state === 'ringing' && this.call.role === 'callee';
    }
    get isHere() {
        return this.isLive && this.call?.on === 'this_device';
    }
    async start(chat, kind) {
        this.refused = null;
        if (!(await this.getMedia(kind === 'video')))
            return;
        try {
            this.joined(await this.client.ask('call.start', { chat, kind }));
        }
        catch (error) {
            this.stopMedia();
            this.refused = error instanceof Error ? error.message : String(error);
            this.touch();
        }
    }
    async accept(withCamera) {
        const { call } = this;
        if (!call || !this.rings || !(await this.getMedia(withCamera)))
            return;
        try {
            this.joined(await this.client.ask('call.accept', { call: call.id }));
        }
        catch {
            this.stopMedia();
        }
    }
    async leave() {
        const { call } = this;
        if (!call || call.state === 'ended')
            return this.dismiss();
        const op = call.state !== 'ringing' ? 'hangup' : call.role === 'caller' ? 'cancel' : 'reject';
        try {
            const { call: now } = await this.client.ask(`call.${op}`, { call: call.id });
            this.stands(now);
        }
        catch (error) {
            if (error instanceof ApiError && error.isOffline)
                this.hush();
            this.dismiss();
        }
    }
    dismiss() {
        if (!this.isLive)
            this.call = null;
        this.mediaError = null;
        this.refused = null;
        this.touch();
    }
    mute(on) {
        this.isMuted = on;
        for (const track of this.local?.getAudioTracks() ?? [])
            track.enabled = !on;
        this.tellMedia();
        this.touch();
    }
    async camera(on) {
        const { local } = this;
        if (!local)
            return;
        for (const track of local.getVideoTracks()) {
            track.stop();
            local.removeTrack(track);
        }
        if (on) {
            const more = await this.capture({ video: true });
            const track = more?.getVideoTracks()[0];
            if (track)
                local.addTrack(track);
        }
        const track = local.getVideoTracks()[0] ?? null;
        this.hasCamera = track !== null;
        await this.transceiver('video')?.sender.replaceTrack(track);
        this.tellMedia();
        this.touch();
    }
    stands(call) {
        const before = this.call;
        if (before?.id === call.id && call.version < before.version)
            return;
        if (before && before.id !== call.id && this.isLive && call.state === 'ended')
            return;
        const rang = this.rings;
        this.call = call;
        if (this.rings && !rang)
            this.client.ask('call.alive', { call: call.id }).catch(() => undefined);
        if (call.state === 'ended')
            this.ended(before);
        else if (call.on === 'this_device')
            this.takePart(call);
        else if (before?.on === 'this_device')
            this.hush();
        this.touch();
    }
    live() {
        setTimeout(() => {
            if (!this.isHere || this.call?.state === 'ringing')
                return;
            if (!this.pc)
                void this.rejoin();
            else if (this.pc.connectionState !== 'connected')
                void this.restart(false);
        }, 100);
    }
    cut() {
        this.touch();
    }
    clear() {
        this.hush();
        this.call = null;
        this.touch();
    }
    async signalled(signal) {
        if (signal.call !== this.call?.id || signal.epoch < this.epoch)
            return;
        if (signal.epoch > this.epoch || !this.pc)
            return void this.early.push(signal);
        const { description, candidate, media } = signal.data;
        try {
            if (media)
                this.peerMedia = media;
            if (description)
                await this.described(this.pc, description);
            else if (candidate && this.pc.remoteDescription)
                await this.pc.addIceCandidate(candidate);
            else if (candidate)
                this.candidates.push(candidate);
        }
        catch {
        }
        this.touch();
    }
    joined({ call, ice_servers }) {
        if (ice_servers.length)
            this.ice = ice_servers;
        this.stands(call);
    }
    takePart(call) {
        if (call.state === 'connecting' && !this.answered)
            this.answered = Date.now();
        if (call.state !== 'ringing' && call.epoch > this.epoch)
            void this.negotiate(call);
        this.beat ??= setInterval(() => this.alive(), call.alive_every_s * 1_000);
    }
    ended(before) {
        this.hush();
        const seen = before?.id === this.call?.id && before?.on !== 'other_device';
        if (!seen || before?.role === 'callee' && before.state === 'ringing')
            this.call = null;
    }
    hush() {
        clearInterval(this.beat);
        clearInterval(this.healing);
        clearInterval(this.watching);
        this.beat = this.healing = this.watching = undefined;
        this.pc?.close();
        this.pc = null;
        this.epoch = this.answered = 0;
        this.early = [];
        this.candidates = [];
        this.ice = [];
        this.report = {};
        this.remote = null;
        this.isReconnecting = false;
        this.quality = 'unknown';
        this.stopMedia();
    }
    stopMedia() {
        for (const track of this.local?.getTracks() ?? [])
            track.stop();
        this.local = null;
        this.isMuted = this.hasCamera = false;
        this.peerMedia = { audio: true, video: false };
    }
    async getMedia(withCamera) {
        this.mediaError = null;
        this.local = await this.capture({ audio: true, video: withCamera });
        if (!this.local && withCamera && this.mediaError === 'missing') {
            this.mediaError = null;
            this.local = await this.capture({ audio: true });
        }
        this.hasCamera = !!this.local?.getVideoTracks().length;
        this.touch();
        return this.local !== null;
    }
    async capture(wanted) {
        if (!navigator.mediaDevices) {
            this.mediaError = 'insecure';
            this.touch();
            return null;
        }
        try {
            return await navigator.mediaDevices.getUserMedia(wanted);
        }
        catch (error) {
            const { name } = error;
            this.mediaError = name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'missing';
            this.touch();
            return null;
        }
    }
    tellMedia() {
        if (!this.pc)
            return;
        this.signal({ media: { audio: !this.isMuted, video: this.hasCamera } });
    }
    async negotiate(call) {
        this.epoch = call.epoch;
        this.candidates = [];
        const isRestart = this.pc !== null && !call.fresh;
        if (!isRestart)
            await this.connect(call);
        const { pc } = this;
        if (!pc)
            return;
        if (isRestart)
            pc.setConfiguration(this.configuration());
        if (call.role === 'caller') {
            if (isRestart)
                pc.restartIce();
            await this.describe(pc);
        }
        for (const signal of this.early.splice(0))
            await this.signalled(signal);
    }
    configuration() {
        return { iceServers: this.ice.map(({ urls, username, credential }) => ({
                urls, ...(username ? { username } : {}), ...(credential ? { credential } : {}),
            })) };
    }
    async connect(call) {
        this.pc?.close();
        if (!this.ice.length) {
            const path = `/calls/${call.id}/ice`;
            const answer = await this.client.rest.get(path).catch(() => null);
            this.ice = answer?.ice_servers ?? [];
        }
        if (!this.local && !(await this.getMedia(call.kind === 'video')))
            return void this.giveUp();
        const pc = new RTCPeerConnection(this.configuration());
        this.pc = pc;
        this.remote = new MediaStream();
        pc.onicecandidate = ({ candidate }) => candidate && this.found(candidate);
        pc.ontrack = ({ track }) => {
            this.remote?.addTrack(track);
            this.touch();
        };
        pc.onconnectionstatechange = () => this.connectionMoved(pc);
        if (call.role === 'caller') {
            for (const kind of ['audio', 'video']) {
                const track = this.local?.getTracks().find((one) => one.kind === kind);
                const streams = this.local ? [this.local] : [];
                pc.addTransceiver(track ?? kind, { direction: 'sendrecv', streams });
            }
        }
    }
    async describe(pc) {
        await pc.setLocalDescription();
        if (pc.localDescription)
            this.signal({ description: pc.localDescription.toJSON() });
        this.tellMedia();
    }
    async described(pc, description) {
        await pc.setRemoteDescription(description);
        for (const candidate of this.candidates.splice(0))
            await pc.addIceCandidate(candidate);
        if (description.type !== 'offer')
            return;
        for (const one of pc.getTransceivers()) {
            one.direction = 'sendrecv';
            const track = this.local?.getTracks().find(({ kind }) => kind === one.receiver.track.kind);
            await one.sender.replaceTrack(track ?? null);
        }
        await this.describe(pc);
    }
    transceiver(kind) {
        return this.pc?.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
    }
    found(candidate) {
        if (candidate.type === 'host')
            this.report.gathered_host = true;
        if (candidate.type === 'srflx')
            this.report.gathered_srflx = true;
        if (candidate.type === 'relay')
            this.report.gathered_relay = true;
        this.signal({ candidate: candidate.toJSON() });
    }
    signal(data) {
        const { call, epoch } = this;
        if (!call)
            return;
        this.client.ask('call.signal', { call: call.id, epoch, seq: ++this.sent, data })
            .catch(() => undefined);
    }
    connectionMoved(pc) {
        if (pc !== this.pc)
            return;
        const { connectionState } = pc;
        clearInterval(this.healing);
        this.healing = undefined;
        this.isReconnecting = connectionState === 'disconnected' || connectionState === 'failed';
        if (connectionState === 'connected')
            this.connected();
        if (this.isReconnecting) {
            void this.restart(false);
            this.healing = setInterval(() => void this.restart(false), HEAL_MS);
        }
        this.touch();
    }
    connected() {
        this.alive();
        this.tellMedia();
        this.watching ??= setInterval(() => void this.watch(), STATS_MS);
        void this.watch();
    }
    alive() {
        const { call } = this;
        if (!call || !this.isLive)
            return;
        const connected = this.pc?.connectionState === 'connected';
        this.client.ask('call.alive', { call: call.id, connected }).then((reply) => this.stands(reply.call), () => undefined);
    }
    async rejoin() {
        if (await this.getMedia(this.call?.kind === 'video'))
            await this.restart(true);
        else
            this.giveUp();
    }
    async restart(fresh) {
        const { call } = this;
        if (!call || !this.isLive)
            return;
        const what = { call: call.id, epoch: call.epoch, fresh };
        await this.client.ask('call.restart', what).then((joined) => this.joined(joined), () => undefined);
    }
    giveUp() {
        const { call } = this;
        if (!call)
            return;
        const failure = this.mediaError === 'missing' ? 'media_missing' : 'media_denied';
        this.client.ask('call.report', { call: call.id, report: { failure } }).catch(() => undefined);
        this.client.ask('call.hangup', { call: call.id, failed: true }).then((reply) => this.stands(reply.call), () => undefined);
    }
    async watch() {
        const { pc, call } = this;
        if (!pc || !call)
            return;
        const stats = await pc.getStats();
        const all = [...stats.values()];
        const inbound = all.filter((one) => one.type === 'inbound-rtp');
        const sum = (name) => inbound.reduce((total, one) => total + (one[name] ?? 0), 0);
        const now = { packets: sum('packetsLost'), received: sum('packetsReceived') };
        const lost = now.packets - this.lost.packets;
        const share = lost / Math.max(1, lost + now.received - this.lost.received);
        this.lost = now;
        const transport = all.find((one) => one.type === 'transport');
        const pair = all.find((one) => one.id === transport?.selectedCandidatePairId);
        const trip = pair?.currentRoundTripTime ?? 0;
        const before = this.quality;
        this.quality = share > 0.08 || trip > 0.6 ? 'poor' : share > 0.02 || trip > 0.3 ? 'fair' : 'good';
        if (pair && this.report.setup_ms === undefined)
            this.tellWay(call, all, pair);
        if (before !== this.quality)
            this.touch();
    }
    tellWay(call, all, pair) {
        const kind = (id) => all.find((one) => one.id === id);
        const local = kind(pair.localCandidateId);
        const remote = kind(pair.remoteCandidateId);
        this.report.setup_ms = Math.max(0, Date.now() - (this.answered || Date.now()));
        if (local?.candidateType)
            this.report.local = local.candidateType;
        if (remote?.candidateType)
            this.report.remote = remote.candidateType;
        if (local?.candidateType === 'relay' && local.relayProtocol)
            this.report.relay_over = local.relayProtocol;
        this.client.ask('call.report', { call: call.id, report: this.report }).catch(() => undefined);
    }
    touch() {
        this.client.changes.touch('call');
    }
}
