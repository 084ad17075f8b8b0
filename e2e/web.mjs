// The web client in a real browser, on the real server: what a newcomer and two people do.
//   node e2e/web.mjs BINARY [SCENARIO…]     (scripts/test web runs all)
// Needs playwright-core and @axe-core/playwright: scripts/install-chromium prints their folder,
// which goes into BROWSER_HOME.
import { readFileSync } from 'node:fs';
import * as languages from '../web/dist/texts/languages.js';
import { check } from './person.mjs';
import { readsQr } from './qr.mjs';
import { until, wait } from './server.mjs';
import { another, arrives, run, screen, server, shown, token, two, twoSignedUp } from './stage.mjs';

// While a chat scrolls, a task may take as long as drawing 200 rows so many times (see `drawing`).
const LONGEST_TASK = 12;

// A whole acquaintance: from signing up to a group, a second device and everything said between.
async function acquaintance(ana, beto) {
  for (const person of [ana, beto]) {
    await screen(person, 'log in');
    await person.$('.auth-switch button').click();
    await screen(person, 'sign up');
    await person.$('.auth-switch button').click();
    await person.asksForCode();
    await screen(person, 'code');
    await person.pastes(await person.readsCode());
    await shown(person, '.list-pane .empty');
    await screen(person, 'no chats');
    person.id = await person.inside(({ client }) => client.me.id);
  }
  await ana.goes('new');
  await screen(ana, 'new chat');
  await ana.finds(beto.name);
  await ana.says('¡Hola, Beto! 你好 مرحبا 👋');
  await ana.standing('¡Hola, Beto!', 'sent');
  await until('one unread', async () => (await beto.unread(ana.name))?.startsWith('1'));
  check((await beto.page.title()).includes('1'), `the title tells of it: ${await beto.page.title()}`);
  await screen(beto, 'one chat');
  await beto.openChat(ana.name);
  await beto.sees('¡Hola, Beto!');
  await ana.standing('¡Hola, Beto!', 'read');

  await beto.does('¡Hola, Beto!', 'reply');
  await beto.says('¿Qué tal, Ana?');
  await ana.sees('¿Qué tal, Ana?');
  check(await ana.bubble('¿Qué tal').locator('.quote').count() === 1, 'the answer quotes');
  await ana.menuOf('¿Qué tal');
  await screen(ana, 'menu of a message');
  await ana.page.keyboard.press('Escape');
  await ana.reacts('¿Qué tal', '👍');
  await shown(beto, '.reaction');
  await ana.says('Nos vemos el lunez');
  await ana.does('el lunez', 'edit');
  await ana.types('Nos vemos el lunes');
  await ana.sends();
  await beto.sees('el lunes');
  await beto.$('.bubble', { hasText: 'el lunes' }).getByText(beto.t('edited')).first().waitFor();
  await ana.types('…');
  await shown(beto, '.chat-sub.typing');
  await ana.types('');
  await screen(ana, 'chat');
  await screen(beto, 'chat');

  await ana.says('Esto no era para ti');
  await beto.sees('no era para ti');
  await ana.does('no era para ti', 'delete');
  await screen(ana, 'delete?');
  await ana.button('message.delete_all').click();
  await shown(beto, '.bubble.gone');
  await ana.does('el lunes', 'message.info');
  await shown(ana, '.facts');
  await screen(ana, 'message info');
  await ana.page.keyboard.press('Escape');
  await ana.does('el lunes', 'pin');
  await shown(beto, '.pinned');

  await group(ana, beto);
  await unread(ana, beto);
  await screens(ana, beto);
  for (const person of [ana, beto]) person.quiet();
}

