// The page /call-test: what this browser can do for a call, and what to do about what it cannot.
'use strict';
// What the page says, in the language of the web client, or else of the browser.
const WORDS = {
  en: {
    title: 'Call test',
    intro: 'Checks from this browser whether calls will work: microphone, camera, and every way to '
      + 'the relay. Nothing is recorded or sent to anybody.',
    token: 'Session token (as in Authorization: Bearer …)',
    begin: 'Test',
    report: 'Report',
    report_label: 'Report to copy',
    copy: 'Copy',
    copied: 'Copied',
    insecure: 'this page came by http, and browsers give out microphone and camera on https pages '
      + 'and localhost alone. The operator gives the server a certificate (TLS), or puts a reverse '
      + 'proxy with one in front of it.',
    asking: 'asking…',
    works: 'works',
    audio: 'Allow the microphone for this page, and close programs that use it.',
    video: 'Allow the camera for this page; voice calls need none.',
    asking_relay: 'asking for the relay…',
    no_answer: 'no answer',
    ways: (n) => `${n} ways offered`,
    no_relay: 'no relay: set TURN=embedded, or calls work in few networks',
    trying: 'trying…',
    no_other: 'it answers; you have no other address than this device\'s own',
    silent: (error, cure) => `no answer ${error}. ${cure}`,
    hidden: 'hidden',
    seen: (address, ms) => `you are ${address} to it (${ms} ms)`,
    blocked: (cure) => `allocates, but nothing comes through. ${cure}`,
    through: (ms, data) => `allocates in ${ms} ms, data through it after ${data} ms`,
    cures: {
      stun: 'UDP to the server is blocked: open TURN_PORT (UDP) in its firewall, or try another '
        + 'network.',
      udp: 'UDP to the relay is blocked: open TURN_PORT and TURN_RELAY_PORTS (UDP) in its firewall.',
      tcp: 'Open TURN_PORT (TCP) in the server\'s firewall.',
      tls: 'Open TURN_TLS_PORT (TCP) in the server\'s firewall, and give it a certificate '
        + '(TLS, or TURN_TLS_CERT and TURN_TLS_KEY): browsers trust none of its own making.',
    },
  },
  es: {
    title: 'Prueba de llamadas',
    intro: 'Comprueba desde este navegador si las llamadas funcionarán: el micrófono, la cámara y '
      + 'cada vía hasta la retransmisión. No se graba nada ni se envía a nadie.',
    token: 'Token de la sesión (como en Authorization: Bearer …)',
    begin: 'Probar',
    report: 'Informe',
    report_label: 'Informe para copiar',
    copy: 'Copiar',
    copied: 'Copiado',
    insecure: 'esta página vino por http, y los navegadores solo dan micrófono y cámara en páginas '
      + 'https y en localhost. El operador da un certificado al servidor (TLS), o le pone delante un '
      + 'proxy inverso con uno.',
    asking: 'preguntando…',
    works: 'funciona',
    audio: 'Permite el micrófono para esta página y cierra los programas que lo usen.',
    video: 'Permite la cámara para esta página; las llamadas de voz no la necesitan.',
    asking_relay: 'preguntando por la retransmisión…',
    no_answer: 'sin respuesta',
    ways: (n) => `ofrece ${n} vías`,
    no_relay: 'no hay retransmisión: con TURN=embedded las llamadas funcionan en más redes',
    trying: 'probando…',
    no_other: 'responde; no tienes otra dirección que la de este dispositivo',
    silent: (error, cure) => `sin respuesta ${error}. ${cure}`,
    hidden: 'una dirección oculta',
    seen: (address, ms) => `te ve como ${address} (${ms} ms)`,
    blocked: (cure) => `reserva, pero no pasa nada. ${cure}`,
    through: (ms, data) => `reserva en ${ms} ms, los datos pasan a los ${data} ms`,
    cures: {
      stun: 'El UDP hasta el servidor está bloqueado: abre TURN_PORT (UDP) en su cortafuegos, o '
        + 'prueba otra red.',
      udp: 'El UDP hasta la retransmisión está bloqueado: abre TURN_PORT y TURN_RELAY_PORTS (UDP) '
        + 'en su cortafuegos.',
      tcp: 'Abre TURN_PORT (TCP) en el cortafuegos del servidor.',
      tls: 'Abre TURN_TLS_PORT (TCP) en el cortafuegos del servidor y dale un certificado '
        + '(TLS, o TURN_TLS_CERT y TURN_TLS_KEY): los navegadores no se fían de uno hecho por él.',
    },
  },
  zh: {
    title: '通话检测',
    intro: '在这个浏览器里检查能否通话：麦克风、摄像头，以及通往中继的每一条路径。'
      + '不会录制任何内容，也不会发送给任何人。',
    token: '会话令牌（即 Authorization: Bearer … 里的令牌）',
    begin: '检测',
    report: '报告',
    report_label: '可复制的报告',
    copy: '复制',
    copied: '已复制',
    insecure: '本页面通过 http 打开，而浏览器只在 https 页面和 localhost 上提供麦克风和摄像头。'
      + '管理员需要给服务器配置证书（TLS），或在它前面放一个带证书的反向代理。',
    asking: '正在询问…',
    works: '可用',
    audio: '请允许本页面使用麦克风，并关闭正在使用它的程序。',
    video: '请允许本页面使用摄像头；语音通话不需要。',
    asking_relay: '正在询问中继…',
    no_answer: '没有应答',
    ways: (n) => `提供 ${n} 条路径`,
    no_relay: '没有中继：请设置 TURN=embedded，否则只有少数网络能通话',
    trying: '正在尝试…',
    no_other: '有应答；除本设备自身的地址外，你没有其他地址',
    silent: (error, cure) => `没有应答 ${error}。${cure}`,
    hidden: '隐藏的地址',
    seen: (address, ms) => `它看到你的地址是 ${address}（${ms} 毫秒）`,
    blocked: (cure) => `可以分配，但没有数据通过。${cure}`,
    through: (ms, data) => `${ms} 毫秒内分配，${data} 毫秒后数据通过`,
    cures: {
      stun: '到服务器的 UDP 被阻断：请在其防火墙上开放 TURN_PORT（UDP），或换一个网络。',
      udp: '到中继的 UDP 被阻断：请在其防火墙上开放 TURN_PORT 和 TURN_RELAY_PORTS（UDP）。',
      tcp: '请在服务器的防火墙上开放 TURN_PORT（TCP）。',
      tls: '请在服务器的防火墙上开放 TURN_TLS_PORT（TCP），并给它一份证书'
        + '（TLS，或 TURN_TLS_CERT 和 TURN_TLS_KEY）：浏览器不信任服务器自制的证书。',
    },
  },
};

