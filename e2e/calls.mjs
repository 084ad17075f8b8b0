// Calls in real browsers, with fake media, through the real server.
//   node e2e/calls.mjs BINARY [SCENARIO…]     (scripts/test calls runs all)
// Needs playwright-core on NODE_PATH's folder: scripts/install-chromium prints it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Server, until, wait } from './server.mjs';

const [binary, ...wanted] = process.argv.slice(2);
const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');
const client = readFileSync(new URL('client.js', import.meta.url), 'utf8');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', '--ignore-certificate-errors',
  '--autoplay-policy=no-user-gesture-required',
];

function check(fact, message) {
  if (!fact) throw new Error(message);
}

class Device {
  constructor(browser, server, person, options = {}) {
    Object.assign(this, { browser, server, person, options });
  }

  async open() {
    this.context ||= await this.browser.newContext();
    this.page ||= await this.context.newPage();
    await this.page.goto(`${this.server.url}/call-test`);
    await this.page.evaluate(client);
    const { token } = this.person;
    await this.page.evaluate(
      (options) => { window.c = new Client(options); return window.c.connect(); },
      { token, ...this.options },
    );
    return this;
  }

  do(name, ...args) {
    return this.page.evaluate(([name, args]) => window.c[name](...args), [name, args]);
  }

  state() {
    return this.page.evaluate(() => ({ ...window.c.call, ringing: !!window.c.rings }));
  }

  log() {
    return this.page.evaluate(() => window.c.log);
  }

  is(state, within) {
    return until(`${state}`, async () => {
      const call = await this.state();
      return call.state === state && call;
    }, within);
  }

  rings() {
    return until('it rings', async () => (await this.state()).ringing);
  }

  // Media flows in: sound, and pictures if they are asked for.
  hears(video, within) {
    return until('media flows', async () => {
      const stats = await this.do('stats');
      return stats.energy > 0 && stats.audioPackets > 10 && (!video || stats.frames > 5) && stats;
    }, within);
  }

