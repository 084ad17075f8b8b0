// Random walks of clicks over two and three pages of the web client, in calls with each other, in a
// real browser with the real server. After every step: whoever is muted sends no sound, a page
// without a call screen sends nothing, and nothing stays live after the end.
//   node e2e/walk.mjs BINARY [WALKS] [SEED]     (scripts/test calls takes 8)
// Several groups of pages walk beside each other. A failure names its seed and its steps.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { random } from './random.mjs';
import { Server, until, wait } from './server.mjs';
import { Wire } from './wire.mjs';

const [binary, walks = '20', firstSeed = '1'] = process.argv.slice(2);
const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');
const STEPS = 16;
const GROUPS = Number(process.env.WALKERS ?? 3);
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required',
];
const watched = readFileSync(new URL('watched.js', import.meta.url), 'utf8');

const REFUSALS = [
  ['video', 'NotAllowedError'], ['all', 'NotAllowedError'], ['audio', 'NotFoundError'],
]
  .map(([kind, name]) => ({ kind, name, isOnce: true }));

// What a person may press, by the words on it (pages are in English here).
const BUTTONS = {
  voice: 'Voice call', video: 'Video call', accept: 'Accept', accept_voice: 'Voice only',
  reject: 'Decline',
  mute: 'Mute', unmute: 'Unmute', no_mic: 'No microphone', camera: 'Camera',
  camera_off: 'Stop camera',
  hang_up: 'Hang up', smaller: 'Make smaller', larger: 'Full size',
  listen: 'Answer without microphone',
  listen_start: 'Call without microphone', close: 'Close',
};
// What is pressed more often than the rest, so that walks lead through calls.
const WEIGHTS = { accept: 10, voice: 2, mute: 4, hang_up: 1, reject: 0.5, listen: 2, close: 2 };

class Page {
  static async open(browser, server, person, first) {
    const page = Object.assign(new Page(), { person, server });
    // Another tab of the same browser shares what the browser keeps.
    page.wire = first?.wire ?? await Wire.to(server.port);
    page.context =
      first?.context ?? await browser.newContext({
        locale: 'en-US', permissions: ['microphone', 'camera'],
        viewport: { width: 1100, height: 700 },
      });
    if (!first) await page.context.addInitScript(watched);
    page.tab = await page.context.newPage();
    const me = (await server.ask('GET', '/api/v1/me', person.token)).body;
    const session = JSON.stringify({ token: person.token, session: '0'.repeat(24), me });
    await page.tab.goto(`${page.wire.url}/call-test`);
    await page.tab.evaluate((session) => localStorage.setItem('wechat.session', session), session);
    await page.tab.goto(page.wire.url);
    return page;
  }

  // Everything that must be so at one moment, read at once.
  look() {
    return this.tab.evaluate(async () => {
      const { client } = await import('/assets/state.js');
      const { calls } = client;
      const { live, audio, video } = window.watched.look();
      const labels = [...document.querySelectorAll('button[aria-label], .buttons button')]
        .filter((one) => one.offsetParent !== null || one.closest('dialog, .call'))
        .map((one) => one.getAttribute('aria-label') ?? one.textContent.trim());
      const screen = document.querySelector('.call.live') !== null;
      return {
        live, audio, video, labels, screen, isMuted: calls.isMuted, isHere: calls.isHere,
        id: calls.call?.id,
        isBusy: calls.isHere || !!calls.calling || !!calls.isAnswering, state: calls.call?.state,
        told: calls.peerMedia?.audio, captures: window.watched.captures,
      };
    });
  }

  press(label, times) {
    return this.tab.evaluate(({ label, times }) => {
      const all = [...document.querySelectorAll('button')];
      const found = all.filter(
        (one) => (one.getAttribute('aria-label') ?? one.textContent.trim()) === label,
      ).at(-1);
      for (let time = 0; time < times; time++) found?.click();
    }, { label, times });
  }

  heard() {
    return this.tab.evaluate(() => window.watched.heard());
  }
}

// Some pages, and what they walk through.
class Group {
  constructor(name, pages) {
    Object.assign(
      this, { name, pages, steps: [], heard: 0, quiet: 0, calls: new Set(), talked: new Set() },
    );
  }

