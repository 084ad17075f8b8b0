// A device that sleeps is told: the server's pushes, as its folder keeps them, are handed to the
// page's worker by the browser's debugging protocol; encryption and services are tested elsewhere
// (tests/story). Nobody can subscribe to a real service here, so the page finds keys of its own.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './person.mjs';
import { until } from './server.mjs';
import { another, arrives, screen } from './stage.mjs';

// Real keys, as the browser makes them, for an endpoint that nobody answers at; and a browser that
// has not asked for leave to notify yet, which one without a screen never is.
const SUBSCRIBES = `
  let there = null;
  const url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    const pair = await crypto.subtle.generateKey(
      { name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'],
    );
    const keys = {
      p256dh: url(await crypto.subtle.exportKey('raw', pair.publicKey)),
      auth: url(crypto.getRandomValues(new Uint8Array(16))),
    };
    const endpoint = 'https://push.example.net/' + crypto.randomUUID();
    const text = applicationServerKey.replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    there = {
      endpoint, options: { applicationServerKey: bytes.buffer }, toJSON: () => ({ endpoint, keys }),
      unsubscribe: async () => { there = null; return true; },
    };
    return there;
  };
  PushManager.prototype.getSubscription = async () => there;
  let allowed = 'default';
  Object.defineProperty(Notification, 'permission', { get: () => allowed });
  Notification.requestPermission = async () => { allowed = 'granted'; return allowed; };
`;

// What the server wrote for devices, oldest first.
const written = (server) => {
  const folder = join(server.folder, 'push');
  return readdirSync(folder).filter((name) => name.endsWith('.json')).sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
};

// A person whose notifications are allowed, and what their worker shows.
class Sleeper {
  constructor(person) {
    this.person = person;
    this.seen = 0;
  }

  async worker() {
    const { context } = this.person;
    return context.serviceWorkers()[0] ?? context.waitForEvent('serviceworker');
  }

  // The next push that the server wrote reaches the worker.
  async gets(server, isIt) {
    const push = await until('the server pushes', () => {
      const next = written(server).slice(this.seen).findIndex(({ said }) => isIt(said));
      if (next < 0) return null;
      this.seen += next + 1;
      return written(server)[this.seen - 1];
    });
    await this.protocol.send('ServiceWorker.deliverPushMessage', {
      origin: new URL(this.person.wire.url).origin, registrationId: this.registration,
      data: JSON.stringify(push.said),
    });
    return push;
  }

  async attach() {
    const protocol = await this.person.context.newCDPSession(this.person.page);
    const found = new Promise((done) => {
      protocol.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        const [one] = registrations;
        if (one) done(one.registrationId);
      });
    });
    await protocol.send('ServiceWorker.enable');
    this.registration = await found;
    this.protocol = protocol;
  }

  async shown() {
    return (await this.worker()).evaluate(async () => {
      const all = await self.registration.getNotifications();
      return all.map(({ title, body, tag }) => ({ title, body, tag }));
    });
  }

  shows(isIt, what) {
    return until(what, async () => (await this.shown()).find(isIt));
  }

  // Presses a button of the only notification.
  async presses(action, reply) {
    await (await this.worker()).evaluate(async ([action, reply]) => {
      const [notification] = await self.registration.getNotifications();
      const event = new NotificationEvent('notificationclick', { notification, action, reply });
      self.dispatchEvent(event);
    }, [action, reply]);
  }
}

// The page asks once there is a chat; in the settings it can be tried.
async function turnsOn(beto, server) {
  await beto.button('alerts.ask.yes').waitFor();
  await screen(beto, 'asked about alerts');
  await beto.button('alerts.ask.yes').click();
  await until('the page is answered', async () => !await beto.$('.ask-alerts').count());
  await beto.page.goto(`${beto.wire.url}/#/settings`);
  check(await beto.page.getByRole('switch', { name: beto.t('alerts') }).isChecked(), 'it is on');
  await beto.button('alerts.test').waitFor();
  await screen(beto, 'alerts');
  await beto.button('alerts.test').click();
  const sleeper = new Sleeper(beto);
  await sleeper.attach();
  await sleeper.gets(server, ({ kind }) => kind === 'test');
  await sleeper.shows(({ title }) => title === beto.t('push.test'), 'the test is shown');
  return sleeper;
}