  close() {
    return this.context?.close();
  }
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
const server = await Server.start(binary);
let people = 0;

// Two people who have never called each other, each with one device.
async function two(options = {}) {
  const [ana, beto] = [await server.person(`Ana${++people}`), await server.person(`Beto${people}`)];
  beto.name = `Beto${people}`;
  const devices = [new Device(browser, server, ana, options), new Device(browser, server, beto, options)];
  for (const device of devices) await device.open();
  return devices;
}

async function talk(a, b, kind = 'voice') {
  await a.do('start', b.person.id, kind);
  await b.rings();
  const began = Date.now();
  await b.do('accept');
  await Promise.all([a.is('active'), b.is('active')]);
  const ms = Date.now() - began;
  await Promise.all([a.hears(kind === 'video'), b.hears(kind === 'video')]);
  return ms;
}

// Bytes still come in on both sides.
async function flows(...devices) {
  for (const device of devices) {
    const { bytes } = await device.do('stats');
    await until('bytes come in', async () => (await device.do('stats')).bytes > bytes, 5000);
  }
}

async function lastMessage(who, chat) {
  const { body } = await server.ask('GET', `/api/v1/chats/${chat}/messages`, who.person.token);
  return body.messages.at(-1);
}

async function over(a, b, reason, within) {
  const [one] = await Promise.all([a.is('ended', within), b.is('ended', within)]);
  check(one.reason === reason, `it ended as ${one.reason}, not ${reason}`);
  const message = await lastMessage(a, one.chat);
  check(message.kind === 'call' && message.call.reason === reason, `the chat says ${JSON.stringify(message)}`);
  return one;
}

const scenarios = {
  async voice() {
    const [a, b] = await two();
    const ms = await talk(a, b);
    await a.do('act', 'hangup');
    const call = await over(a, b, 'hangup');
    check(call.duration_s !== undefined, 'no duration');
    return `connected ${ms} ms after the accept`;
  },
  async video() {
    const [a, b] = await two();
    const ms = await talk(a, b, 'video');
    const stats = await b.hears(true);
    await b.do('act', 'hangup');
    await over(a, b, 'hangup');
    return `connected in ${ms} ms, ${stats.frames} frames decoded, audio energy ${stats.energy.toExponential(1)}`;
  },
  async reject() {
    const [a, b] = await two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    await b.do('act', 'reject');
    await over(a, b, 'rejected');
  },
  async cancel() {
    const [a, b] = await two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    const began = Date.now();
    await a.do('act', 'cancel');
    await until('it is quiet', async () => !(await b.state()).ringing, 1000);
    await over(a, b, 'cancelled');
    return `quiet after ${Date.now() - began} ms`;
  },
  async missed() {
    const [a, b] = await two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    const began = Date.now();
    await over(a, b, 'missed', 50_000);
    const { body } = await server.ask('GET', '/api/v1/chats', b.person.token);
    check(body.chats[0].unread === 1, 'a missed call is counted');
    return `after ${((Date.now() - began) / 1000).toFixed(1)} s`;
  },
  async unreachable() {
    const [a, b] = await two();
    await b.close();
    await a.do('start', b.person.id, 'voice');
    const ended = await a.is('ended', 50_000);
    check(ended.reason === 'unreachable', ended.reason);
  },
  async busy() {
    const [a, b] = await two();
    const [c] = await two();
    await talk(a, b);
    const refused = await c.do('start', b.person.id, 'voice').catch((error) => String(error));
    check(/another call/.test(refused), `busy: ${refused}`);
    await flows(a, b);
    await a.do('act', 'hangup');
    const { body } = await server.ask('GET', '/api/v1/calls', b.person.token);
    check(body.calls.some((call) => call.reason === 'busy'), 'the callee sees who called');
  },
  async both() {
    const [a, b] = await two();
    await Promise.all([a.do('start', b.person.id, 'voice'), b.do('start', a.person.id, 'voice')]);
    await Promise.all([a.is('active'), b.is('active')]);
    check((await a.state()).id === (await b.state()).id, 'it is one call');
    await Promise.all([a.hears(), b.hears()]);
    await a.do('act', 'hangup');
    await over(a, b, 'hangup');
  },
  async devices() {
    const [a, b] = await two();
    const tablet = await new Device(browser, server, await server.device(b.person.name)).open();
    await a.do('start', b.person.id, 'voice');
    await Promise.all([b.rings(), tablet.rings()]);
    await b.do('accept');
    const began = Date.now();
    await until('the tablet is quiet', async () => !(await tablet.state()).ringing, 1000);
    const quiet = Date.now() - began;
    check((await tablet.state()).on === 'other_device', 'it knows why');
    await a.is('active');
    await Promise.all([a.hears(), b.hears()]);
    const refused = await tablet.do('accept').catch((error) => String(error));
    check(/another of your devices/.test(refused), refused);
    await a.do('act', 'hangup');
    await over(a, b, 'hangup');
    await tablet.is('ended');
    return `the other device quiet after ${quiet} ms`;
  },
  async late() {
    const [a, b] = await two();
    await b.close();
    await a.do('start', b.person.id, 'voice');
    const phone = await new Device(browser, server, await server.device(b.person.name)).open();
    await phone.rings();
    await phone.do('accept');
    await a.is('active');
    await Promise.all([a.hears(), phone.hears()]);
  },
  async killed() {
    const [a, b] = await two();
    await talk(a, b);
    const began = Date.now();
    await b.close();
    const ended = await a.is('ended', 40_000);
    const s = (Date.now() - began) / 1000;
    check(ended.reason === 'lost' && ended.by === 'callee', `${ended.reason} by ${ended.by}`);
    check(s > 20 && s < 30, `the grace was ${s} s`);
    return `ended after ${s.toFixed(1)} s`;
  },
  async reload() {
    for (const side of [0, 1]) {
      const pair = await two();
      await talk(...pair);
      await pair[side].page.reload();
      await pair[side].open();
      await until('a new epoch', async () => (await pair[1 - side].state()).epoch === 2, 5000);
      await Promise.all(pair.map((device) => device.hears()));
      await flows(...pair);
      await pair[0].do('act', 'hangup');
      await over(...pair, 'hangup');
    }
  },
  async restart_ringing() {
    const [a, b] = await two();
    await a.do('start', b.person.id, 'voice');
    await b.rings();
    await server.down();
    await server.up();
    await until('both are back', async () => (await a.page.evaluate(() => c.live)) && b.page.evaluate(() => c.live));
    await b.do('accept');
    await Promise.all([a.is('active'), b.is('active')]);
    await Promise.all([a.hears(), b.hears()]);
    await a.do('act', 'hangup');
    await over(a, b, 'hangup');
  },
  async restart_active() {
    const [a, b] = await two();
    await talk(a, b);
    const { audioPackets } = await a.do('stats');
    const began = Date.now();
    await server.down('SIGKILL');
    await wait(2000);
    await flows(a, b);
    await server.up();
    await until('both are back', async () => (await a.page.evaluate(() => c.live)) && b.page.evaluate(() => c.live));
    const s = (Date.now() - began) / 1000;
    const more = (await a.do('stats')).audioPackets - audioPackets;
    check(more / s > 40, `only ${(more / s).toFixed(0)} packets a second`);
    check((await a.state()).state === 'active' && (await a.state()).epoch === 1, 'the call survives');
    await a.do('act', 'hangup');
    await over(a, b, 'hangup');
    return `${(more / s).toFixed(0)} audio packets a second throughout`;
  },
};

for (const [name, relay, over] of [
  ['relay_udp', /^turn:.*udp/, 'udp'], ['relay_tcp', /^turn:.*tcp/, 'tcp'], ['relay_tls', /^turns:/, 'tls'],
]) {
  scenarios[name] = async () => {
    const [a, b] = await two({ relay: relay.source });
    const ms = await talk(a, b, 'video');
    const stats = await a.do('stats');
    check(stats.local === 'relay' && stats.over === over, `${stats.local} over ${stats.over}`);
    await a.do('act', 'hangup');
    return `connected in ${ms} ms`;
  };
}

scenarios.relay_back = async () => {
  const [a, b] = await two({ relay: '^turn:.*udp' });
  await talk(a, b);
  await server.down('SIGKILL');
  await wait(3000);
  await server.up();
  const began = Date.now();
  const before = await Promise.all([a, b].map((device) => device.do('stats')));
  await until('media is back', async () => {
    const now = await Promise.all([a, b].map((device) => device.do('stats')));
    return now.every((one, index) => one.bytes > before[index].bytes + 500 || (one.bytes > 500 && one.bytes < before[index].bytes));
  }, 20_000);
  const ms = Date.now() - began;
  await a.do('act', 'hangup');
  check(ms < 2000, `media came back after ${ms} ms`);
  return `media back ${ms} ms after the relay`;
};

let failed = 0;
for (const [name, run] of Object.entries(scenarios)) {
  if (wanted.length && !wanted.includes(name)) continue;
  const began = Date.now();
  try {
    const told = await run();
    console.log(`ok    ${name.padEnd(16)} ${((Date.now() - began) / 1000).toFixed(1)} s  ${told || ''}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name.padEnd(16)} ${error.stack || error}`);
    for (const context of browser.contexts()) {
      for (const page of context.pages()) {
        const log = await page.evaluate(() => window.c?.log).catch(() => null);
        console.log('      ', JSON.stringify(log));
      }
    }
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
await server.end();
process.exit(failed ? 1 : 0);
