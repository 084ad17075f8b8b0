// The web client in a real browser, on the real server: what a newcomer and two people do.
//   node e2e/web.mjs BINARY [SCENARIO…]     (scripts/test web runs all)
// Needs playwright-core and @axe-core/playwright: scripts/install-chromium prints their folder,
// which goes into BROWSER_HOME; and a Python with zxing-cpp, QR_PYTHON.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { account } from './account.mjs';
import { acquaintance } from './acquaintance.mjs';
import { contacts } from './contacts.mjs';
import { door } from './door.mjs';
import { operator } from './operator.mjs';
import { check } from './person.mjs';
import { pushed } from './pushed.mjs';
import { ruled } from './ruled.mjs';
import { scrolling } from './scrolling.mjs';
import { until, wait } from './server.mjs';
import { another, arrives, run, screen, server, shown, token, two, twoSignedUp } from './stage.mjs';

// The page can be opened without a network.
async function keepsPage({ page }) {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await until('the worker keeps the page', () => page.evaluate(async () => {
    const [name] = await caches.keys();
    return name && !!(await (await caches.open(name)).match('/assets/chat.js'));
  }));
}

// All messages of a chat that the page can get, each as its seq, author and text.
const history = (person, chat) => person.inside(async ({ client }, chat) => {
  const all = new Map();
  const keep = () => {
    for (const { seq, from, body } of client.store.chats.get(chat).messages) {
      all.set(seq, `${from} ${body}`);
    }
  };
  for (let page = 0; page < 30 && !client.store.chats.get(chat).isWhole; page++) {
    keep();
    await client.older(chat, 200);
  }
  keep();
  return [...all].sort(([a], [b]) => a - b).map(([seq, text]) => `${seq} ${text}`);
}, chat);

