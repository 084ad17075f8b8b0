// Random lives, played into the library: what devices of the equality test were sent is sent to
// `sdk/js`, which must end with what the server has. See tests/harness/trace.rs for what a record
// holds; `scripts/lives` records some and runs this.
//   node e2e/lives.mjs FOLDER [SDK]     SDK: the compiled library; web/dist/sdk when it is left out
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Browser, settle } from './lives/browser.mjs';
import { Server } from './lives/server.mjs';
import { random } from './random.mjs';

const [folder, sdk = new URL('../web/dist/sdk', import.meta.url).pathname] = process.argv.slice(2);
if (!folder) throw new Error('usage: node e2e/lives.mjs FOLDER [SDK]');

const browser = new Browser();
browser.opens(new Server());
const { Client } = await import(pathToFileURL(resolve(sdk, 'index.js')));

// Longer than any wait of the library's between two tries, in seconds.
const TRIES_S = 60;
// So often the library may ask until it has all.
const TRIES = 20;

// A device of a life, with the library in place of the recorded client.
class Device {
  #browser = new Browser();
  #server = new Server();
  #random;
  #user;
  #page;
  #closed = 0;

  constructor(user, seed) {
    this.#user = user;
    this.#random = random(seed);
  }

  get closed() {
    return this.#closed;
  }

  // Opens the page, on whatever the one before has kept.
  async opens() {
    this.#page = this.#browser.opens(this.#server);
    this.client = new Client({ base: 'http://server' });
    this.client.onEnded = () => assert.fail('the session ended');
    if (this.client.session) await this.client.start();
    else await this.client.enter(
      { token: 'token', session: 's', me: { id: this.#user, name: 'Me' } },
    );
    await settle();
  }

  async lives(line) {
    switch (line.is) {
      case 'hello': return this.#hello(line.d);
      case 'event': return this.#told({ ev: line.ev, d: line.d });
      case 'asked': return this.#asked(line);
      case 'answered': return this.#answered();
      case 'reply': return this.#replied(line.message);
      case 'cut': return this.#cut();
      case 'end': return this.#end(line);
      default: throw new Error(`what is ${line.is}?`);
    }
  }

  async #hello({ incarnation }) {
    for (let seconds = 0; !this.#page.socket; seconds++) {
      assert.ok(seconds < TRIES_S, 'it tries to connect');
      this.#page.timers.pass(1_000);
      await settle();
    }
    const now = new Date().toISOString();
    this.hello = { incarnation, now, ping_every_ms: 25_000, session: 's', user: this.#user };
    await this.#told({ ev: 'hello', d: this.hello });
  }

  async #told(frame) {
    assert.ok(this.#page.socket, 'it is connected');
    this.#page.socket.tell(frame);
    await settle();
  }

  #asked({ have, news, all }) {
    this.#server.moment(all);
    assert.deepEqual(
      bare(this.#server.news(have)), bare(news), 'the stand-in answers as the server did',
    );
  }

  async #answered() {
    this.#server.arrives();
    await settle();
  }

  // What the library asked for does not count, only that it is answered with a row.
  async #replied(message) {
    const asked = this.client.pin(message, true);
    this.#server.replies({ message });
    await asked;
    await settle();
  }

