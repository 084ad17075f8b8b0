// Calls in real browsers, with fake media, through the real server.
//   node e2e/calls.mjs BINARY [SCENARIO…]     (scripts/test calls runs all)
// Those that mostly wait run beside the others; those that stop the server have one of their own.
// Needs playwright-core in the folder BROWSER_HOME: scripts/install-chromium prints it.
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { Scene, check } from './device.mjs';
import { SECRET, Server, until, wait } from './server.mjs';

const [binary, ...wanted] = process.argv.slice(2);
const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', '--ignore-certificate-errors',
  '--autoplay-policy=no-user-gesture-required', '--host-resolver-rules=MAP plain.test 127.0.0.1',
];

// With a server for all of them.
const scenarios = {
  async voice(t) {
    const [a, b] = await t.two();
    const ms = await t.talk(a, b);
    await a.do('act', 'hangup');
    const call = await t.over(a, b, 'hangup');
    check(call.duration_s !== undefined, 'no duration');
    check(await t.unread(b) === 0, 'a call that was answered is no news');
    const { diagnosis } = await t.ask(b, `calls/${call.id}`);
    check(
      /directly between/.test(diagnosis[0]?.finding), `diagnosis: ${JSON.stringify(diagnosis)}`,
    );
    return `connected ${ms} ms after the accept`;
  },
  async video(t) {
    const [a, b] = await t.two();
    const ms = await t.talk(a, b, 'video');
    const stats = await Promise.all([a.hears(true), b.hears(true)]);
    await b.do('act', 'hangup');
    await t.over(a, b, 'hangup');
    const [one, two] =
      stats.map(({ frames, energy }) => `${frames} frames and energy ${energy.toExponential(1)}`);
    return `connected in ${ms} ms; ${one} at the caller, ${two} at the callee`;
  },
  async reject(t) {
    const [a, b] = await t.two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    await b.do('act', 'reject');
    await t.over(a, b, 'rejected');
    check(await t.unread(b) === 0, 'who refused a call knows of it');
  },
  async cancel(t) {
    const [a, b] = await t.two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    const began = Date.now();
    await a.do('act', 'cancel');
    await until('it is quiet', async () => !(await b.state()).ringing);
    const ms = Date.now() - began;
    await t.over(a, b, 'cancelled');
    check(await t.unread(b) === 1, 'a call that was missed is counted');
    return `quiet after ${ms} ms`;
  },
  async busy(t) {
    const [a, b] = await t.two();
    const [c] = await t.two();
    await t.talk(a, b);
    const refused = await c.do('start', b.person.id, 'voice').catch((error) => String(error));
    check(/another call/.test(refused), `busy: ${refused}`);
    await t.flows(a, b);
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
    const { calls } = await t.ask(b, 'calls');
    check(calls.some((call) => call.reason === 'busy'), 'the callee sees who called');
  },
  async both(t) {
    const [a, b] = await t.two();
    await Promise.all([a.do('start', b.person.id, 'voice'), b.do('start', a.person.id, 'voice')]);
    await Promise.all([a.is('active'), b.is('active')]);
    check((await a.state()).id === (await b.state()).id, 'it is one call');
    await Promise.all([a.hears(), b.hears()]);
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
  },
  async devices(t) {
    const [a, b] = await t.two();
    const tablet = await t.another(b);
    await a.do('start', b.person.id, 'voice');
    await Promise.all([b.rings(), tablet.rings()]);
    await b.do('accept');
    const began = Date.now();
    await until('the tablet is quiet', async () => !(await tablet.state()).ringing);
    const quiet = Date.now() - began;
    check((await tablet.state()).on === 'other_device', 'it knows why');
    await a.is('active');
    await Promise.all([a.hears(), b.hears()]);
    const refused = await tablet.do('accept').catch((error) => String(error));
    check(/another of your devices/.test(refused), refused);
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
    await tablet.is('ended');
    return `the other device quiet after ${quiet} ms`;
  },
  // One of two tabs answers: that one talks, also after a reload, and the other stays out of it.
  async tabs_callee(t) {
    const [a, b] = await t.two();
    const tab = await t.tab(b);
    await a.do('start', b.person.id, 'voice');
    await Promise.all([b.rings(), tab.rings()]);
    await b.do('accept');
    await tab.elsewhere();
    await Promise.all([a.is('active'), b.is('active')]);
    await Promise.all([a.hears(), b.hears()]);
    await b.page.reload();
    await b.open();
    await until('a new epoch', async () => (await a.state()).epoch === 2, 5000);
    await Promise.all([a.hears(), b.hears()]);
    await tab.elsewhere();
    await tab.do('act', 'hangup');
    await t.over(a, b, 'hangup');
  },
  // The same with the tabs of who calls; a tab that talks to nobody may be closed.
  async tabs_caller(t) {
    const [a, b] = await t.two();
    const tab = await t.tab(a);
    await a.do('start', b.person.id, 'voice');
    await tab.elsewhere();
    await b.rings();
    await b.do('accept');
    await Promise.all([a.is('active'), b.is('active')]);
    await Promise.all([a.hears(), b.hears()]);
    await tab.elsewhere();
    await tab.page.close();
    await t.flows(a, b);
    check(!(await b.state()).peer.reconnecting, 'the device that talks is there');
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
  },
  // A device that connects while it rings.
  async late(t) {
    const [a, b] = await t.two();
    await b.close();
    await a.do('start', b.person.id, 'voice');
    const phone = await t.another(b);
    await phone.rings();
    await phone.do('accept');
    await a.is('active');
    await Promise.all([a.hears(), phone.hears()]);
  },
  async reload(t) {
    for (const side of [0, 1]) {
      const pair = await t.two();
      await t.talk(...pair);
      await pair[side].page.reload();
      await pair[side].open();
      await until('a new epoch', async () => (await pair[1 - side].state()).epoch === 2);
      await Promise.all(pair.map((device) => device.hears()));
      await t.flows(...pair);
      await pair[0].do('act', 'hangup');
      await t.over(...pair, 'hangup');
    }
  },
  // The page that tests the connection, and what it says to who comes by plain http.
  async page(t) {
    const [a] = await t.two();
    const test = async (url) => {
      await a.page.goto(`${url}/call-test`);
      await a.page.fill('#token', a.person.token);
      await a.page.click('#form button');
      await a.page.waitForSelector('body[data-done]', { timeout: 60_000 });
      return a.page.inputValue('#report');
    };
    const good = await test(t.server.url);
    check(!good.includes('[bad]'), good);
    for (const way of ['audio', 'video', 'stun:', '(udp)', '(tcp)', '(tls)']) {
      check(good.split('\n').some((line) => line.startsWith('[ok]') && line.includes(way)), good);
    }
    const plain = await test(`http://plain.test:${t.server.port}`);
    check(/\[bad\] audio: this page came by http/.test(plain), plain);
  },
  // The relay refuses who comes late, and does not cut who is there.
  async relay_expiry(t) {
    const seconds = 8;
    const username = `${Math.floor(Date.now() / 1000) + seconds}:e2e:call`;
    const credential = createHmac('sha1', SECRET).update(username).digest('base64');
    const urls = [`turn:localhost:${t.server.turn}?transport=udp`];
    const ice = [{ urls, username, credential }];
    const [a, b] = await t.two({ ice, relay: '.' });
    await t.talk(a, b);
    const relays = () => a.page.evaluate(async (iceServers) => {
      const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' });
      const found = new Promise((done) => {
        pc.onicecandidate = ({ candidate }) => done(!!candidate);
      });
      pc.createDataChannel('x');
      await pc.setLocalDescription();
      return found.finally(() => pc.close());
    }, ice);
    check(await relays(), 'the credential is good at first');
    await until('the credential is refused', async () => !(await relays()), (seconds + 5) * 1000);
    await t.flows(a, b);
    check(
      (await a.state()).epoch === 1 && (await b.state()).epoch === 1, 'nothing was negotiated anew',
    );
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
  },
};

