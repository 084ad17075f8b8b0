// Calls as people make them on the page, on bad days: two tabs, lost networks, slow ones,
// microphones that are refused, missing or unplugged.
//   node e2e/web_calls.mjs BINARY [SCENARIO…]     (scripts/test calls runs all)
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { check } from './person.mjs';
import { SECRET, until, wait } from './server.mjs';
import { run, screen, server, shown, token, two } from './stage.mjs';
import { Flows } from './wire.mjs';

const file = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const watched = file('watched.js');

// Two people with an open chat with each other.
async function pair(ana = {}, beto = {}) {
  const init = (more) => ({ ...more, init: [watched, ...(more.init ?? [])] });
  const both = await two(init(ana), init({ lang: 'en', ...beto }));
  for (const person of both) await person.signsUp();
  await both[0].finds(both[1].name);
  await both[0].says('hola');
  await both[1].openChat(both[0].name);
  return both;
}

// The client's calls, and what the browser holds and sends.
const calls = (person, page = person.page) => page.evaluate(async () => {
  const { client } = await import('/assets/state.js');
  const { call, isHere, isMuted, isReconnecting, problem } = client.calls;
  return {
    call, isHere, isMuted, isReconnecting, problem, captures: window.watched.captures,
    ...window.watched.look()
  };
});
const heard = (person, page = person.page) => page.evaluate(() => window.watched.heard());

// Sound comes in from now on.
async function hears(person, page = person.page, within = 30_000) {
  const began = Date.now();
  const before = await heard(person, page);
  await until(`${person.name} hears`, async () => {
    const { energy, bytes } = await heard(person, page);
    return energy - before.energy > 1e-3 && bytes - before.bytes > 500;
  }, within);
  return Date.now() - began;
}

const rings = (person) => shown(person, 'dialog.incoming');
const isOut = (person, page = person.page, within = 10_000) =>
  until(`${person.name} is out of the call`, async () => {
  const now = await calls(person, page);
  return !now.isHere && !now.live;
}, within);

async function talk(ana, beto, kind = 'call.voice') {
  await ana.button(kind).click();
  await rings(beto);
  await beto.button('call.accept').click();
  await Promise.all([ana, beto].map((person) => shown(person, '.call-head time')));
  await Promise.all([ana, beto].map((person) => hears(person)));
}

async function hangUp(who, ...others) {
  await who.button('call.hang_up').click();
  await Promise.all([who, ...others].map((person) => isOut(person)));
}

// What a page asks relays with goes through the flows.
const through = (person, port) => person.page.evaluate((port) => {
  window.watched.relay = (configuration) => {
    const { username, credential } = configuration.iceServers.find((one) => one.credential) ?? {};
    const urls = [`turn:127.0.0.1:${port}?transport=udp`];
    return {
      ...configuration, iceTransportPolicy: 'relay', iceServers: [{ urls, username, credential }],
    };
  };
}, port);

async function relayed() {
  const people = await pair();
  const flows = await Flows.to(server.turn);
  for (const person of people) await through(person, flows.port);
  return { people, flows };
}

