// What the library finds in a browser, without one: timers that run when they are told to, storage
// that outlives a page, a socket and `fetch` that end in a stand-in for the server. One page lives
// at a time. Called by lives.mjs.

// Timers that run when `pass` is told to let time pass; the clock itself goes on as it does.
class Timers {
  #now = 0;
  #last = 0;
  #all = new Map();

  set(work, ms = 0, every = null) {
    this.#all.set(++this.#last, { work, every, at: this.#now + ms });
    return this.#last;
  }

  clear(id) {
    this.#all.delete(id);
  }

  pass(ms) {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#all].filter(([, one]) => one.at <= end);
      if (!due.length) break;
      const [id, one] = due.reduce((first, next) => (next[1].at < first[1].at ? next : first));
      this.#now = one.at;
      if (one.every === null) this.#all.delete(id);
      else one.at += Math.max(1, one.every);
      one.work();
    }
    this.#now = end;
  }
}

// As much of IndexedDB as the library uses: transactions that run their requests in order and are
// complete when none is left.
class Database {
  #stores = new Map();

  createObjectStore(name, { keyPath }) {
    this.#stores.set(name, { keyPath, rows: new Map() });
  }

  transaction() {
    const asked = [];
    const ask = (work) => {
      const request = {};
      asked.push(() => {
        request.result = work();
        request.onsuccess?.();
      });
      return request;
    };
    const transaction = {
      objectStore: (name) => {
        const { keyPath, rows } = this.#stores.get(name);
        return {
          get: (key) => ask(() => structuredClone(rows.get(key))),
          getAll: () => ask(() => structuredClone([...rows.values()])),
          put: (row) => {
            const kept = structuredClone(row);
            return ask(() => void rows.set(kept[keyPath], kept));
          },
          delete: (key) => ask(() => void rows.delete(key)),
          clear: () => ask(() => rows.clear()),
        };
      },
    };
    queueMicrotask(() => {
      while (asked.length) asked.shift()();
      transaction.oncomplete?.();
    });
    return transaction;
  }
}

class Databases {
  #made = new Map();

  open(name) {
    const request = {};
    queueMicrotask(() => {
      const isNew = !this.#made.has(name);
      if (isNew) this.#made.set(name, new Database());
      request.result = this.#made.get(name);
      if (isNew) request.onupgradeneeded?.();
      request.onsuccess?.();
    });
    return request;
  }
}

class Words {
  #all = new Map();

  getItem(key) {
    return this.#all.get(key) ?? null;
  }

  setItem(key, value) {
    this.#all.set(key, String(value));
  }

  removeItem(key) {
    this.#all.delete(key);
  }
}

let page = null;

class PageSocket {
  constructor() {
    this.page = page;
    page.socket = this;
    queueMicrotask(() => this.onopen?.());
  }

  // What the library says.
  send(text) {
    if (this.page === page) page.server.heard(this, JSON.parse(text));
  }

  close() {
    if (this.page.socket === this) this.page.socket = null;
  }

  // What the server says.
  tell(frame) {
    if (this.page === page) this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

// A person's browser: pages come and go, what they keep stays.
export class Browser {
  #kept = { databases: new Databases(), local: new Words(), session: new Words() };

  // Opens a page, in place of one that is open.
  opens(server) {
    page = { server, timers: new Timers(), socket: null, kept: this.#kept };
    return page;
  }
}

const settled = globalThis.setImmediate;

// Lets all that was begun come to its end.
export const settle = () => new Promise((done) => { settled(done); });

const nothing = () => undefined;
const put = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true });

put('setTimeout', (work, ms) => page.timers.set(work, ms));
put('setInterval', (work, ms) => page.timers.set(work, ms, ms));
put('clearTimeout', (id) => page.timers.clear(id));
put('clearInterval', (id) => page.timers.clear(id));
put('indexedDB', { open: (name) => page.kept.databases.open(name) });
put('WebSocket', PageSocket);
put('fetch', (url, asked) => page.server.fetched(new URL(url), asked));
put('addEventListener', nothing);
put('removeEventListener', nothing);
put('document', {
  visibilityState: 'visible', addEventListener: nothing, removeEventListener: nothing,
});
put('navigator', { languages: ['en'] });
for (const [name, kept] of [['localStorage', 'local'], ['sessionStorage', 'session']]) {
  Object.defineProperty(globalThis, name, { get: () => page.kept[kept], configurable: true });
}