for (const [name, relay, over] of [
  ['relay_udp', /^turn:.*udp/, 'udp'], ['relay_tcp', /^turn:.*tcp/, 'tcp'],
  ['relay_tls', /^turns:/, 'tls'],
]) {
  scenarios[name] = async (t) => {
    const [a, b] = await t.two({ relay: relay.source });
    const ms = await t.talk(a, b, 'video');
    const stats = await a.do('stats');
    check(stats.local === 'relay' && stats.over === over, `${stats.local} over ${stats.over}`);
    await a.do('act', 'hangup');
    const call = await t.over(a, b, 'hangup');
    const { diagnosis } = await t.ask(a, `calls/${call.id}`);
    check(
      /through the relay/.test(diagnosis[0]?.finding), `diagnosis: ${JSON.stringify(diagnosis)}`,
    );
    return `connected in ${ms} ms`;
  };
}

// These wait for a deadline of the server.
const waiting = {
  async missed(t) {
    const [a, b] = await t.two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    const began = Date.now();
    await t.over(a, b, 'missed');
    check(!(await b.state()).ringing, 'it is quiet');
    check(await t.unread(b) === 1, 'a missed call is counted');
    return `after ${((Date.now() - began) / 1000).toFixed(1)} s`;
  },
  async unreachable(t) {
    const [a, b] = await t.two();
    await b.close();
    await a.do('start', b.person.id, 'voice');
    const ended = await a.is('ended');
    check(ended.reason === 'unreachable', ended.reason);
    check(await t.unread(b) === 1, 'the call is counted');
  },
  async killed(t) {
    const [a, b] = await t.two();
    await t.talk(a, b);
    const began = Date.now();
    await b.close();
    const ended = await a.is('ended');
    const s = (Date.now() - began) / 1000;
    check(ended.reason === 'lost' && ended.by === 'callee', `${ended.reason} by ${ended.by}`);
    check(s > 20, `the grace was ${s} s`);
    return `ended after ${s.toFixed(1)} s`;
  },
  // No way leads from one to the other: the call ends, and both are told what to do.
  async blocked(t) {
    const urls = ['turn:localhost:9?transport=udp'];
    const [a, b] = await t.two({ ice: [{ urls, username: 'a', credential: 'b' }], relay: '.' });
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    await b.do('accept');
    const call = await t.over(a, b, 'failed');
    for (const one of [a, b]) {
      const told = await until('both have reported', async () => {
        const { diagnosis } = await t.ask(one, `calls/${call.id}`);
        const words = JSON.stringify(diagnosis);
        return !/did not report/.test(words) && words;
      });
      check(/could not reach the relay/.test(told) && /TURN_PUBLIC_IP/.test(told), told);
    }
  },
};