  async walk(seed) {
    this.steps = [];
    this.chance = random(seed);
    for (let step = 0; step < STEPS; step++) {
      await this.step();
      await this.holds();
    }
    await this.ends();
  }

  pick(all) {
    return all[Math.floor(this.chance() * all.length)];
  }

  async step() {
    // Who is called answers more often than not, or walks would hardly lead into calls.
    const called = this.pages.filter(({ rings }) => rings);
    const isAnswer = called.length > 0 && this.chance() < 0.6;
    const page = this.pick(isAnswer ? called : this.pages);
    const kind = this.chance();
    const note = (what) => this.steps.push(`${page.name}: ${what}`);
    if (isAnswer) {
      await this.press(page, note);
    } else if (kind < 0.05) {
      note('reload');
      page.wire.mend();
      await page.tab.reload();
    } else if (kind < 0.11) {
      note(page.wire.isCut ? 'mend' : 'cut');
      if (page.wire.isCut) page.wire.mend();
      else page.wire.cut();
    } else if (kind < 0.2) {
      const prompt = { ms: this.pick([0, 200, 900]), error: this.pick([null, null, ...REFUSALS]) };
      note(`prompts answer ${JSON.stringify(prompt)}`);
      await page.tab.evaluate((prompt) => { window.watched.prompt = prompt; }, prompt);
    } else if (kind < 0.26) {
      note('a track ends');
      await page.tab.evaluate(() => {
        const track = window.watched.tracks.find(({ readyState }) => readyState === 'live');
        track?.stop();
        track?.dispatchEvent(new Event('ended'));
      });
    } else {
      await this.press(page, note);
    }
    await wait(this.pick([0, 30, 150, 400, 900]));
  }

  // A button of those that the page shows; a call button of a chat that was opened for it.
  async press(page, note) {
    if (!(await page.look()).isBusy || this.chance() < 0.15) {
      const chat = this.pick(page.person.chats);
      await page.tab.evaluate((id) => { location.hash = `#/chat/${id}`; }, chat);
      await page.tab.waitForSelector('.composer textarea', { timeout: 5_000 })
        .catch(() => undefined);
    }
    const { labels } = await page.look();
    const all = Object.entries(BUTTONS).filter(([, label]) => labels.includes(label));
    if (!all.length) return note('finds nothing to press');
    const weighted = all.flatMap((one) => Array(Math.ceil((WEIGHTS[one[0]] ?? 1) * 2)).fill(one));
    const [, label] = this.pick(weighted);
    const times = this.chance() < 0.2 ? 2 : 1;
    note(`${label}${times > 1 ? ' twice' : ''}`);
    await page.press(label, times);
    if (label === BUTTONS.mute && times === 1 && this.quiet % 3 === 0) await this.listens(page);
    else if (label === BUTTONS.mute) this.quiet += 1;
  }

  // Who was heard before is not heard after it: by the sound that comes in at the other side.
  async listens(page) {
    const { id, isMuted } = await page.look();
    const looks = await Promise.all(this.pages.map((other) => other.look()));
    const other =
      this.pages.find((one, at) => one !== page && looks[at].isHere && looks[at].id === id);
    if (!other || !isMuted) return;
    this.quiet += 1;
    // What is on its way still comes; then there is silence, while packets come.
    let now = await other.heard();
    await until(`${page.name} is silent for ${other.name} after mute`, async () => {
      const before = now;
      await wait(1_100);
      now = await other.heard();
      const still = await page.look();
      if (!still.isMuted || still.id !== id) return true;
      if (now.energy - before.energy > 1e-4) return false;
      this.checked = (this.checked ?? 0) + (now.bytes > before.bytes ? 1 : 0);
      return true;
    }, 15_000);
  }

