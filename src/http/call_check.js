// The page /call-test: what this browser can do for a call, and what to do about what it cannot.
'use strict';
const results = document.querySelector('#results');
const report = document.querySelector('#report');
// A browser gives up a STUN server that does not answer after about ten seconds, and says so.
const WITHIN = 12000;

function note(name, state, text) {
  let item = document.getElementById(`r-${name}`);
  if (!item) {
    item = document.createElement('li');
    item.id = `r-${name}`;
    results.append(item);
  }
  item.className = state;
  item.textContent = `${name}: ${text}`;
  const lines = [...results.children].map((line) => `[${line.className}] ${line.textContent}`);
  report.value = [new Date().toISOString(), navigator.userAgent, ...lines].join('\n');
}

const INSECURE = 'this page came by http, and browsers give out microphone and camera on https pages '
  + 'and localhost alone. The operator puts a reverse proxy with a certificate before the server.';

async function media(kind, cure) {
  note(kind, 'wait', 'asking…');
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ [kind]: true });
    const label = stream.getTracks()[0].label;
    if (kind === 'video') {
      const picture = document.querySelector('#picture');
      picture.hidden = false;
      picture.srcObject = stream;
      setTimeout(() => stream.getTracks().forEach((track) => track.stop()), 5000);
    } else {
      stream.getTracks().forEach((track) => track.stop());
    }
    note(kind, 'ok', label || 'works');
  } catch (error) {
    note(kind, 'bad', window.isSecureContext ? `${error.name}. ${cure}` : INSECURE);
  }
}

// Candidates of one kind from one server.
function candidates(server, type) {
  return new Promise((done) => {
    const iceTransportPolicy = type === 'relay' ? 'relay' : 'all';
    const pc = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy });
    const began = performance.now();
    let error = '';
    const end = (found) => {
      clearTimeout(timer);
      pc.close();
      done({ found, error, ms: Math.round(performance.now() - began) });
    };
    const timer = setTimeout(() => end(null), WITHIN);
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate) end(null);
      else if (candidate.type === type) end(candidate);
    };
    pc.onicecandidateerror = (event) => { error = `${event.errorCode} ${event.errorText}`; };
    pc.createDataChannel('test');
    pc.setLocalDescription();
  });
}

// Bytes really go through the relay: two connections of this page, both over it.
async function loop(server) {
  const config = { iceServers: [server], iceTransportPolicy: 'relay' };
  const [one, two] = [new RTCPeerConnection(config), new RTCPeerConnection(config)];
  const began = performance.now();
  try {
    one.onicecandidate = ({ candidate }) => candidate && two.addIceCandidate(candidate);
    two.onicecandidate = ({ candidate }) => candidate && one.addIceCandidate(candidate);
    const echo = new Promise((done) => {
      two.ondatachannel = ({ channel }) => { channel.onmessage = () => done(true); };
    });
    const channel = one.createDataChannel('test');
    channel.onopen = () => channel.send('hello');
    await one.setLocalDescription();
    await two.setRemoteDescription(one.localDescription);
    await two.setLocalDescription();
    await one.setRemoteDescription(two.localDescription);
    const late = new Promise((done) => { setTimeout(() => done(false), WITHIN); });
    const came = await Promise.race([echo, late]);
    return came ? Math.round(performance.now() - began) : null;
  } finally {
    one.close();
    two.close();
  }
}

const CURES = {
  stun: 'UDP to the server is blocked: open TURN_PORT (UDP) in its firewall, or try another network.',
  udp: 'UDP to the relay is blocked: open TURN_PORT and TURN_RELAY_PORTS (UDP) in its firewall.',
  tcp: 'Open TURN_PORT (TCP) in the server\'s firewall.',
  tls: 'Open TURN_TLS_PORT (TCP) in the server\'s firewall, and set TURN_TLS_CERT and TURN_TLS_KEY: '
    + 'browsers trust no certificate of the server\'s own making.',
};

async function network(token) {
  note('server', 'wait', 'asking for the relay…');
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch('/api/v1/calls/test', { method: 'POST', headers });
  if (!answer.ok) {
    note('server', 'bad', `${answer.status}: ${(await answer.json()).detail || 'no answer'}`);
    return;
  }
  const { ice_servers: servers, warnings } = await answer.json();
  const urls = servers.flatMap((server) => server.urls.map((url) => ({ ...server, urls: [url] })));
  note('server', urls.length ? 'ok' : 'bad', urls.length
    ? `${urls.length} ways offered` : 'no relay: set TURN=embedded, or calls work in few networks');
  // What the server knows of itself; a test from the same network would not show it.
  warnings.forEach((text, at) => note(`relay ${at + 1}`, 'bad', text));
  for (const server of urls) {
    const [url] = server.urls;
    const stun = url.startsWith('stun');
    const way = stun ? 'stun' : url.startsWith('turns') ? 'tls' : url.includes('tcp') ? 'tcp' : 'udp';
    const name = stun ? url : `${url} (${way})`;
    note(name, 'wait', 'trying…');
    const { found, error, ms } = await candidates(server, stun ? 'srflx' : 'relay');
    if (!found && stun && !error) {
      note(name, 'ok', 'it answers; you have no other address than this device\'s own');
    } else if (!found) {
      note(name, 'bad', `no answer ${error}. ${CURES[way]}`);
    } else if (stun) {
      note(name, 'ok', `you are ${found.address || 'hidden'} to it (${ms} ms)`);
    } else {
      const through = await loop(server);
      if (through === null) note(name, 'bad', `allocates, but nothing comes through. ${CURES.udp}`);
      else note(name, 'ok', `allocates in ${ms} ms, data through it after ${through} ms`);
    }
  }
}

document.querySelector('#copy').addEventListener('click', async ({ target }) => {
  report.select();
  // Pages by http have no clipboard, but what is selected can be copied by hand.
  await navigator.clipboard?.writeText(report.value).then(() => { target.textContent = 'Copied'; }, () => {});
});

document.querySelector('#form').addEventListener('submit', async (event) => {
  event.preventDefault();
  results.replaceChildren();
  const token = document.querySelector('#token').value.trim();
  await media('audio', 'Allow the microphone for this page, and close programs that use it.');
  await media('video', 'Allow the camera for this page; voice calls need none.');
  await network(token).catch((error) => note('server', 'bad', String(error)));
  document.body.dataset.done = 'yes';
});
