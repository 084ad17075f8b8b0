const EARLY = 200;
export class Peer {
    listener;
    remote = new MediaStream();
    told = {};
    quality = 'unknown';
    bytes = 0;
    report = {};
    pc = null;
    epoch = 0;
    early = [];
    candidates = [];
    mic = null;
    cam = null;
    isMuted = false;
    isClosed = false;
    work = Promise.resolve();
    lost = { packets: 0, received: 0 };
    constructor(listener) {
        this.listener = listener;
    }
    get state() {
        return this.pc?.connectionState ?? 'none';
    }
    get hasPicture() {
        if (this.told.video !== undefined)
            return this.told.video;
        return this.remote.getVideoTracks()
            .some(({ muted, readyState }) => !muted && readyState === 'live');
    }
    negotiate(call) {
        this.inTurn(() => this.begin(call));
    }
    signalled(signal) {
        this.inTurn(() => this.heard(signal));
    }
    send(mic, cam, isMuted) {
        Object.assign(this, { mic, cam, isMuted });
        for (const { track } of this.pc?.getSenders() ?? []) {
            if (track?.kind === 'audio')
                track.enabled = !isMuted;
        }
        void this.put();
        this.tellMedia();
    }
    close() {
        this.isClosed = true;
        this.pc?.close();
        this.pc = null;
    }
    inTurn(step) {
        this.work = this.work.then(() => this.isClosed ? undefined : step()).catch(() => undefined);
    }
    async begin(call) {
        if (call.epoch <= this.epoch)
            return;
        const configuration = configured(await this.listener.servers(call));
        if (this.isClosed)
            return;
        this.epoch = call.epoch;
        this.candidates = [];
        const isNew = this.pc === null || !!call.fresh;
        if (isNew)
            this.connect(configuration, call.role === 'caller');
        const { pc } = this;
        if (!pc)
            return;
        if (!isNew)
            pc.setConfiguration(configuration);
        if (call.role === 'caller') {
            if (pc.signalingState === 'have-local-offer') {
                await pc.setLocalDescription({ type: 'rollback' });
            }
            if (!isNew)
                pc.restartIce();
            await this.describe(pc);
        }
        for (const signal of this.early.splice(0))
            await this.heard(signal);
        this.listener.moved();
    }
    connect(configuration, isCaller) {
        this.pc?.close();
        const pc = new RTCPeerConnection(configuration);
        this.pc = pc;
        this.bytes = 0;
        this.lost = { packets: 0, received: 0 };
        for (const track of this.remote.getTracks())
            this.remote.removeTrack(track);
        pc.onicecandidate = ({ candidate }) => candidate && this.found(candidate);
        pc.ontrack = ({ track }) => this.comes(track);
        pc.onconnectionstatechange = () => {
            if (pc !== this.pc)
                return;
            if (pc.connectionState === 'connected')
                this.tellMedia();
            this.listener.moved();
        };
        if (!isCaller)
            return;
        const streams = [new MediaStream()];
        for (const kind of ['audio', 'video']) {
            pc.addTransceiver(kind, { direction: 'sendrecv', streams });
        }
        void this.put();
    }
    comes(track) {
        this.remote.addTrack(track);
        track.onmute = track.onunmute = () => this.listener.moved();
        this.listener.moved();
    }
    async heard(signal) {
        const { pc } = this;
        if (signal.epoch < this.epoch)
            return;
        if (signal.epoch > this.epoch || !pc) {
            this.early = [...this.early.slice(1 - EARLY), signal];
            return;
        }
        const { description, candidate, media } = signal.data;
        if (media)
            this.told = media;
        if (description)
            await this.described(pc, description);
        else if (candidate && pc.remoteDescription)
            await pc.addIceCandidate(candidate);
        else if (candidate)
            this.candidates.push(candidate);
        if (media)
            this.listener.moved();
    }
    async described(pc, description) {
        await pc.setRemoteDescription(description);
        for (const candidate of this.candidates.splice(0))
            await pc.addIceCandidate(candidate);
        if (description.type !== 'offer')
            return;
        for (const one of pc.getTransceivers())
            one.direction = 'sendrecv';
        await this.put();
        await this.describe(pc);
    }
    async describe(pc) {
        await pc.setLocalDescription();
        const { localDescription } = pc;
        if (!localDescription)
            return;
        this.signal({ description: localDescription.toJSON() });
        this.tellMedia();
    }
    async put() {
        if (this.mic)
            this.mic.enabled = !this.isMuted;
        const all = this.pc?.getTransceivers() ?? [];
        await Promise.all(all.map(({ sender, receiver }) => {
            const track = receiver.track.kind === 'audio' ? this.mic : this.cam;
            return sender.replaceTrack(track);
        })).catch(() => undefined);
    }
    tellMedia() {
        if (!this.pc)
            return;
        this.signal({ media: { audio: this.mic !== null && !this.isMuted, video: this.cam !== null } });
    }
    signal(data) {
        this.listener.signal(this.epoch, data);
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
    async watch() {
        const { pc } = this;
        if (!pc)
            return;
        const all = [...(await pc.getStats()).values()];
        if (pc !== this.pc)
            return;
        const transport = all.find(({ type }) => type === 'transport');
        const pair = all.find(({ id }) => id === transport?.selectedCandidatePairId);
        this.bytes = transport?.bytesReceived ?? 0;
        if (!pair)
            return;
        const kind = (id) => all.find((one) => one.id === id);
        this.tellWay(kind(pair.localCandidateId), kind(pair.remoteCandidateId));
        this.judge(all.filter(({ type }) => type === 'inbound-rtp'), pair.currentRoundTripTime ?? 0);
    }
    judge(inbound, trip) {
        const sum = (name) => inbound.reduce((total, one) => total + (one[name] ?? 0), 0);
        const now = { packets: sum('packetsLost'), received: sum('packetsReceived') };
        const lost = now.packets - this.lost.packets;
        const share = lost / Math.max(1, lost + now.received - this.lost.received);
        this.lost = now;
        const before = this.quality;
        this.quality =
            share > 0.08 || trip > 0.6 ? 'poor' : share > 0.02 || trip > 0.3 ? 'fair' : 'good';
        if (before !== this.quality)
            this.listener.moved();
    }
    tellWay(local, remote) {
        const { report } = this;
        if (local?.candidateType)
            report.local = local.candidateType;
        if (remote?.candidateType)
            report.remote = remote.candidateType;
        if (local?.candidateType === 'relay' && local.relayProtocol) {
            report.relay_over = local.relayProtocol;
        }
    }
}
function configured(servers) {
    const iceServers = servers.map(({ urls, username, credential }) => ({
        urls, ...(username ? { username } : {}), ...(credential ? { credential } : {}),
    }));
    return { bundlePolicy: 'max-bundle', iceServers };
}