const words = globalThis.speak(WORDS);

const results = document.querySelector('#results');
const report = document.querySelector('#report');
report.setAttribute('aria-label', words.report_label);
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

async function media(kind, cure) {
  note(kind, 'wait', words.asking);
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
    note(kind, 'ok', label || words.works);
  } catch (error) {
    note(kind, 'bad', window.isSecureContext ? `${error.name}. ${cure}` : words.insecure);
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

async function network(token) {
  note('server', 'wait', words.asking_relay);
  const language = document.documentElement.lang;
  const headers = { authorization: `Bearer ${token}`, 'accept-language': language };
  const answer = await fetch('/api/v1/calls/test', { method: 'POST', headers });
  if (!answer.ok) {
    note('server', 'bad', `${answer.status}: ${(await answer.json()).detail || words.no_answer}`);
    return;
  }
  const { ice_servers: servers, warnings } = await answer.json();
  const urls = servers.flatMap((server) => server.urls.map((url) => ({ ...server, urls: [url] })));
  note('server', urls.length ? 'ok' : 'bad', urls.length
    ? words.ways(urls.length) : words.no_relay);
  // What the server knows of itself; a test from the same network would not show it.
  warnings.forEach((text, at) => note(`relay ${at + 1}`, 'bad', text));
  for (const server of urls) {
    const [url] = server.urls;
    const stun = url.startsWith('stun');
    const way = stun ? 'stun' : url.startsWith('turns') ? 'tls' : url.includes('tcp') ? 'tcp' : 'udp';
    const name = stun ? url : `${url} (${way})`;
    note(name, 'wait', words.trying);
    const { found, error, ms } = await candidates(server, stun ? 'srflx' : 'relay');
    if (!found && stun && !error) {
      note(name, 'ok', words.no_other);
    } else if (!found) {
      note(name, 'bad', words.silent(error, words.cures[way]));
    } else if (stun) {
      note(name, 'ok', words.seen(found.address || words.hidden, ms));
    } else {
      const through = await loop(server);
      if (through === null) note(name, 'bad', words.blocked(words.cures.udp));
      else note(name, 'ok', words.through(ms, through));
    }
  }
}

document.querySelector('#copy').addEventListener('click', async ({ target }) => {
  report.select();
  // Pages by http have no clipboard, but what is selected can be copied by hand.
  await navigator.clipboard?.writeText(report.value).then(() => { target.textContent = words.copied; }, () => {});
});

document.querySelector('#form').addEventListener('submit', async (event) => {
  event.preventDefault();
  results.replaceChildren();
  const token = document.querySelector('#token').value.trim();
  await media('audio', words.audio);
  await media('video', words.video);
  await network(token).catch((error) => note('server', 'bad', String(error)));
  document.body.dataset.done = 'yes';
});
