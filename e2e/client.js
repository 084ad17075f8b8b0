// A small client of the server's calls, as a page runs it: signalling over the WebSocket, media by
// WebRTC. The test of calls puts it into pages and asks it what happened; docs/calls.md describes
// the same steps in words.
(() => {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  class Client {
    constructor({ token, relay }) {
      Object.assign(this, { token, relay, id: 0, waiting: new Map(), call: null, pc: null });
      Object.assign(this, { epoch: 0, ice: [], log: [], early: [], stopped: false });
    }

    note(what, more = {}) {
      this.log.push({ at: Date.now(), what, ...more });
    }

    async connect() {
      while (!this.stopped) {
        const closed = await this.open().catch(() => null);
        if (closed) return;
        await wait(200);
      }
    }

    // One connection; it connects again by itself when this one ends.
    open() {
      return new Promise((done, fail) => {
        const url = `${location.origin.replace('http', 'ws')}/api/v1/ws`;
        const ws = new WebSocket(url, ['wechat.v1.json']);
        this.ws = ws;
        ws.onopen = () =>
          this.ask('identify', { token: this.token }).then(() => this.rejoin()).then(() => done(true), fail);
        ws.onmessage = ({ data }) => this.on(JSON.parse(data));
        ws.onclose = () => {
          for (const { fail } of this.waiting.values()) fail(new Error('closed'));
          this.waiting.clear();
          fail(new Error('closed'));
          if (this.live && !this.stopped) setTimeout(() => this.connect(), 200);
          this.live = false;
        };
      });
    }

    ask(op, d = {}) {
      const id = ++this.id;
      return new Promise((done, fail) => {
        this.waiting.set(id, { done, fail });
        this.ws.send(JSON.stringify({ op, id, d }));
      });
    }

    on(frame) {
      if (frame.re !== undefined) {
        const { done, fail } = this.waiting.get(frame.re) || {};
        this.waiting.delete(frame.re);
        if (frame.err) fail?.(Object.assign(new Error(frame.err.detail), { problem: frame.err }));
        else done?.(frame.ok);
      } else if (frame.ev === 'hello') {
        this.live = true;
        this.greet?.();
      } else if (frame.ev === 'call') {
        this.stands(frame.d);
      } else if (frame.ev === 'call.signal') {
        this.signalled(frame.d);
      }
    }

    // After a hello: the server tells of a live call right behind it. A device that is in one and
    // has no peer connection, or a broken one, begins a new negotiation.
    async rejoin() {
      if (!this.live) await new Promise((done) => (this.greet = done));
      await wait(50);
      const call = this.call;
      if (!call || call.on !== 'this_device' || !['connecting', 'active'].includes(call.state)) return;
      if (!this.pc) await this.restart(true);
      else if (this.pc.connectionState !== 'connected') await this.restart(false);
    }

    // How the call stands: events and replies come here, the higher version holds.
    stands(call, ice) {
      if (ice?.length) this.ice = ice;
      if (this.call?.id === call.id && call.version < this.call.version) return;
      const before = this.call?.id === call.id ? this.call : null;
      this.call = call;
      const rings = call.state === 'ringing' && call.role === 'callee';
      if (rings !== !!this.rings) this.note(rings ? 'rings' : 'quiet', { call: call.id });
      this.rings = rings;
      if (rings && !call.rings) this.ask('call.alive', { call: call.id }).catch(() => {});
      if (before?.state !== call.state) this.note(call.state, { reason: call.reason, by: call.by });
      if (call.state === 'ended') return this.hush();
      const mine = call.on === 'this_device' && call.state !== 'ringing';
      if (mine && call.epoch > this.epoch) this.negotiate(call);
      if (call.on === 'this_device' && !this.beat) {
        const ms = Math.min(this.aliveMs || call.alive_every_s * 1000, call.alive_every_s * 1000);
        this.beat = setInterval(() => this.alive(), ms);
      }
    }

    hush() {
      clearInterval(this.beat);
      clearInterval(this.healing);
      this.beat = this.healing = null;
      this.pc?.close();
      this.pc = null;
      this.epoch = 0;
      this.early = [];
    }

    alive() {
      if (!this.live || !this.call || this.call.state === 'ended') return;
      const connected = this.pc?.connectionState === 'connected';
      const keep = this.ask('call.alive', { call: this.call.id, connected });
      keep.then(({ call }) => this.stands(call), () => {});
    }

    // A new epoch: with the peer connection that is there, or with a new one.
    async negotiate(call) {
      this.epoch = call.epoch;
      const restarted = this.pc && !call.fresh;
      if (!restarted) await this.connectPeer(call);
      if (restarted) this.pc.setConfiguration(this.configuration());
      if (restarted && call.role === 'caller') this.pc.restartIce();
      if (!restarted && call.role === 'caller') await this.offer();
      for (const signal of this.early.splice(0)) await this.signalled(signal);
    }

    configuration() {
      const iceServers = this.ice.map((server) => ({
        ...server,
        urls: server.urls.filter((url) => !this.relay || new RegExp(this.relay).test(url)),
      })).filter((server) => server.urls.length);
      return { iceServers, iceTransportPolicy: this.relay ? 'relay' : 'all' };
    }

    async connectPeer(call) {
      this.pc?.close();
      if (!this.ice.length) await this.refresh();
      const pc = new RTCPeerConnection(this.configuration());
      this.pc = pc;
      pc.onicecandidate = ({ candidate }) => candidate && this.send({ candidate });
      pc.onnegotiationneeded = () => pc.remoteDescription && call.role === 'caller' && this.offer();
      pc.ontrack = ({ streams }) => this.play(streams[0]);
      pc.onconnectionstatechange = () => {
        this.note(`pc ${pc.connectionState}`);
        if (pc.connectionState === 'connected') this.alive();
        this.heal(pc);
      };
      this.media ||= await navigator.mediaDevices.getUserMedia({
        audio: true,
        video: call.kind === 'video',
      });
      for (const track of this.media.getTracks()) pc.addTrack(track, this.media);
    }

    // A browser does not heal by itself: as long as it is disconnected, try a new negotiation.
    heal(pc) {
      clearInterval(this.healing);
      this.healing = null;
      if (pc !== this.pc || !['disconnected', 'failed'].includes(pc.connectionState)) return;
      const again = () => this.live && this.restart(false).catch(() => {});
      again();
      this.healing = setInterval(again, 1000);
    }

    play(stream) {
      this.remote = document.createElement('video');
      Object.assign(this.remote, { autoplay: true, srcObject: stream });
      this.remote.play().catch(() => {});
    }

    async offer() {
      await this.pc.setLocalDescription();
      this.send({ description: this.pc.localDescription });
    }

    send(data) {
      const signal = { call: this.call.id, epoch: this.epoch, seq: ++this.id, data };
      if (this.live) this.ask('call.signal', signal).catch((error) => this.note('refused', { error: error.message }));
    }

    async signalled(signal) {
      if (signal.call !== this.call?.id || signal.epoch < this.epoch) return;
      if (signal.epoch > this.epoch || !this.pc) return void this.early.push(signal);
      const { description, candidate } = signal.data;
      try {
        if (description) {
          await this.pc.setRemoteDescription(description);
          if (description.type === 'offer') await this.offer();
        } else if (candidate) {
          await this.pc.addIceCandidate(candidate);
        }
      } catch (error) {
        this.note('signal failed', { error: String(error) });
      }
    }

    // What a test, or a person, does.
    async start(chat, kind) {
      const joined = await this.ask('call.start', { chat, kind });
      this.stands(joined.call, joined.ice_servers);
      return joined.call;
    }

    async accept() {
      const joined = await this.ask('call.accept', { call: this.call.id });
      this.stands(joined.call, joined.ice_servers);
      return joined.call;
    }

    async restart(fresh) {
      const joined = await this.ask('call.restart', { call: this.call.id, epoch: this.call.epoch, fresh });
      this.stands(joined.call, joined.ice_servers);
    }

    async refresh() {
      const headers = { authorization: `Bearer ${this.token}` };
      const answer = await fetch(`/api/v1/calls/${this.call.id}/ice`, { headers });
      if (answer.ok) this.ice = (await answer.json()).ice_servers;
    }

    async act(op) {
      const { call } = await this.ask(`call.${op}`, { call: this.call.id });
      this.stands(call);
      return call;
    }

    // Frames decoded, audio energy, the way that media takes.
    async stats() {
      const found = { state: this.pc?.connectionState, frames: 0, energy: 0, bytes: 0, audioPackets: 0 };
      if (!this.pc) return found;
      const stats = await this.pc.getStats();
      for (const one of stats.values()) {
        if (one.type === 'inbound-rtp') {
          found.bytes += one.bytesReceived;
          if (one.kind === 'video') found.frames += one.framesDecoded || 0;
          if (one.kind === 'audio') {
            found.energy += one.totalAudioEnergy || 0;
            found.audioPackets += one.packetsReceived || 0;
          }
        }
        if (one.type === 'transport' && one.selectedCandidatePairId) {
          const pair = stats.get(one.selectedCandidatePairId);
          const local = pair && stats.get(pair.localCandidateId);
          const remote = pair && stats.get(pair.remoteCandidateId);
          Object.assign(found, { local: local?.candidateType, remote: remote?.candidateType });
          found.over = local?.relayProtocol;
        }
      }
      return found;
    }
  }

  window.Client = Client;
})();
