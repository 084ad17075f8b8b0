// A small client of the server's calls, as a page runs it: signalling over the WebSocket, media by
// WebRTC. The test of calls puts it into pages and asks it what happened; docs/calls.md describes
// the same steps in words.
(() => {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  class Client {
    // For tests: `relay` takes only relays whose URI fits, `ice` others than the server names.
    constructor({ token, relay, ice, instance }) {
      Object.assign(
        this, { token, relay, instance, id: 0, waiting: new Map(), call: null, pc: null },
      );
      Object.assign(this, { epoch: 0, fixed: ice, ice: ice || [], iceAt: 0, gathered: {} });
      Object.assign(this, { log: [], early: [], stopped: false });
      this.work = Promise.resolve();
    }

    // What this tab calls itself. A reload is the same instance. A duplicated tab gets a copy of
    // the storage, but not the lock, and takes another name; the lock of a page that is being
    // loaded again may be free only after a moment.
    static async instance() {
      for (;;) {
        const name = sessionStorage.getItem('instance') || crypto.randomUUID();
        sessionStorage.setItem('instance', name);
        const mine = await new Promise((done) => {
          const signal = AbortSignal.timeout(1000);
          const held = () => { done(true); return new Promise(() => {}); };
          navigator.locks.request(`instance ${name}`, { signal }, held).catch(() => done(false));
        });
        if (mine) return name;
        sessionStorage.removeItem('instance');
      }
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
          this.ask('identify', { token: this.token, instance: this.instance })
            .then(() => this.rejoin()).then(() => done(true), fail);
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
        this.inTurn(() => this.signalled(frame.d));
      }
    }

    // Negotiations and signals one after the other: an offer must not be answered while the
    // microphone is still being opened.
    inTurn(step) {
      this.work =
        this.work.then(step).catch((error) => this.note('failed', { error: String(error) }));
    }

    // After a hello. A device that is in a call begins a new negotiation when it has no peer
    // connection, or when nothing comes in through it: a relay that was started again knows nobody.
    async rejoin() {
      this.joining = true;
      if (!this.live) await new Promise((done) => (this.greet = done));
      const live = (await this.get('calls/live')).call;
      const known = this.call && this.call.state !== 'ended' ? this.call.id : null;
      const call = live || (known && (await this.ask('call.get', { call: known })).call);
      this.joining = false;
      if (!call) return;
      this.stands(call);
      if (call.on !== 'this_device' || !['connecting', 'active'].includes(call.state)) return;
      const { epoch } = call;
      if (!this.pc) await this.restartFresh();
      else if (!(await this.flows())) await this.restart(false, epoch);
    }

    // If the other device asked for another negotiation at this moment, that one may not be fresh.
    async restartFresh() {
      this.fresh = true;
      do await this.restart(true); while (!this.call.fresh && this.call.state !== 'ended');
      this.fresh = false;
    }

    async flows() {
      const { bytes } = await this.stats();
      await wait(300);
      return (await this.stats()).bytes > bytes;
    }

    // How the call stands: events and replies come here, the higher version holds.
    stands(call, ice) {
      if (ice?.length) this.takeIce(ice);
      if (this.call?.id === call.id && call.version < this.call.version) return;
      // Somebody else called in vain, as this person is in a call.
      if (this.call && this.call.id !== call.id && this.call.state !== 'ended'
        && call.state === 'ended') return;
      const before = this.call?.id === call.id ? this.call : null;
      this.call = call;
      const rings = call.state === 'ringing' && call.role === 'callee';
      if (rings !== !!this.rings) this.note(rings ? 'rings' : 'quiet', { call: call.id });
      this.rings = rings;
      if (rings && !call.rings) this.ask('call.alive', { call: call.id }).catch(() => {});
      if (before?.state !== call.state && call.state === 'connecting') this.answered = Date.now();
      if (before?.state !== call.state) this.note(call.state, { reason: call.reason, by: call.by });
      if (call.state === 'ended') return this.hush(before);
      const mine = call.on === 'this_device' && call.state !== 'ringing';
      const lost = this.joining || !this.pc && this.fresh && !call.fresh;
      if (mine && !lost && call.epoch > this.epoch) this.inTurn(() => this.negotiate(call));
      if (call.on === 'this_device' && !this.beat) {
        this.beat = setInterval(() => this.alive(), call.alive_every_s * 1000);
      }
    }

    hush(before) {
      if (before?.on === 'this_device' && before.state === 'connecting' && this.pc) {
        this.report(true);
      }
      clearInterval(this.beat);
      clearInterval(this.healing);
      this.beat = this.healing = null;
      this.pc?.close();
      this.pc = null;
      this.epoch = 0;
      this.early = [];
      this.gathered = {};
    }

    alive() {
      if (!this.live || !this.call || this.call.state === 'ended') return;
      const connected = this.pc?.connectionState === 'connected';
      const keep = this.ask('call.alive', { call: this.call.id, connected });
      keep.then(({ call }) => this.stands(call), () => {});
    }

    // A new epoch: with the peer connection that is there, or with a new one. An offer of the epoch
    // before may still wait for an answer that will never come.
    async negotiate(call) {
      if (call.epoch <= this.epoch || this.call.id !== call.id || this.call.state === 'ended') {
        return;
      }
      this.epoch = call.epoch;
      await this.refresh();
      if (!this.pc || call.fresh) await this.connectPeer(call);
      else this.pc.setConfiguration(this.configuration());
      if (call.role === 'caller') {
        if (this.pc.signalingState === 'have-local-offer') {
          await this.pc.setLocalDescription({ type: 'rollback' });
        }
        this.pc.restartIce();
        await this.offer();
      }
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
      const pc = new RTCPeerConnection(this.configuration());
      this.pc = pc;
      pc.onicecandidate = ({ candidate }) => {
        if (candidate?.type) this.gathered[`gathered_${candidate.type}`] = true;
        if (candidate) this.send({ candidate });
      };
      pc.ontrack = ({ streams }) => this.play(streams[0]);
      pc.onconnectionstatechange = () => {
        this.note(`pc ${pc.connectionState}`);
        if (pc.connectionState === 'connected') this.alive();
        if (pc.connectionState === 'connected') this.report(false, Date.now() - this.answered);
        this.heal(pc);
      };
      this.media ||= await navigator.mediaDevices.getUserMedia({
        audio: true,
        video: call.kind === 'video',
      });
      for (const track of this.media.getTracks()) pc.addTrack(track, this.media);
    }

    // A browser does not heal by itself: as long as it is disconnected, try a new negotiation. Not
    // too often: each makes the one before void.
    heal(pc) {
      clearInterval(this.healing);
      this.healing = null;
      if (pc !== this.pc || !['disconnected', 'failed'].includes(pc.connectionState)) return;
      const again = () => this.live && this.restart(false).catch(() => {});
      again();
      this.healing = setInterval(again, 3000);
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
      if (this.live) {
        this.ask('call.signal', signal)
          .catch((error) => this.note('refused', { error: error.message }));
      }
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

    async restart(fresh, epoch = this.call.epoch) {
      const joined = await this.ask('call.restart', { call: this.call.id, epoch, fresh });
      this.stands(joined.call, joined.ice_servers);
    }

    async get(path) {
      const headers = {
        authorization: `Bearer ${this.token}`, ...(this.instance && { instance: this.instance }),
      };
      return (await fetch(`/api/v1/${path}`, { headers })).json();
    }

    takeIce(servers) {
      if (!this.fixed) Object.assign(this, { ice: servers, iceAt: Date.now() });
    }

    // Credentials are good for ten minutes; a reply of a moment ago had some.
    async refresh() {
      if (this.fixed || Date.now() - this.iceAt < 60_000) return;
      const { ice_servers: servers } = await this.ask('call.get', { call: this.call.id });
      if (servers?.length) this.takeIce(servers);
    }

    async act(op) {
      const { call } = await this.ask(`call.${op}`, { call: this.call.id });
      this.stands(call);
      return call;
    }

    // What the server tells both people of in words.
    async report(failed, setup) {
      const { call, gathered } = this;
      const { local, remote, over } = await this.stats();
      const pair = local && remote ? { local, remote, ...(over && { relay_over: over }) } : {};
      const { gathered_host = false, gathered_srflx = false, gathered_relay = false } = gathered;
      const report = { ...pair, gathered_host, gathered_srflx, gathered_relay };
      if (setup && call.epoch === 1) report.setup_ms = setup;
      if (failed) report.failure = 'ice_failed';
      await this.ask('call.report', { call: call.id, report })
        .catch((error) => this.note('no report', { error: error.message }));
    }

    // Frames decoded, audio energy, the way that media takes.
    async stats() {
      const found = {
        state: this.pc?.connectionState, frames: 0, energy: 0, bytes: 0, audioPackets: 0,
      };
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