// In which languages, widths and themes two people meet; EVERY_LOOK=1 adds those that are left, so
// that each language is seen narrow and wide, light and dark.
const [WIDE, NARROW] = [1280, 360];
const LOOKS = {
  english_wide_spanish_narrow:
    [{ lang: 'en', width: WIDE }, { lang: 'es', width: NARROW, theme: 'dark' }],
  spanish_wide_english_narrow:
    [{ lang: 'en', width: NARROW, theme: 'dark' }, { lang: 'es', width: WIDE }],
  chinese_narrow_and_wide:
    [{ lang: 'zh', width: NARROW }, { lang: 'zh', width: WIDE, theme: 'dark' }],
};
if (process.env.EVERY_LOOK) {
  for (const [name, both] of Object.entries(LOOKS)) {
    LOOKS[`${name}_the_other_way`] = both.map(
      (how) => ({ ...how, theme: how.theme === 'dark' ? 'light' : 'dark' }),
    );
  }
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

  ...Object.fromEntries(Object.entries(LOOKS).map(
    ([name, both]) => [name, async () => acquaintance(...await two(...both))],
  )),

  // Where sign-up is by invitation, or closed.
  door,

  // Whoever has closed the page is told by push, and answers from there.
  pushed,

  // Strangers ask, and are accepted; a card makes contacts at once.
  contacts,

  // What people do with their own account.
  account,

  // Whoever runs the server, at work on its page.
  operator,

  // A group with rules: announcements, slow mode, a silence, requests to join; and a report.
  ruled,

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

  // What is being written is never lost: by a change, a cancel, a reload, a link that is gone, a
  // limit.
  async what_is_written_stays() {
    const [ana, beto] = await twoSignedUp({}, { width: 360 });
    await ana.finds(beto.name);
    await ana.says('un mensaje con errror');
    await beto.openChat(ana.name);
    await beto.sees('errror');
    const text = () => ana.$('.composer textarea').inputValue();
    const kept = (body) =>
      until('it is kept in the browser', () => ana.inside(async ({ client }, body) => {
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
    await until(
      'what is lost is gone',
      async () => await ana.$('.bubble', { hasText: 'perdido' }).count() === 0,
    );
    for (const text of ['nuevo uno', 'nuevo dos', 'nuevo tres']) await ana.says(text);
    await ana.standing('nuevo tres', 'sent');
    beto.wire.mend();
    await ana.sees('todavía por enviar');
    const texts = (person) => person.$('.bubble').allTextContents();
    const same = async (when) => {
      for (const person of [ana, beto]) {
        for (const text of ['antes de la copia', 'nuevo uno', 'nuevo dos', 'nuevo tres']) {
          await person.sees(text);
        }
        await person.sees('todavía por enviar');
        const told = (await texts(person)).join(' | ');
        check(
          !told.includes('perdido'), `${when}, ${person.name} holds what the server lost: ${told}`,
        );
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
      await until(
        'all is sent', () => person.inside(({ client }) => client.outbox.size === 0), 300_000,
      );
    }
    const { body } = await server.ask('GET', `/api/v1/chats/${chat}`, await token(ana));
    const head = body.chat.head_seq;
    check(head === 1 + 2 * each, `the server has ${head} messages`);
    const lists = [];
    for (const person of [ana, beto]) {
      await until('it has the newest', () => person.inside(
        ({ client }, { chat, head }) => client.store.chats.get(chat).last?.seq === head,
        { chat, head },
      ));
      lists.push(await history(person, chat));
    }
    const [one, other] = lists;
    check(one.length === head, `one page has ${one.length} of ${head}`);
    const differs = one.findIndex((text, at) => text !== other[at]);
    check(differs < 0 && one.length === other.length, `they differ: ${one[differs]} / `
      + `${other[differs]}`);
    const texts = new Set(one.map((text) => text.split(' ').slice(2).join(' ')));
    check(texts.size === head, `${head - texts.size} are there twice`);
    for (const who of ['ana', 'beto']) {
      const order = one.map((text) => text.split(' ')).filter(([, , name]) => name === who)
        .map(([, , , n]) => Number(n));
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
    const made = await ask(
      'POST', '/api/v1/groups',
      { title: corpus.find((text) => text.length <= 60), members: [beto.id] },
    );
    check(made.status === 201, JSON.stringify(made.body));
    await ana.finds(beto.name);
    const chat = await ana.chat;
    for (const [n, text] of corpus.entries()) {
      const sent =
        await ask('POST', `/api/v1/chats/${chat}/messages`, { client_msg_id: `x${n}`, body: text });
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
      await until(
        'all is drawn', () => person.$('.messages .bubble').count().then((count) => count > 3),
      );
      const strange = await person.page.evaluate(() => {
        const allowed = 'a[href^="http://"], a[href^="https://"], a[href^="mailto:"]';
        const inside =
          '.bubble-text *, .chat-name *, .chat-last bdi *, .about-me *, .pinned-text *';
        return [...document.querySelectorAll(inside)]
          .filter((node) => !node.matches(`${allowed}, bdi, span, strong, em, code, pre, mark, `
            + `svg, use, time, br`))
          .map((node) => node.outerHTML)
          .concat(
            [...document.querySelectorAll('a[href]')].map((a) => a.protocol)
              .filter((protocol) => !/^(https?|mailto):$/.test(protocol)),
          )
          .concat(window.wasRun ? ['a script ran'] : []);
      });
      check(!strange.length, `${person.name}: ${strange.join('\n')}`);
      const written = await person.inside(
        ({ client }, chat) => client.store.chats.get(chat).messages.map(({ body }) => body), chat,
      );
      check(corpus.every((text) => written.includes(text.trim())), 'every text came as it was');
      person.quiet();
    }
  },

  // What a first visit loads before it can be used: the page and every file that it names.
  async first_load() {
    const get = (path, accept = '*/*') =>
      fetch(server.url + path, { headers: { accept, 'accept-encoding': 'br' } });
    const page = await get('/', 'text/html');
    const size = (answer) => Number(answer.headers.get('content-length'));
    const text = await page.text();
    const files = [...text.matchAll(
      /<(?:link rel="(?:stylesheet|modulepreload)"|script type="module") (?:href|src)="([^"]+)"/g,
    )]
      .map(([, path]) => path);
    // Asked for as soon as the page runs.
    files.push('/assets/icons.svg', '/assets/texts/en.js');
    let sum = size(page);
    for (const path of new Set(files)) {
      const answer = await get(path);
      check(
        answer.ok && answer.headers.get('content-encoding') === 'br', `${path}: ${answer.status}`,
      );
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

  // A server with a name, a picture and a colour of its own says and shows them, and all that is
  // written in that colour or on it can be read.
  async named() {
    const LOGO = fileURLToPath(new URL('../web/static/icon-512.png', import.meta.url));
    const own = await another({ NAME: 'Plaza Mayor', LOGO, ACCENT: '#ffd400' });
    try {
      const [ana, beto] = await two({}, { width: 360, theme: 'dark' }, own);
      for (const person of [ana, beto]) {
        check(await person.$('.brand-name').textContent() === 'Plaza Mayor', 'the name');
        await until('the picture', () => person.page.evaluate(
          () => document.querySelector('.brand img')?.naturalWidth === 512,
        ));
        const seen = await person.page.evaluate(() => document.title + document.body.textContent);
        check(!seen.includes('WeChat'), seen);
        await screen(person, 'named log-in');
        await person.signsUp();
      }
      await ana.finds(beto.name);
      await ana.says('¡Hola!');
      const title = () => beto.page.evaluate(() => document.title);
      await until('the title counts', async () => await title() === '(1) Plaza Mayor');
      await beto.openChat(ana.name);
      await beto.says('¿Qué tal?');
      await ana.sees('¿Qué tal?');
      for (const person of [ana, beto]) {
        await screen(person, 'named chat');
        person.quiet();
      }
    } finally {
      await own.end();
    }
  },
};

await run({ ...scenarios, ...scrolling });