async function group(ana, beto) {
  await ana.goesHome();
  await ana.button('new').click();
  await ana.$('.chat-row', { hasText: ana.t('group.new') }).click();
  await ana.field('group.title').fill('Caminatas · Walks');
  await ana.$('.new-group .search input').fill(beto.name);
  await ana.$('.new-group .chat-row', { hasText: beto.name }).click();
  await shown(ana, '.chosen li');
  await screen(ana, 'new group');
  await ana.$('.new-group .foot button').click();
  await ana.$('.composer textarea').waitFor();
  await ana.says('Domingo a las nueve');
  await beto.openChat('Caminatas');
  await beto.sees('Domingo a las nueve');
  await beto.says('@');
  await screen(beto, 'group');
  await ana.goes(`chat/${await ana.chat}/info`);
  await shown(ana, '.info-pane .member');
  await screen(ana, 'group info');
  await ana.button('invite').click();
  await shown(ana, 'dialog .invite-link code');
  await until('the link is there', async () => /#\/join\/[\w-]{16}$/.test(await ana.$('.invite-link code').textContent()));
  await screen(ana, 'invitation');
  const link = new URL(await ana.$('.invite-link code').textContent());
  check(await readsQr(ana) === link.href, 'a camera reads the link');
  await ana.page.keyboard.press('Escape');
  await beto.goes(link.hash.slice(2));
  await shown(beto, '.chat-pane');
  await screen(beto, 'join');
}

async function unread(ana, beto) {
  await beto.goesHome();
  await ana.openChat(beto.name);
  for (const word of ['uno', 'dos', 'tres']) await ana.says(`mensaje ${word}`);
  await until('three unread', async () => (await beto.unread(ana.name))?.startsWith('3'));
  await beto.openChat(ana.name);
  await shown(beto, '#unread');
  await ana.standing('mensaje tres', 'read');
  await beto.goesHome();
  await until('none unread', async () => await beto.row(ana.name).locator('.badge').count() === 0);
}

// Every other screen, and the language switched in place.
async function screens(ana, beto) {
  for (const path of ['settings', 'settings/profile', 'settings/privacy', 'settings/devices', 'settings/blocked', 'calls', `user/${beto.id}`]) {
    await ana.goes(path);
    await ana.page.waitForFunction(() => !document.querySelector('.spinner'));
    await shown(ana, '.pane h1:visible');
    await screen(ana, path);
  }
  await ana.goes('settings');
  const other = ana.lang === 'es' ? 'en' : 'es';
  await ana.$('label', { hasText: languages[other].name }).click();
  [ana.lang, ana.was] = [other, ana.lang];
  await ana.page.getByRole('heading', { name: ana.t('settings') }).first().waitFor();
  check(await ana.page.evaluate(() => document.documentElement.lang) === other, 'the page says its language');
  await ana.$('label', { hasText: languages[ana.was].name }).click();
  ana.lang = ana.was;
  await ana.page.getByRole('heading', { name: ana.t('settings') }).first().waitFor();
}

// The page can be opened without a network.
async function keepsPage({ page }) {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await until('the worker keeps the page', () => page.evaluate(async () => {
    const [name] = await caches.keys();
    return name && !!(await (await caches.open(name)).match('/assets/chat.js'));
  }));
}

const scenarios = {
  // What the README promises to somebody who has just started the server.
  async newcomers() {
    const began = Date.now();
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    await ana.says('¡Hola!');
    await beto.openChat(ana.name);
    await beto.sees('¡Hola!');
    for (const person of [ana, beto]) person.quiet();
    const s = (Date.now() - began) / 1000;
    return `the first message between two browser windows ${s.toFixed(1)} s after opening them`;
  },

  async english_wide_spanish_narrow() {
    await acquaintance(...await two({ lang: 'en', width: 1280 }, { lang: 'es', width: 360, theme: 'dark' }));
  },

  async spanish_wide_english_narrow() {
    await acquaintance(...await two({ lang: 'en', width: 360, theme: 'dark' }, { lang: 'es', width: 1280 }));
  },

  // In a tunnel: what was read is there, what is written waits, also through a reload; then it
  // goes out once.
  async offline_and_back() {
    const [ana, beto] = await twoSignedUp({}, { width: 360 });
    await ana.finds(beto.name);
    await ana.says('antes del túnel');
    await beto.openChat(ana.name);
    await beto.sees('antes del túnel');
    await keepsPage(beto);
    beto.hasOutage = true;
    beto.wire.cut();
    await beto.types('desde el túnel');
    await beto.sends();
    await beto.standing('desde el túnel', 'sending');
    await beto.$('.offline').first().waitFor();
    await screen(beto, 'offline');
    await ana.says('¿sigues ahí?');
    await beto.page.reload();
    await beto.sees('antes del túnel');
    await beto.standing('desde el túnel', 'sending');
    beto.wire.mend();
    await beto.sees('¿sigues ahí?');
    await ana.sees('desde el túnel');
    await beto.standing('desde el túnel', 'read');
    check(await ana.$('.bubble', { hasText: 'desde el túnel' }).count() === 1, 'it is there once');
    for (const person of [ana, beto]) person.quiet();
  },

  // What is being written is never lost: by a change, a cancel, a reload, a link that is gone, a limit.
  async what_is_written_stays() {
    const [ana, beto] = await twoSignedUp({}, { width: 360 });
    await ana.finds(beto.name);
    await ana.says('un mensaje con errror');
    await beto.openChat(ana.name);
    await beto.sees('errror');
    const text = () => ana.$('.composer textarea').inputValue();
    const kept = (body) => until('it is kept in the browser', () => ana.inside(async ({ client }, body) => {
      const { unsent, drafts } = await client.storage.load();
      return [...unsent, ...drafts.values()].some((one) => one.body === body);
    }, body));
    await ana.types('a medias');
    await ana.does('errror', 'edit');
    await until('the message is in the composer', async () => (await text()).includes('errror'));
    await ana.types('un mensaje con error');
    await kept('un mensaje con error');
    await keepsPage(ana);
    await ana.page.reload();
    await until('the change goes on', async () => await text() === 'un mensaje con error');
    await ana.page.keyboard.press('Escape');
    await until('the draft is back', async () => await text() === 'a medias');
    await ana.does('errror', 'reply');
    await ana.button('cancel').click();
    check(await text() === 'a medias', 'a cancelled answer leaves the draft');
    ana.hasOutage = true;
    ana.wire.cut();
    await ana.does('errror', 'edit');
    await ana.types('un mensaje sin nada');
    await ana.sends();
    await ana.standing('un mensaje sin nada', 'sending');
    check(await text() === 'a medias', 'and the draft is back again');
    await kept('un mensaje sin nada');
    await kept('a medias');
    await ana.page.reload();
    await ana.standing('un mensaje sin nada', 'sending');
    await until('the draft is there', async () => await text() === 'a medias');
    ana.wire.mend();
    await beto.sees('un mensaje sin nada');
    await ana.standing('un mensaje sin nada', 'read');
    const long = 'x'.repeat(20_000);
    await ana.page.evaluate((text) => navigator.clipboard.writeText(text), long);
    await ana.types('');
    await ana.$('.composer textarea').focus();
    await ana.page.keyboard.press('Control+V');
    check(await text() === long, 'a long paste is kept');
    await shown(ana, '.composer-limit.over');
    await ana.sends();
    await shown(ana, '.toasts');
    check(await text() === long, 'and stays');
    await screen(ana, 'too long');
    await ana.types('你'.repeat(5_000));
    await shown(ana, '.composer-limit:not(.over)');
    await ana.sends();
    await beto.sees('你你你');
    for (const person of [ana, beto]) person.quiet();
  },

  // The server goes back to a backup, under a page that is live and one that sleeps and comes back
  // when the chat is longer than what it had. What was not sent yet goes out.
  async restored_backup() {
    const apart = await another({});
    const [ana, beto] = await two({}, {}, apart);
    for (const person of [ana, beto]) await person.signsUp();
    await ana.finds(beto.name);
    await ana.says('antes de la copia');
    await beto.openChat(ana.name);
    await beto.sees('antes de la copia');
    apart.backUp();
    for (const text of ['perdido uno', 'perdido dos']) {
      await ana.says(text);
      await beto.sees(text);
    }
    for (const person of [ana, beto]) person.hasOutage = true;
    beto.wire.cut();
    await beto.types('todavía por enviar');
    await beto.sends();
    await apart.restore();
    await until('what is lost is gone', async () => await ana.$('.bubble', { hasText: 'perdido' }).count() === 0);
    for (const text of ['nuevo uno', 'nuevo dos', 'nuevo tres']) await ana.says(text);
    await ana.standing('nuevo tres', 'sent');
    beto.wire.mend();
    await ana.sees('todavía por enviar');
    const texts = (person) => person.$('.bubble').allTextContents();
    const same = async (when) => {
      for (const person of [ana, beto]) {
        for (const text of ['antes de la copia', 'nuevo uno', 'nuevo dos', 'nuevo tres', 'todavía por enviar']) {
          await person.sees(text);
        }
        const told = (await texts(person)).join(' | ');
        check(!told.includes('perdido'), `${when}, ${person.name} holds what the server lost: ${told}`);
      }
    };
    await same('live');
    // What is kept in the browser is that of the server too.
    for (const person of [ana, beto]) await person.page.reload();
    await same('after a reload');
    await apart.end();
  },

  async second_device() {
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    await ana.says('lo mismo en todas partes');
    const phone = await arrives({ name: ana.name, width: 360 });
    await phone.asksForCode({ isNew: false });
    await phone.pastes(await phone.readsCode());
    await phone.openChat(beto.name);
    await phone.sees('lo mismo en todas partes');
    await phone.says('y desde el teléfono');
    await ana.sees('y desde el teléfono');
    await ana.goes('settings/devices');
    await ana.button('device.end_others').click();
    const sure = ana.$('dialog .buttons button').last();
    if (await sure.isVisible().catch(() => false)) await sure.click();
    phone.hasOutage = true;
    await shown(phone, '.auth-card');
    const kept = await phone.page.evaluate(() => JSON.stringify({ ...localStorage }));
    check(!kept.includes(beto.id), 'nothing of the account stays');
    for (const person of [ana, beto]) person.quiet();
  },

  async video_call() {
    const [ana, beto] = await twoSignedUp({ width: 360 }, { width: 1280 });
    await ana.finds(beto.name);
    await ana.says('te llamo');
    await beto.openChat(ana.name);
    await ana.button('call.video').click();
    await shown(beto, 'dialog.incoming');
    await screen(beto, 'ringing');
    await beto.button('call.accept').click();
    for (const person of [ana, beto]) {
      await until('a picture moves', () => person.page.evaluate(() => {
        const video = document.querySelector('video.call-remote');
        return video && !video.hidden && video.videoWidth > 0 && video.currentTime > 0.5;
      }));
      await shown(person, '.call-head time');
      await screen(person, 'in a call');
    }
    await ana.button('call.mute').click();
    await beto.page.getByText(beto.t('call.peer_muted')).waitFor();
    await beto.button('call.hang_up').click();
    for (const person of [ana, beto]) {
      await shown(person, '.messages .call-fact');
      await person.$('.call.live').waitFor({ state: 'detached' });
      person.quiet();
    }
  },

  async rejected_call() {
    const [ana, beto] = await twoSignedUp({}, { width: 360 });
    await ana.finds(beto.name);
    await ana.button('call.voice').click();
    await shown(beto, 'dialog.incoming');
    await beto.button('call.reject').click();
    await shown(ana, '.messages .call-fact');
    await beto.$('dialog.incoming').waitFor({ state: 'detached' });
    for (const person of [ana, beto]) person.quiet();
  },

  // 1,000 messages while wires are cut at random and the server is killed twice.
  async storm() {
    const [ana, beto] = await twoSignedUp();
    const each = 500;
    await ana.finds(beto.name);
    await ana.says('empieza');
    await beto.openChat(ana.name);
    const chat = await ana.chat;
    const talk = (person, who) => person.inside(async ({ client }, { chat, each, who }) => {
      for (let n = 0; n < each; n++) {
        await client.send(chat, { body: `${who} ${n}` });
        if (n % 5 === 0) await new Promise((done) => setTimeout(done, Math.random() * 200));
      }
    }, { chat, each, who });
    for (const person of [ana, beto]) person.hasOutage = true;
    const talking = Promise.all([talk(ana, 'ana'), talk(beto, 'beto')]);
    let over = false;
    const spoiling = (async () => {
      for (let round = 0; !over || round < 6; round++) {
        const { wire } = [ana, beto][Math.floor(Math.random() * 2)];
        wire.cut();
        await wait(Math.random() * 1200);
        wire.mend();
        await wait(Math.random() * 1500);
        if (round === 2 || round === 5) {
          await server.down('SIGKILL');
          await server.up();
        }
      }
    })();
    await talking;
    over = true;
    await spoiling;
    for (const person of [ana, beto]) {
      await person.live();
      await until('all is sent', () => person.inside(({ client }) => client.outbox.size === 0));
    }
    const { body } = await server.ask('GET', `/api/v1/chats/${chat}`, await token(ana));
    const head = body.chat.head_seq;
    check(head === 1 + 2 * each, `the server has ${head} messages`);
    const lists = [];
    for (const person of [ana, beto]) {
      await until('it has the newest', () => person.inside(({ client }, { chat, head }) => client.store.chats.get(chat).last?.seq === head, { chat, head }));
      lists.push(await person.inside(async ({ client }, chat) => {
        const all = new Map();
        const keep = () => {
          for (const { seq, from, body } of client.store.chats.get(chat).messages) all.set(seq, `${from} ${body}`);
        };
        for (let page = 0; page < 30 && !client.store.chats.get(chat).isWhole; page++) {
          keep();
          await client.older(chat, 200);
        }
        keep();
        return [...all].sort(([a], [b]) => a - b).map(([seq, text]) => `${seq} ${text}`);
      }, chat));
    }
    const [one, other] = lists;
    check(one.length === head, `one page has ${one.length} of ${head}`);
    const differs = one.findIndex((text, at) => text !== other[at]);
    check(differs < 0 && one.length === other.length, `they differ: ${one[differs]} / ${other[differs]}`);
    const texts = new Set(one.map((text) => text.split(' ').slice(2).join(' ')));
    check(texts.size === head, `${head - texts.size} are there twice`);
    for (const who of ['ana', 'beto']) {
      const order = one.map((text) => text.split(' ')).filter(([, , name]) => name === who).map(([, , , n]) => Number(n));
      check(order.every((n, at) => n === at), `${who}'s own order is kept`);
    }
    for (const person of [ana, beto]) person.quiet();
    return `${head} messages, both pages equal`;
  },

  // Whatever people write stays text: in messages, names, descriptions, titles.
  async markup_stays_text() {
    const corpus = JSON.parse(readFileSync(new URL('markup.json', import.meta.url), 'utf8'));
    const name = corpus.find((text) => text.length <= 48);
    const [ana, beto] = await twoSignedUp({ name: `${name} ana` }, { width: 360 });
    const tokenOfAna = await token(ana);
    const ask = (method, path, body) => server.ask(method, path, tokenOfAna, body);
    await ask('PATCH', '/api/v1/me', { about: corpus.join(' ').slice(0, 200) });
    const made = await ask('POST', '/api/v1/groups', { title: corpus.find((text) => text.length <= 60), members: [beto.id] });
    check(made.status === 201, JSON.stringify(made.body));
    await ana.finds(beto.name);
    const chat = await ana.chat;
    for (const [n, text] of corpus.entries()) {
      const sent = await ask('POST', `/api/v1/chats/${chat}/messages`, { client_msg_id: `x${n}`, body: text });
      check(sent.status === 201, `${text}: ${JSON.stringify(sent.body)}`);
    }
    for (const person of [ana, beto]) {
      for (const id of [chat, made.body.id]) {
        await person.goes(`chat/${id}`);
        await person.$('.composer textarea').waitFor();
        await person.goes(`chat/${id}/info`);
        await shown(person, '.info-pane .face');
      }
      await person.goes(`chat/${chat}`);
      await until('all is drawn', () => person.$('.messages .bubble').count().then((count) => count > 3));
      const strange = await person.page.evaluate(() => {
        const allowed = 'a[href^="http://"], a[href^="https://"], a[href^="mailto:"]';
        const inside = '.bubble-text *, .chat-name *, .chat-last bdi *, .about-me *, .pinned-text *';
        return [...document.querySelectorAll(inside)]
          .filter((node) => !node.matches(`${allowed}, bdi, span, strong, em, code, pre, mark, svg, use, time, br`))
          .map((node) => node.outerHTML)
          .concat([...document.querySelectorAll('a[href]')].map((a) => a.protocol).filter((protocol) => !/^(https?|mailto):$/.test(protocol)))
          .concat(window.wasRun ? ['a script ran'] : []);
      });
      check(!strange.length, `${person.name}: ${strange.join('\n')}`);
      const written = await person.inside(({ client }, chat) => client.store.chats.get(chat).messages.map(({ body }) => body), chat);
      check(corpus.every((text) => written.includes(text.trim())), 'every text came as it was');
      person.quiet();
    }
  },

  // A chat with 50,000 messages: drawn a window at a time, scrolled without long work.
  async fifty_thousand() {
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    const chat = await ana.chat;
    await beto.page.goto('about:blank');
    await fill(ana, chat, 50_000);
    await beto.opens('/');
    await beto.openChat(ana.name);
    await beto.sees('49999');
    const trace = await beto.context.newCDPSession(beto.page);
    const events = [];
    trace.on('Tracing.dataCollected', ({ value }) => events.push(...value));
    await trace.send('Tracing.start', { categories: 'toplevel,devtools.timeline', transferMode: 'ReportEvents' });
    const unit = await beto.page.evaluate(drawing);
    const box = await beto.$('.messages').boundingBox();
    await beto.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (let step = 0; step < 300; step++) {
      await beto.page.mouse.wheel(0, step % 3 === 2 ? 500 : -900);
      await wait(10);
    }
    const drawn = await beto.$('.messages .message-row').count();
    const ended = new Promise((done) => trace.once('Tracing.tracingComplete', done));
    await trace.send('Tracing.end');
    await ended;
    const held = await beto.inside(({ client }, chat) => client.store.chats.get(chat).messages.length, chat);
    check(drawn > 5 && drawn < 150, `${drawn} rows are drawn`);
    check(held > 500, `only ${held} messages were scrolled through`);
    const main = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid}/${tid}`));
    const tasks = events.filter(({ name, tdur, pid, tid }) => /RunTask$/.test(name) && tdur && (!main.size || main.has(`${pid}/${tid}`))).map(({ tdur }) => tdur / 1000);
    tasks.sort((a, b) => b - a);
    // Processor time, so that a busy machine hardly counts, and measured against a piece of work of
    // this page, so that a slow one does not. A garbage collection now and then does not count
    // either, while a list that draws too much has hundreds of long tasks.
    const most = unit * LONGEST_TASK;
    const long = tasks.filter((ms) => ms > most);
    check(tasks.length > 300 && long.length <= 5, `${tasks.length} tasks, ${long.length} longer than ${most.toFixed(0)} ms: ${long.slice(0, 5).map((ms) => ms.toFixed(0))} ms`);
    await beto.$('.to-newest button').click();
    await beto.sees('49999');
    beto.quiet();
    return `${drawn} rows drawn, ${held} held, ${long.length} tasks above ${most.toFixed(0)} ms, longest ${tasks[0].toFixed(1)} ms, p99 ${tasks[Math.floor(tasks.length / 100)].toFixed(1)} ms of ${tasks.length}`;
  },

  // What a page holds does not grow with what it has received.
  async memory_is_flat() {
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    const chat = await ana.chat;
    await ana.says('empieza');
    await beto.openChat(ana.name);
    const session = await beto.context.newCDPSession(beto.page);
    await session.send('HeapProfiler.enable');
    const heap = async (count) => {
      await until('all is there', () => beto.inside(({ client }, { chat, count }) => client.store.chats.get(chat).last?.seq >= count, { chat, count }));
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
    };
    await fill(ana, chat, 2_500);
    const early = await heap(2_500);
    await fill(ana, chat, 10_000);
    const late = await heap(12_500);
    check(late - early < 1.5, `from ${early.toFixed(1)} MB to ${late.toFixed(1)} MB`);
    beto.quiet();
    return `${early.toFixed(1)} MB after 2,500 messages, ${late.toFixed(1)} MB after 12,500`;
  },

  // What a first visit loads before it can be used: the page and every file that it names.
  async first_load() {
    const get = (path, accept = '*/*') => fetch(server.url + path, { headers: { accept, 'accept-encoding': 'br' } });
    const page = await get('/', 'text/html');
    const size = (answer) => Number(answer.headers.get('content-length'));
    const text = await page.text();
    const files = [...text.matchAll(/<(?:link rel="(?:stylesheet|modulepreload)"|script type="module") (?:href|src)="([^"]+)"/g)].map(([, path]) => path);
    files.push('/assets/icons.svg');
    let sum = size(page);
    for (const path of new Set(files)) {
      const answer = await get(path);
      check(answer.ok && answer.headers.get('content-encoding') === 'br', `${path}: ${answer.status}`);
      sum += size(answer);
      await answer.arrayBuffer();
    }
    check(files.length > 5 && sum < 60_000, `${sum} bytes in ${files.length} files`);
    return `${(sum / 1000).toFixed(1)} kB in ${files.length + 1} files`;
  },

  // Dev mode: one click and one is Ana.
  async demo() {
    const dev = await another({ DEV: 'on' });
    try {
      const ana = await arrives({ name: 'Ana Torres', lang: 'es', width: 360 }, dev);
      await shown(ana, '.demo-people button');
      await screen(ana, 'demo people');
      await ana.$('.demo-people button', { hasText: 'Ana Torres' }).click();
      await ana.openChat('Vecinos de la plaza');
      await screen(ana, 'a long group');
      await ana.openChat('Beto Ramírez');
      await ana.sees('celebramos');
      await screen(ana, 'a chat of dev mode');
      ana.quiet();
    } finally {
      await dev.end();
    }
  },
};

// Milliseconds for a fixed piece of the work that a list does: to make, lay out and take away 200
// rows of text. The fastest of many, so that what else the machine does hardly counts.
function drawing() {
  const times = [];
  for (let round = 0; round < 40; round++) {
    const began = performance.now();
    const list = document.createElement('div');
    list.style.cssText = 'position: fixed; inset: 0; visibility: hidden; overflow: auto';
    for (let row = 0; row < 200; row++) {
      const text = document.createElement('p');
      text.textContent = `${row} Una frase algo más larga, que ocupa dos o tres renglones. 好的 مرحبا`;
      list.append(text);
    }
    document.body.append(list);
    list.scrollTop = list.scrollHeight;
    list.remove();
    times.push(performance.now() - began);
  }
  return Math.min(...times);
}

// Sends many messages by a socket of its own, as fast as they are taken; the person's page, which
// would hear of each, is left.
async function fill(person, chat, count) {
  person.token ??= await token(person);
  await person.page.goto('about:blank');
  const page = await person.context.newPage();
  await page.goto(`${person.wire.url}/call-test`);
  await page.evaluate(async ({ token, chat, count }) => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/v1/ws`, 'wechat.v1.json');
    const texts = ['¿Vienes?', 'Yes, of course! See you at eight, I will bring the tickets.', '好的', 'مرحبا', '👍', 'Una frase algo más larga, que ocupa dos o tres renglones en una pantalla estrecha y uno en una ancha.'];
    let [sent, done, id] = [0, 0, 1];
    const ask = (op, d) => socket.send(JSON.stringify({ op, id: id++, d }));
    await new Promise((resolve, reject) => {
      const more = () => {
        while (sent < count && sent - done < 256) {
          ask('message.send', { chat, client_msg_id: `fill-${count}-${sent}`, body: `${sent} ${texts[sent % texts.length]}` });
          sent += 1;
        }
      };
      socket.onopen = () => ask('identify', { token });
      socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.err) return reject(new Error(data));
        if (frame.re > 1) done += 1;
        if (frame.re) more();
        if (done === count) resolve();
      };
    });
    socket.onclose = null;
    socket.close();
  }, { token: person.token, chat, count });
  await page.close();
}

await run(scenarios);
