// People and their devices in a browser: what a scenario of calls.mjs plays with.
import { readFileSync } from 'node:fs';
import { until } from './server.mjs';

const client = readFileSync(new URL('client.js', import.meta.url), 'utf8');
let people = 0;

export function check(fact, message) {
  if (!fact) throw new Error(message);
}

// One page with the client in it.
export class Device {
  constructor(scene, person, options = {}) {
    Object.assign(this, { scene, person, options });
  }

  async open() {
    this.context ||= await this.scene.browser.newContext();
    this.page ||= await this.context.newPage();
    await this.page.goto(`${this.scene.server.pages}/call-test`);
    await this.page.evaluate(client);
    await this.page.evaluate(
      async (options) => {
        window.c = new Client({ instance: await Client.instance(), ...options });
        return window.c.connect();
      },
      { token: this.person.token, ...this.options },
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
    return this.page?.evaluate(() => window.c?.log).catch(() => null);
  }

  is(state, within) {
    return until(`${this.person.name} is ${state}`, async () => {
      const call = await this.state();
      return call.state === state && call;
    }, within);
  }

  rings() {
    return until(`${this.person.name} rings`, async () => (await this.state()).ringing);
  }

  // The call is on another device, and nothing is sent or played here.
  elsewhere() {
    return until(`${this.person.name}'s other tab stays out of it`, () => this.page.evaluate(() => {
      const { call, pc, media, rings } = window.c;
      return call?.on === 'other_device' && !pc && !media && !rings;
    }));
  }

  // Connected to the server.
  live() {
    return until(`${this.person.name} is back`, () => this.page.evaluate(() => window.c.live));
  }

  // Media flows in: sound (silence has an energy too, of about 1e-9), and pictures if asked for.
  hears(video) {
    return until(`${this.person.name} hears${video ? ' and sees' : ''}`, async () => {
      const stats = await this.do('stats');
      return stats.energy > 1e-3 && stats.audioPackets > 10 && (!video || stats.frames > 5)
        && stats;
    });
  }

  close() {
    return this.context?.close();
  }
}

// What one scenario has open: closed behind it, whatever happens.
export class Scene {
  constructor(browser, server) {
    Object.assign(this, { browser, server, devices: [] });
  }

  // Two people who have never called each other, each with one device.
  async two(options = {}) {
    const number = ++people;
    const open = async (name) => this.device(await this.server.person(`${name}${number}`), options);
    return Promise.all([open('Ana'), open('Beto')]);
  }

  async device(person, options) {
    const device = new Device(this, person, options);
    this.devices.push(device);
    return device.open();
  }

  // Another device of the same person.
  async another(device) {
    return this.device(await this.server.device(device.person.name));
  }

  // Another tab of the same browser, and so of the same session.
  async tab(device) {
    const tab = new Device(this, device.person, device.options);
    tab.context = device.context;
    this.devices.push(tab);
    return tab.open();
  }

  async close() {
    await Promise.all(this.devices.map((device) => device.close()));
  }

  // A call until both hear each other; milliseconds from the accept until both were connected.
  async talk(a, b, kind = 'voice') {
    await a.do('start', b.person.id, kind);
    await b.rings();
    const began = Date.now();
    await b.do('accept');
    await Promise.all([a.is('active'), b.is('active')]);
    const ms = Date.now() - began;
    const video = kind === 'video';
    await Promise.all([a.hears(video), b.hears(video)]);
    return ms;
  }

  // Bytes still come in on all of them.
  flows(...devices) {
    return Promise.all(devices.map(async (device) => {
      const { bytes } = await device.do('stats');
      const more = async () => (await device.do('stats')).bytes > bytes;
      await until(`bytes come in at ${device.person.name}`, more);
    }));
  }

  async ask(who, path) {
    return (await this.server.ask('GET', `/api/v1/${path}`, who.person.token)).body;
  }

  // Both know that it is over and why, and so does their chat.
  async over(a, b, reason, within) {
    const [call] = await Promise.all([a.is('ended', within), b.is('ended', within)]);
    check(call.reason === reason, `it ended as ${call.reason}, not ${reason}`);
    const { messages } = await this.ask(a, `chats/${call.chat}/messages`);
    const message = messages.at(-1);
    const fits = message.kind === 'call' && message.call.reason === reason;
    check(fits, `the chat says ${JSON.stringify(message)}`);
    return call;
  }

  // How many messages of the only chat somebody has not seen.
  async unread(who) {
    return (await this.ask(who, 'chats')).chats[0].unread;
  }
}