const scenarios = {
  // One tab talks; the other says where, and opens no microphone: called, and calling.
  async two_tabs() {
    const [ana, beto] = await pair();
    const other = await beto.context.newPage();
    await other.goto(beto.wire.url);
    await until(
      'the other tab is live',
      () => other.evaluate(async () => (await import('/assets/state.js')).client.isSynced),
    );
    for (const [caller, callee] of [[ana, beto], [beto, ana]]) {
      await caller.button('call.voice').click();
      await rings(callee);
      await callee.button('call.accept').click();
      await Promise.all([hears(ana), hears(beto)]);
      await other.getByText(beto.t('call.elsewhere', { name: ana.name })).waitFor();
      const { captures, isHere, live } = await calls(beto, other);
      check(
        captures === 0 && !isHere && !live, `the other tab: ${captures} captures, here: ${isHere}`,
      );
      await hangUp(ana, beto);
    }
    // A duplicated tab begins with a copy of what the first one keeps, and is another all the same.
    const names = () => Promise.all(
      [beto.page, other]
        .map((page) => page.evaluate(() => sessionStorage.getItem('wechat.instance'))),
    );
    const [first, second] = await names();
    check(first && second && first !== second, 'two tabs have two names');
    await other.evaluate((name) => sessionStorage.setItem('wechat.instance', name), first);
    await other.reload();
    await until('the copy takes another name', async () => (await names())[1] !== first);
    await beto.page.reload();
    await beto.live();
    check((await names())[0] === first, 'a reload keeps the name');
  },

  // A hang-up without a connection is over at the press; the server hears of it later.
  async offline_hang_up() {
    const [ana, beto] = await pair();
    await talk(ana, beto);
    ana.hasOutage = true;
    ana.wire.cut();
    await ana.button('call.hang_up').click();
    const now = await calls(ana);
    check(!now.isHere && !now.live && !now.audio, `right after the press: ${JSON.stringify(now)}`);
    // What is owed outlives the page.
    await ana.page.goto('about:blank');
    ana.wire.mend();
    await ana.opens('/');
    await isOut(beto, beto.page, 30_000);
    const { call, captures } = await calls(ana);
    check(!call || call.state === 'ended', 'it does not come back');
    check(captures === 0, 'and opens no microphone');
    const { body } = await server.ask('GET', '/api/v1/calls', await token(beto));
    check(body.calls[0].reason === 'hangup', `it ended as ${body.calls[0].reason}`);
  },

  // The other side hangs up while the page is away: it ends there soon after the next hello.
  async ended_meanwhile() {
    const [ana, beto] = await pair();
    await talk(ana, beto);
    ana.hasOutage = true;
    ana.wire.cut();
    await beto.button('call.hang_up').click();
    await isOut(beto);
    ana.wire.mend();
    await ana.live();
    const began = Date.now();
    await isOut(ana, ana.page, 15_000);
    return `out ${Date.now() - began} ms after the page was live again`;
  },

  // The network changes while the way to the server takes 600 ms each way.
  async restart_storm() {
    const { people, flows } = await relayed();
    const [ana, beto] = people;
    await talk(ana, beto);
    const { call: { epoch } } = await calls(ana);
    for (const { wire } of people) wire.delay = 600;
    flows.change();
    const began = Date.now();
    await Promise.all(people.map((person) => hears(person, person.page, 90_000)));
    const ms = Date.now() - began;
    await until('both are connected', async () => {
      const both = await Promise.all(people.map((person) => calls(person)));
      return both.every(({ isReconnecting }) => !isReconnecting);
    });
    const epochs = (await calls(ana)).call.epoch - epoch;
    check(epochs <= 4, `${epochs} negotiations`);
    for (const { wire } of people) wire.delay = 0;
    await hangUp(ana, beto);
    flows.end();
    return `media back after ${(ms / 1000).toFixed(1)} s, ${epochs} negotiation(s)`;
  },

  // From one network to the next; `NETWORKS=10` takes more. Each leaves relays behind, and a person
  // has 12, so that many need a relay where silent ones make room.
  async networks() {
    const { people, flows } = await relayed();
    await talk(...people);
    const times = [];
    for (let change = 0; change < Number(process.env.NETWORKS ?? 2); change++) {
      flows.change();
      times.push(
        Math.max(...await Promise.all(people.map((person) => hears(person, person.page, 90_000)))),
      );
    }
    const { call: { epoch } } = await calls(people[0]);
    await hangUp(...people);
    flows.end();
    return `media back after ${times.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s, epoch `
      + `${epoch}`;
  },

  // Ten minutes later the relay takes Beto's first credentials no more; Ana loads her page again.
  async reload_after_expiry() {
    const { people, flows } = await relayed();
    const [ana, beto] = people;
    await talk(ana, beto);
    const username = `${Math.floor(Date.now() / 1000) - 60}:e2e:call`;
    const credential = createHmac('sha1', SECRET).update(username).digest('base64');
    await beto.page.evaluate(async ({ username, credential }) => {
      const { client } = await import('/assets/state.js');
      const { ice } = client.calls.driver;
      ice.at -= 660_000;
      for (const one of ice.servers.filter((server) => server.credential)) {
        Object.assign(one, { username, credential });
      }
    }, { username, credential });
    await ana.page.addInitScript((port) => {
      window.watched.relay = (configuration) => {
        const { username, credential } =
          configuration.iceServers.find((one) => one.credential) ?? {};
        const urls = [`turn:127.0.0.1:${port}?transport=udp`];
        return {
          ...configuration, iceTransportPolicy: 'relay',
          iceServers: [{ urls, username, credential }],
        };
      };
    }, flows.port);
    const began = Date.now();
    await ana.page.reload();
    await Promise.all(people.map((person) => hears(person, person.page, 60_000)));
    const ms = Date.now() - began;
    await hangUp(ana, beto);
    flows.end();
    return `media back ${(ms / 1000).toFixed(1)} s after the reload`;
  },

  // Who has no microphone closes the dialog, and it rings on; or listens.
  async no_microphone() {
    const [ana, beto] = await pair({}, { width: 360 });
    await beto.page.evaluate(
      () => { window.watched.prompt = { ms: 0, error: { kind: 'audio', name: 'NotFoundError' } }; },
    );
    await ana.button('call.voice').click();
    await rings(beto);
    await screen(beto, 'ringing voice');
    await beto.button('call.accept').click();
    await beto.button('call.listen').waitFor();
    await screen(beto, 'no microphone');
    await beto.$('dialog.confirm .button.primary').click();
    await beto.$('dialog.confirm').waitFor({ state: 'detached' });
    await rings(beto);
    check((await calls(ana)).call.state === 'ringing', 'nobody was refused');
    await beto.button('call.accept').click();
    await beto.button('call.listen').click();
    await hears(beto);
    const { live, audio } = await calls(beto);
    check(!live && !audio, 'nothing is sent');
    await beto.button('call.no_mic').waitFor();
    await screen(beto, 'listening');
    // A microphone is plugged in.
    await beto.page.evaluate(() => {
      window.watched.prompt = { ms: 0, error: null };
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    });
    await beto.button('call.no_mic').click().catch(() => undefined);
    await hears(ana);
    await hangUp(beto, ana);
  },

  // The microphone is unplugged: another takes its place; without another, it is said.
  async unplugged() {
    const [ana, beto] = await pair();
    await talk(ana, beto);
    const unplug = (error) => ana.page.evaluate((error) => {
      window.watched.prompt = { ms: 0, error };
      const track = window.watched.tracks.find(
        ({ kind, readyState }) => kind === 'audio' && readyState === 'live',
      );
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }, error);
    await unplug(null);
    await ana.page.getByText(ana.t('call.notice.mic_changed')).waitFor();
    await hears(beto);
    await unplug({ kind: 'audio', name: 'NotFoundError' });
    await ana.page.getByText(ana.t('call.notice.mic_gone')).waitFor();
    await ana.button('call.no_mic').waitFor();
    await hears(ana);
    await hangUp(ana, beto);
  },

  // A camera that is refused in a voice call leaves the sound, the screen and the way out.
  async camera_refused() {
    const [ana, beto] = await pair();
    await talk(ana, beto);
    await ana.page.evaluate(() => {
      window.watched.prompt = { ms: 200, error: { kind: 'video', name: 'NotAllowedError' } };
    });
    await ana.button('call.camera_on').click();
    await ana.page.getByText(ana.t('call.notice.camera')).waitFor();
    check(!(await calls(ana)).problem, 'no dialog lies over the call');
    await Promise.all([hears(ana), hears(beto)]);
    await hangUp(ana, beto);
  },

  // A second call button leads back to the call; mute still mutes.
  async second_call() {
    const [ana, beto] = await pair();
    await talk(ana, beto);
    await ana.button('call.smaller').click();
    // The small window covers no button of the chat.
    await screen(ana, 'small call');
    await ana.$('.chat-pane .bar').getByRole('button', { name: ana.t('call.voice'), exact: true })
      .click();
    await ana.button('call.smaller').waitFor();
    await screen(ana, 'a call at full size');
    await ana.button('call.mute').click();
    const { captures, audio, isMuted } = await calls(ana);
    check(captures === 1 && isMuted && !audio, `${captures} captures, ${audio} tracks send`);
    // What is on its way still comes; then there is silence.
    await until('Beto hears nothing', async () => {
      const before = await heard(beto);
      await wait(1_100);
      return (await heard(beto)).energy - before.energy < 1e-4;
    });
    await hangUp(ana, beto);
  },

  // Devices can be chosen while one talks.
  async chosen_devices() {
    const [ana, beto] = await pair();
    await talk(ana, beto);
    await ana.button('call.devices').click();
    await shown(ana, 'dialog.devices');
    await screen(ana, 'devices');
    const choices =
      ana.$(`dialog.devices section[aria-label="${ana.t('call.microphone')}"] button`);
    check(await choices.count() > 1, 'there is a choice');
    await choices.nth(1).click();
    await until('another was captured', async () => (await calls(ana)).captures === 2);
    await until('the one before is stopped', async () => (await calls(ana)).live === 1);
    await ana.page.keyboard.press('Escape');
    await hears(beto);
    await hangUp(ana, beto);
  },

  // A clock that is an hour off, either way, counts from zero.
  async wrong_clock() {
    const off = (ms) => ({ init: [`{ const now = Date.now; Date.now = () => now() + ${ms}; }`] });
    const [ana, beto] = await pair(off(3_600_000), off(-3_600_000));
    await talk(ana, beto);
    for (const person of [ana, beto]) {
      await until(
        `${person.name}'s timer runs`,
        async () => /^0:[0-5][1-9]$/.test(await person.$('.call-head time').textContent()),
      );
    }
    await hangUp(ana, beto);
  },

  // Another client, which says nothing of what it sends, is seen.
  async other_client() {
    const [ana, beto] = await pair();
    const key = await token(ana);
    const page = await ana.context.newPage();
    await ana.page.goto('about:blank');
    await page.goto(`${server.url}/call-test`);
    await page.evaluate(file('client.js'));
    await page.evaluate(
      (token) => { window.c = new Client({ token }); return window.c.connect(); }, key,
    );
    await page.evaluate((id) => window.c.start(id, 'video'), beto.id);
    await rings(beto);
    await beto.button('call.accept').click();
    await until('a picture moves', () => beto.page.evaluate(() => {
      const video = document.querySelector('video.call-remote');
      return video && !video.hidden && video.videoWidth > 0;
    }));
    await beto.button('call.hang_up').click();
    await isOut(beto);
  },

  // A note of a call goes when it no longer rings; it is shown once.
  async notification() {
    const notes = `window.notes = []; document.hasFocus = () => false;
      window.Notification = class { static permission = 'granted';
        constructor(title) { this.title = title; this.isOpen = true; window.notes.push(this); }
        close() { this.isOpen = false; } };`;
    const [ana, beto] = await pair({}, { init: [notes] });
    await beto.inside((state) => { state.alerts.value = true; });
    await ana.button('call.voice').click();
    await rings(beto);
    const open = () => beto.page.evaluate((title) => {
      const all = window.notes.filter((note) => note.title === title);
      return [all.length, all.filter(({ isOpen }) => isOpen).length];
    }, beto.t('call.incoming', { name: ana.name }));
    await until('it is told', async () => (await open())[1] === 1);
    await ana.button('call.hang_up').click();
    await until('the note is gone', async () => (await open())[1] === 0);
    check((await open())[0] === 1, 'it was told once');
  },

  // Who closes the page calls nobody any more.
  async closed_page() {
    const [ana, beto] = await pair();
    await ana.button('call.voice').click();
    await rings(beto);
    const began = Date.now();
    await ana.page.goto('about:blank');
    await beto.$('dialog.incoming').waitFor({ state: 'detached' });
    return `quiet after ${Date.now() - began} ms`;
  },
};

await run(scenarios);