  // The connection breaks; now and then the page is closed with it, before or after it has kept
  // what it has, and opened again.
  async #cut() {
    const fate = this.#random();
    if (fate < 0.2) this.#page.timers.pass(1_000);
    this.#server.forgets();
    this.#page.socket?.onclose({ code: 1006 });
    await settle();
    if (fate > 0.4) return;
    this.#closed += 1;
    await this.opens();
  }

  async #end({ all, unread }) {
    // What was told last may be lost on the way: the recorded client asked, the library is told to.
    await this.#told({ ev: 'resync', d: { chat: null } });
    await this.#catchesUp(all);
    this.#has(all, unread, 'at the end');
    // What it keeps is worth as much.
    this.#page.timers.pass(1_000);
    await settle();
    this.#server.forgets();
    await this.opens();
    await this.#hello(this.hello);
    await this.#catchesUp(all);
    this.#has(all, unread, 'on the next visit');
    await this.#readsAll(all);
    this.#has(all, unread, 'with all its history');
    const rows = (one) => this.client.store.chats.get(one.chat.id).messages.length;
    for (const one of all.chats) {
      assert.equal(rows(one), one.messages.length, 'all the history is there');
    }
  }

  async #catchesUp(all) {
    for (let tries = 0; !this.client.isSynced || this.#server.isAsked; tries++) {
      assert.ok(tries < TRIES, 'sync comes to an end');
      this.#server.moment(all);
      await this.#answered();
    }
  }

  async #readsAll(all) {
    for (const { chat } of all.chats) {
      for (let isMore = true; isMore;) {
        const page = this.client.older(chat.id, 7);
        this.#server.moment(all);
        await this.#answered();
        isMore = await page;
      }
    }
  }

  // What the library has is what the server has, for everything that a person sees.
  #has(all, unread, when) {
    const { store } = this.client;
    const members = new Map(all.memberships.map((row) => [row.chat, row]));
    const here = all.chats.map(({ chat }) => chat.id).sort();
    assert.deepEqual([...store.chats.keys()].sort(), here, `its chats, ${when}`);
    for (const { chat, messages } of all.chats) {
      const state = store.chats.get(chat.id);
      assert.deepEqual(plain(state.chat), plain(chat), `the chat, ${when}`);
      assert.deepEqual(
        plain(state.member), plain(members.get(chat.id)), `its place in it, ${when}`,
      );
      const from = state.messages[0]?.seq ?? Infinity;
      const rows = messages.filter(({ seq }) => seq >= from);
      assert.deepEqual(state.messages.map(plain), rows.map(plain), `its messages, ${when}`);
      assert.ok(messages.length === 0 || rows.length > 0, `it has messages, ${when}`);
      assert.equal(state.unread, unread[chat.id] ?? state.unread, `unread, ${when}`);
    }
  }
}

// Rows without what depends on the moment at which they were told.
const MOMENTARY = ['from_name', 'head_rev', 'hidden', 'delivered_seq'];
const plain = (row) => Object.fromEntries(
  Object.entries(row).filter(([name]) => !MOMENTARY.includes(name)),
);

// A page without its order. What is hidden and has nothing to read in it counts for nothing twice.
function bare({ memberships, chats, ...page }) {
  const hidden = new Map(memberships.map((row) => [row.chat, row.hidden ?? []]));
  const byChat = (a, b) => (a.chat.id < b.chat.id ? -1 : 1);
  const lean = ({ quiet = [], ...one }) => {
    const told = quiet.filter((seq) => !hidden.get(one.chat.id)?.includes(seq));
    return { ...one, quiet: told };
  };
  return { ...page, memberships, chats: chats.map(lean).sort(byChat) };
}

// A number from a text, that it alone decides.
const seedOf = (text) => [...text].reduce((sum, one) => Math.imul(sum, 31) + one.codePointAt(0), 7);

async function live(name) {
  const lines =
    readFileSync(join(folder, name), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const [{ user }, ...life] = lines;
  assert.equal(life.at(-1)?.is, 'end', `${name} comes to an end`);
  const device = new Device(user, seedOf(name));
  await device.opens();
  for (const [at, line] of life.entries()) {
    try {
      await device.lives(line);
    } catch (error) {
      throw new Error(`${name}, line ${at + 2} (${line.is})`, { cause: error });
    }
  }
  return device.closed;
}

const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl')).sort();
assert.ok(names.length > 0, `there are no lives in ${folder}`);
let closed = 0;
try {
  for (const name of names) closed += await live(name);
} catch (error) {
  console.error(`a life ended otherwise: ${error.message}`, error.cause ?? error);
  process.exit(1);
}
console.log(`${names.length} devices of recorded lives end with what the server has; `
  + `${closed} pages were closed and opened again on the way`);
process.exit(0);
