// Put into pages before anything else: keeps every track that the browser gives out and every peer
// connection, plays the prompt for the microphone, and can change what a relay is asked with.
(() => {
  const watched = window.watched = {
    tracks: [], connections: [], captures: 0,
    // How the person answers the browser: after so many milliseconds, and by which error if any.
    prompt: { ms: 0, error: null },
    // What becomes of a configuration, for tests of the relay.
    relay: null,
    // What is live, and what is sent, of each kind.
    look() {
      const senders = watched.connections.filter((pc) => pc.signalingState !== 'closed')
        .flatMap((pc) => pc.getSenders().map(({ track }) => track).filter(Boolean));
      const sent = senders.filter(({ readyState, enabled }) => readyState === 'live' && enabled);
      return {
        live: watched.tracks.filter(({ readyState }) => readyState === 'live').length,
        audio: sent.filter(({ kind }) => kind === 'audio').length,
        video: sent.filter(({ kind }) => kind === 'video').length,
      };
    },
    // How much sound came in, and bytes.
    async heard() {
      let [energy, bytes] = [0, 0];
      for (const pc of watched.connections) {
        if (pc.signalingState === 'closed') continue;
        for (const one of (await pc.getStats()).values()) {
          if (one.type === 'inbound-rtp' && one.kind === 'audio') {
            energy += one.totalAudioEnergy ?? 0;
          }
          if (one.type === 'inbound-rtp') bytes += one.bytesReceived ?? 0;
        }
      }
      return { energy, bytes };
    },
  };
  const media = navigator.mediaDevices;
  const ask = media?.getUserMedia.bind(media);
  if (media) {
    media.getUserMedia = async (wanted) => {
      watched.captures += 1;
      const { ms, error } = watched.prompt;
      if (ms) await new Promise((done) => setTimeout(done, ms));
      if (error && (error.kind === 'all' || wanted[error.kind])) {
        if (error.isOnce) watched.prompt.error = null;
        throw new DOMException('refused', error.name);
      }
      const stream = await ask(wanted);
      watched.tracks.push(...stream.getTracks());
      return stream;
    };
  }
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super(watched.relay ? watched.relay(configuration) : configuration);
      watched.connections.push(this);
    }

    setConfiguration(configuration) {
      super.setConfiguration(watched.relay ? watched.relay(configuration) : configuration);
    }
  };
})();