// What one wants to be told of is said once for all devices, and kept by the server.
async function saysWhat(beto) {
  const toggle = (key) => beto.page.getByRole('switch', { name: beto.t(key) });
  const kept = () => beto.inside(async ({ client }) => client.rest.get('/me/alerts'));
  await beto.goes('settings/alerts');
  await toggle('alerts.quiet').click();
  await beto.field('alerts.quiet.begin').fill('23:30');
  await beto.field('alerts.quiet.begin').blur();
  await until('the hours are kept', async () => (await kept()).quiet?.from === 23 * 60 + 30);
  await toggle('alerts.mail').click();
  await until('mails are wanted', async () => (await kept()).mail);
  await screen(beto, 'what one wants to be told of');
  await beto.page.reload();
  await beto.field('alerts.quiet.begin').waitFor();
  check(await beto.field('alerts.quiet.begin').inputValue() === '23:30', 'the hours are shown');
  await toggle('alerts.quiet').click();
  await until('there are none', async () => !(await kept()).quiet);
  await beto.goes('settings/devices');
  const told = beto.$('.device', { hasText: beto.t('device.told') });
  await told.waitFor();
  await screen(beto, 'devices');
}

// What was edited is replaced, what was deleted is taken back.
async function revised(ana, sleeper, server) {
  await ana.says('one');
  await sleeper.gets(server, ({ kind, body }) => kind === 'message' && body === 'one');
  await sleeper.shows(({ body }) => body === 'one', 'the message is shown');
  await ana.inside(async ({ client }) => {
    const row = [...client.store.list()][0].last;
    await client.edit(row, 'two');
  });
  await sleeper.gets(server, ({ again, body }) => again && body === 'two');
  const note = await sleeper.shows(({ body }) => body === 'two', 'the edit is shown');
  await ana.inside(async ({ client }) => {
    const row = [...client.store.list()][0].last;
    await client.delete(row);
  });
  await sleeper.gets(server, ({ kind }) => kind === 'read');
  await until(
    'it is taken back', async () => !(await sleeper.shown()).some(({ tag }) => tag === note.tag),
  );
}

export async function pushed() {
  const server = await another({ PUSH: 'folder', PUSH_DIR: 'push', PUSH_CONTENT: 'text' });
  try {
    const ana = await arrives({ name: 'Ana Luna', lang: 'en' }, server);
    const beto = await arrives(
      { name: 'Beto Sol', lang: 'es', width: 360, init: [SUBSCRIBES] }, server,
    );
    await beto.context.grantPermissions(['notifications', 'microphone', 'camera']);
    for (const person of [ana, beto]) await person.signsUp();
    await ana.finds(beto.name);
    await ana.says('before');
    const sleeper = await turnsOn(beto, server);
    await saysWhat(beto);
    await told(ana, beto, sleeper, server);
    await revised(ana, sleeper, server);
    await rung(ana, beto, sleeper, server);
    for (const person of [ana, beto]) person.quiet();
  } finally {
    await server.end();
  }
}

// A message wakes the worker; the answer goes out from the notification.
async function told(ana, beto, sleeper, server) {
  await beto.page.goto('about:blank');
  await ana.says('are you there?');
  await sleeper.gets(server, ({ kind }) => kind === 'message');
  const note = await sleeper.shows(({ body }) => body === 'are you there?', 'the message is shown');
  check(note.title === ana.name, `${note.title} wrote`);
  await sleeper.presses('reply', 'ahora voy');
  await ana.sees('ahora voy');
  check(!(await sleeper.shown()).some(({ tag }) => tag === note.tag), 'the notification is gone');
}

// A call rings on the locked screen, stops when the caller hangs up, and is answered from there.
async function rung(ana, beto, sleeper, server) {
  const rings = ({ kind, state }) => kind === 'call' && state === 'ringing';
  const isCall = ({ tag }) => tag.startsWith('call-');
  await ana.button('call.voice').click();
  await sleeper.gets(server, rings);
  await sleeper.shows(isCall, 'the call is shown');
  await ana.button('call.hang_up').click();
  await sleeper.gets(server, ({ kind, state }) => kind === 'call' && state === 'ended');
  await until('the call is taken back', async () => !(await sleeper.shown()).some(isCall));

  await until('she can call again', () => ana.inside(({ client }) => !client.calls.call));
  await ana.button('call.voice').click();
  await sleeper.gets(server, rings);
  await sleeper.shows(isCall, 'the second call is shown');
  await sleeper.presses('accept');
  await beto.opens('/');
  await until('the call is answered', () => beto.inside(({ client }) => client.calls.isHere));
  await ana.button('call.hang_up').click();
}