  async holds() {
    for (const page of this.pages) {
      const now = await page.look();
      page.rings = now.labels.includes(BUTTONS.accept);
      if (now.state === 'active' && now.isHere) this.talked.add(now.id);
      if (now.id) this.calls.add(now.id);
      if (now.isMuted && now.audio) {
        throw new Error(`${page.name} is muted and sends sound: ${JSON.stringify(now)}`);
      }
      if (!now.isBusy && (now.audio || now.video)) {
        throw new Error(`${page.name} is in no call and sends: ${JSON.stringify(now)}`);
      }
      // The screen is drawn a moment after the state.
      if (!now.screen && (now.audio || now.video)) {
        await until(`${page.name} shows a call or sends nothing`, async () => {
          const { screen, audio, video } = await page.look();
          return screen || !audio && !video;
        }, 10_000);
      }
      if (!now.isBusy && now.live) {
        await until(`nothing of ${page.name} is live`, async () => {
          const { live, isBusy } = await page.look();
          return isBusy || !live;
        }, 10_000);
      }
    }
  }

  // Everybody hangs up; nothing is live anywhere, and the server knows of no call.
  async ends() {
    for (const page of this.pages) {
      page.wire.mend();
      await page.tab.evaluate(() => {
        window.watched.prompt = { ms: 0, error: null };
        dispatchEvent(new Event('online'));
      });
    }
    for (const page of this.pages) {
      await until(`${page.name} is out of every call`, async () => {
        const now = await page.look();
        const label = [BUTTONS.close, BUTTONS.hang_up, BUTTONS.reject]
          .find((one) => now.labels.includes(one));
        if (label) await page.press(label, 1);
        const { body } = await page.server.ask('GET', '/api/v1/calls/live', page.person.token);
        return !label && !body?.call && !now.live;
      }, 60_000);
    }
    await this.holds();
    for (const page of this.pages) {
      const { live, screen } = await page.look();
      if (live || screen) {
        throw new Error(`${page.name} after the end: ${live} live tracks, screen: ${screen}`);
      }
    }
  }
}

let people = 0;
async function gather(browser, server, kind) {
  const number = ++people;
  const [ana, beto, eva] =
    await Promise.all(['Ana', 'Beto', 'Eva'].map((name) => server.person(`${name}${number}`)));
  for (const [one, other] of [[ana, beto], [ana, eva], [beto, eva]]) {
    const { body } = await server.ask('POST', '/api/v1/chats', one.token, { user: other.id });
    for (const person of [one, other]) (person.chats ??= []).push(body.chat.id);
  }
  const open = async (person, name, first) => {
    return Object.assign(await Page.open(browser, server, person, first), { name });
  };
  const pages = [await open(ana, 'Ana'), await open(beto, 'Beto')];
  if (kind === 1) pages.push(await open(eva, 'Eva'));
  if (kind === 2) pages.push(await open(beto, 'Beto’s second tab', pages[1]));
  return new Group(['two people', 'three people', 'two people, one with two tabs'][kind], pages);
}

const browser =
  await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
const server = await Server.start(binary);
let [next, done, failed] = [0, 0, 0];
const began = Date.now();
const groups =
  await Promise.all([...Array(GROUPS).keys()].map((at) => gather(browser, server, at % 3)));
const sum = (what) => groups.reduce((total, group) => total + what(group), 0);
const told = () => {
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  const [calls, talked] = [sum((one) => one.calls.size), sum((one) => one.talked.size)];
  const walked = `${done} walks of ${STEPS} steps from seed ${firstSeed}, ${seconds} s`;
  return `${failed ? 'FAIL' : 'ok'}    ${walked}: ${failed} of them failed; ${calls} calls, `
    + `${talked} of them talked, `
    + `sound after mute listened for ${sum(({ checked }) => checked ?? 0)} times`;
};
await Promise.all(groups.map(async (group) => {
  while (next < Number(walks)) {
    const seed = Number(firstSeed) + next++;
    try {
      await group.walk(seed);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  walk ${seed}, ${group.name}: ${error.stack || error}\n      `
        + `${group.steps.join('\n      ')}`);
      await group.ends().catch(() => undefined);
    }
    done += 1;
    if (done % 20 === 0 && done < Number(walks)) console.log(told());
  }
}));
console.log(told());
if (!failed && !sum(({ talked }) => talked.size)) {
  console.log('FAIL  no walk led into a call');
  failed = 1;
}
await browser.close();
await server.end();
for (const { pages } of groups) for (const { wire } of pages) wire.end();
process.exit(failed ? 1 : 0);