// These stop the server.
const restarting = {
  async restart_ringing(t) {
    const [a, b] = await t.two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    await t.server.down();
    await t.server.up();
    await Promise.all([a.live(), b.live()]);
    await b.rings();
    await b.do('accept');
    await Promise.all([a.is('active'), b.is('active')]);
    await Promise.all([a.hears(), b.hears()]);
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
  },
  async restart_active(t) {
    const [a, b] = await t.two();
    await t.talk(a, b);
    // How many packets of sound a second come in, while something happens.
    const rate = async (meanwhile) => {
      const [began, { audioPackets }] = [Date.now(), await a.do('stats')];
      await meanwhile();
      return ((await a.do('stats')).audioPackets - audioPackets) / ((Date.now() - began) / 1000);
    };
    const before = await rate(() => wait(2000));
    const amid = await rate(async () => {
      await t.server.down('SIGKILL');
      await wait(2000);
      await t.flows(a, b);
      await t.server.up();
      await Promise.all([a.live(), b.live()]);
    });
    check(
      amid > before / 2, `${amid} packets a second while the server was gone, ${before} before`,
    );
    const call = await a.state();
    check(call.state === 'active' && call.epoch === 1, 'the call survives');
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
    return `${amid.toFixed(0)} audio packets a second while the server was gone, `
      + `${before.toFixed(0)} before`;
  },
  async relay_back(t) {
    const [a, b] = await t.two({ relay: '^turn:.*udp' });
    await t.talk(a, b);
    const stats = () => Promise.all([a, b].map((device) => device.do('stats')));
    await t.server.down('SIGKILL');
    await wait(3000);
    const before = await stats();
    await t.server.up();
    const began = Date.now();
    await until('media is back', async () => {
      const now = await stats();
      return now.every(({ bytes }, at) => bytes > before[at].bytes + 500);
    });
    const ms = Date.now() - began;
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
    return `media back ${ms} ms after the server`;
  },
};

let failed = 0;

async function play(browser, server, name, run) {
  const scene = new Scene(browser, server);
  const began = Date.now();
  try {
    const told = await run(scene);
    console.log(
      `ok    ${name.padEnd(16)} ${((Date.now() - began) / 1000).toFixed(1)} s  ${told || ''}`,
    );
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name.padEnd(16)} ${error.stack || error}`);
    for (const device of scene.devices) {
      console.log('      ', device.person.name, JSON.stringify(await device.log()));
    }
  }
  await scene.close();
}

const chosen = (all) =>
  Object.entries(all).filter(([name]) => !wanted.length || wanted.includes(name));

async function inTurn(browser, server, all) {
  for (const [name, run] of chosen(all)) await play(browser, server, name, run);
}

const browser =
  await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
const [server, other] = [await Server.start(binary), await Server.start(binary)];
await Promise.all([
  inTurn(browser, server, scenarios).then(() => inTurn(browser, other, restarting)),
  ...chosen(waiting).map(([name, run]) => play(browser, server, name, run)),
]);
await browser.close();
await Promise.all([server.end(), other.end()]);
process.exit(failed ? 1 : 0);
