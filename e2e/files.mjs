// Files in the web client, in a real browser, on the real server: pictures, films, sounds and
// documents that people send each other, on good links and on bad ones.
//   node e2e/files.mjs BINARY [SCENARIO…]     (scripts/test web runs all)
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest, film, noise, pdf, picture } from './media.mjs';
import { check } from './person.mjs';
import { until, wait } from './server.mjs';
import { another, run, screen, server, shown, token, two, twoSignedUp } from './stage.mjs';

const LONG = 'Presupuesto definitivo de la reforma de la cocina, versión 7, revisada por todos.pdf';

// Chooses files by the button of the composer.
async function attaches(person, ...files) {
  const chosen = files.map(([name, mimeType, buffer]) => ({ name, mimeType, buffer }));
  const before = await person.$('.about-files li').count();
  await person.$('.composer input[type=file]').setInputFiles(chosen);
  const all = before + files.length;
  await until('they are chosen', async () => await person.$('.about-files li').count() === all);
}

const last = (person) => person.$('.messages .message-row').last().locator('.bubble');

// The newest message of a chat is this one, sent and drawn.
async function arrived(person, count) {
  await until(`${person.name} has ${count} files`, () => person.inside(({ client }, count) => {
    const chat = client.store.chats.get(location.hash.split('/')[2]);
    return chat?.messages.flatMap((row) => row.attachments ?? []).length === count
      && !client.outbox.of(chat.id).length;
  }, count));
}

const drawn = (person, selector) =>
  until(`${person.name} sees ${selector}`, () => person.page.evaluate((selector) => {
  const images = [...document.querySelectorAll(selector)];
  return images.length > 0 && images.every((image) => image.complete && image.naturalWidth > 0);
}, selector));

const storage =
  async (person) => (await server.ask('GET', '/api/v1/me/storage', await token(person))).body.used;

// Everything that two people can send each other.
async function exchange(ana, beto) {
  const asked = [];
  for (const person of [ana, beto]) {
    person.page.on('request', (request) => asked.push(request.url()));
    await person.signsUp();
  }
  await ana.finds(beto.name);
  await ana.says('Te mando unas cosas');
  await beto.openChat(ana.name);
  await pictures(ana, beto);
  await films(ana, beto);
  await voice(ana, beto);
  await documents(ana, beto);
  await ana.goes('settings');
  await shown(ana, '.storage meter');
  await screen(ana, 'storage');
  for (const person of [ana, beto]) {
    const secret = await token(person);
    check(!asked.some((url) => url.includes(secret)), 'a token stands in an address');
    person.quiet();
  }
  // What the browser keeps of a picture is for whoever may fetch it.
  const status = await beto.inside(async ({ client }) => {
    const rows = [...client.store.chats.values()].flatMap((chat) => chat.messages);
    const [photo] = rows.flatMap((row) => row.attachments ?? []);
    return (await fetch(photo.large_url ?? photo.url)).status;
  });
  check(status === 401, `without a session the picture answers ${status}`);
}

async function lastLine(person, of, text) {
  await until(
    `the list says ${text}`,
    async () => (await person.row(of).locator('.chat-last').textContent()).includes(text),
  );
}

async function pictures(ana, beto) {
  await attaches(ana, ['playa.jpg', 'image/jpeg', await picture(ana)]);
  await ana.types('La playa');
  await screen(ana, 'a picture before it is sent');
  await ana.sends();
  await arrived(beto, 1);
  await drawn(beto, '.pictures img');
  const three = [2, 3, 4, 5, 6].map(async (seed) => [
    `${seed}.png`, 'image/png', await picture(ana, { type: 'image/png', seed, width: 400 }),
  ]);
  await attaches(
    ana, ...await Promise.all(three),
    ['sobra.png', 'image/png', await picture(ana, { type: 'image/png' })],
  );
  await ana.button('file.remove', { name: 'sobra.png' }).click();
  await ana.sends();
  for (const person of [ana, beto]) {
    await arrived(person, 6);
    await drawn(person, '.pictures img');
    check(await person.$('.picture-more').textContent() === '+1', 'one more is behind the last');
    await screen(person, 'pictures');
  }
  await full(beto);
}

// One after the other in full, nearer and further, saved.
async function full(person) {
  await last(person).locator('.picture').first().click();
  await drawn(person, '.full img');
  const count = () => person.$('.full-count').textContent();
  const second = person.t('file.count', { n: 2, all: 6 });
  check(await count() === second, `it is the second of all: ${await count()}`);
  await screen(person, 'a picture in full');
  await person.page.keyboard.press('ArrowRight');
  await until('the next', async () => await count() === person.t('file.count', { n: 3, all: 6 }));
  await person.page.keyboard.press('Home');
  await until('the first', async () => await count() === person.t('file.count', { n: 1, all: 6 }));
  await drawn(person, '.full img');
  const scale = () => person.page.evaluate(
    () => new DOMMatrix(document.querySelector('.zoomed img').style.transform).a,
  );
  const box = await person.$('.zoomed').boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await person.page.mouse.dblclick(x, y);
  await until('nearer', async () => await scale() > 2);
  await person.page.mouse.dblclick(x, y);
  await until('whole again', async () => await scale() === 1);
  // A swipe to the left asks for the next.
  await person.page.mouse.move(x, y);
  await person.page.mouse.down();
  await person.page.mouse.move(x - 150, y, { steps: 4 });
  await person.page.mouse.up();
  await until('the next by a swipe', async () => await count() === second);
  const saved = await saves(
    person, () => person.$('.full').getByRole('button', { name: person.t('file.save') }).click(),
  );
  check(
    saved.name === '2.png' && saved.bytes.subarray(1, 4).toString() === 'PNG',
    `saved as ${saved.name}`,
  );
  await person.page.keyboard.press('Escape');
  await person.$('.full').waitFor({ state: 'detached' });
}

async function saves(person, click) {
  const [download] = await Promise.all([person.page.waitForEvent('download'), click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

async function films(ana, beto) {
  await attaches(ana, ['paseo.webm', 'video/webm', await film(ana)]);
  await shown(ana, '.tray-picture .film-play');
  await ana.sends();
  for (const person of [ana, beto]) {
    await arrived(person, 7);
    await drawn(person, '.message-row:last-child .picture img');
  }
  await last(beto).locator('.picture').click();
  await until(
    'the film plays',
    () => beto.page.evaluate(() => document.querySelector('video.picture')?.currentTime > 0.2),
  );
  await screen(beto, 'a film');
  await beto.goesHome();
  await lastLine(beto, ana.name, beto.t('file.video'));
  await beto.openChat(ana.name);
}

async function voice(ana, beto) {
  await ana.button('file.record').click();
  await shown(ana, '.recording');
  await wait(1_500);
  await screen(ana, 'recording');
  await ana.button('discard').click();
  await ana.$('.recording').waitFor({ state: 'detached' });
  await arrived(ana, 7);
  // Held, it is sent as it is let go.
  const mic = await ana.button('file.record').boundingBox();
  await ana.page.mouse.move(mic.x + 10, mic.y + 10);
  await ana.page.mouse.down();
  await shown(ana, '.recording');
  await wait(2_300);
  await ana.page.mouse.up();
  for (const person of [ana, beto]) await arrived(person, 8);
  await beto.goesHome();
  await until(
    'the list says how long',
    async () => /\(0:0[2-4]\)/.test(await beto.row(ana.name).locator('.chat-last').textContent()),
  );
  await lastLine(beto, ana.name, beto.t('file.voice'));
  await beto.openChat(ana.name);
  const seek = beto.$('.sound .seek').last();
  await beto.button('file.play', { name: beto.t('file.voice') }).last().click();
  await until('it plays', async () => Number(await seek.inputValue()) > 0.2);
  await beto.$('.sound .speed').last().click();
  await until(
    'faster', async () => /1[.,]5/.test(await beto.$('.sound .speed').last().textContent()),
  );
  await until('it comes to its end', async () => Number(await seek.inputValue()) === 0);
  await seek.fill('1.5');
  await until('it goes on from there', async () => Number(await seek.inputValue()) > 1.5);
  await screen(beto, 'a voice message');
}

async function documents(ana, beto) {
  const bytes = pdf('Hola, Beto');
  await attaches(ana, [LONG, 'application/pdf', bytes]);
  await screen(ana, 'a document before it is sent');
  await ana.sends();
  for (const person of [ana, beto]) await arrived(person, 9);
  await screen(beto, 'a document');
  const saved = await saves(beto, () => last(beto).locator('.file').click());
  check(saved.name === LONG && digest(saved.bytes) === digest(bytes), `saved as ${saved.name}`);
  await beto.goesHome();
  await lastLine(beto, ana.name, LONG);
}

// A link that takes some seconds for a file; the text written meanwhile does not wait for it.
async function slowly(person, megabytes, seconds) {
  person.wire.bytesPerSecond = (megabytes * 2 ** 20) / seconds;
  const bytes = noise(megabytes);
  const path = join(server.folder, 'datos.bin');
  writeFileSync(path, bytes);
  await person.$('.composer input[type=file]').setInputFiles(path);
  await shown(person, '.about-files li');
  await person.sends();
  await shown(person, '.leaving-foot progress');
  return bytes;
}

const part = (person) => person.$('.leaving-foot progress').evaluate((bar) => bar.value);

// Puts files on the page as a drop or a paste does.
const gives = (person, kind, names) => person.page.evaluate(({ kind, names }) => {
  const data = new DataTransfer();
  for (const name of names) {
    data.items.add(new File([`${name} `.repeat(50)], name, { type: 'text/plain' }));
  }
  const on = document.querySelector(kind === 'paste' ? '.composer textarea' : '.messages');
  const fire = (event) => on.dispatchEvent(event);
  if (kind === 'paste') {
    return fire(
      new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
    );
  }
  for (const name of ['dragover', 'drop']) {
    fire(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}, { kind, names });

const scenarios = {
  async english_wide_spanish_narrow() {
    await exchange(
      ...await two({ lang: 'en', width: 1280 }, { lang: 'es', width: 360, theme: 'dark' })
    );
  },

  async spanish_wide_english_narrow() {
    await exchange(
      ...await two({ lang: 'en', width: 360, theme: 'dark' }, { lang: 'es', width: 1280 })
    );
  },

  async chinese_narrow_and_wide() {
    await exchange(
      ...await two({ lang: 'zh', width: 360 }, { lang: 'zh', width: 1280, theme: 'dark' })
    );
  },

  async dropped_pasted_and_at_most_ten() {
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    await gives(ana, 'drop', ['uno.txt', 'dos.txt']);
    await gives(ana, 'paste', ['tres.txt']);
    await until('three', async () => await ana.$('.about-files li').count() === 3);
    await gives(ana, 'drop', [...'abcdefghij'].map((name) => `${name}.txt`));
    await ana.page.getByText(ana.t('file.most', { n: 10 })).waitFor();
    check(await ana.$('.about-files li').count() === 10, 'ten are kept');
    await ana.sends();
    await beto.openChat(ana.name);
    await arrived(beto, 10);
    await screen(beto, 'ten files');
    for (const person of [ana, beto]) person.quiet();
  },

  async progress_and_cancel() {
    const [ana, beto] = await twoSignedUp({ width: 360 });
    await ana.finds(beto.name);
    await slowly(ana, 24, 30);
    await until('it moves', async () => await part(ana) > 0.1);
    const early = await part(ana);
    await until('it moves on', async () => await part(ana) > early);
    await screen(ana, 'a file on its way');
    await ana.says('el texto no espera');
    await ana.standing('el texto no espera', 'sent');
    check(await part(ana) < 1, 'the file is still on its way');
    await ana.button('file.cancel').click();
    await ana.$('.leaving-foot').waitFor({ state: 'detached' });
    ana.wire.bytesPerSecond = Infinity;
    await beto.openChat(ana.name);
    await beto.sees('el texto no espera');
    await until('the upload is gone', () => ana.inside(({ client }) => client.outbox.size === 0));
    check(await storage(ana) === 0, 'nothing counts');
    for (const person of [ana, beto]) person.quiet();
  },

  // Without a link: kept through a reload of the page, and sent once.
  async offline_and_back() {
    const [ana, beto] = await twoSignedUp({}, { width: 360 });
    await ana.finds(beto.name);
    await ana.says('antes del túnel');
    await beto.openChat(ana.name);
    await beto.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await until('the worker keeps the page', () => beto.page.evaluate(async () => {
      const [name] = await caches.keys();
      return name && !!(await (await caches.open(name)).match('/assets/waiting.js'));
    }));
    const photo = await picture(beto, { seed: 4 });
    beto.hasOutage = true;
    beto.wire.cut();
    await attaches(beto, ['túnel.jpg', 'image/jpeg', photo]);
    await beto.types('desde el túnel');
    await beto.sends();
    await beto.page.getByText(beto.t('file.waits')).waitFor();
    await screen(beto, 'a picture that waits');
    await beto.page.reload();
    await beto.standing('desde el túnel', 'sending');
    await drawn(beto, '.leaving');
    beto.wire.mend();
    await ana.sees('desde el túnel');
    await drawn(ana, '.pictures img');
    await beto.standing('desde el túnel', 'read');
    check(await ana.$('.bubble', { hasText: 'desde el túnel' }).count() === 1, 'it is there once');
    for (const person of [ana, beto]) person.quiet();
  },

  // The server is killed and the wire cut in the middle of a file: it goes on where it was.
  async resumed() {
    const [ana, beto] = await twoSignedUp();
    await ana.finds(beto.name);
    await beto.openChat(ana.name).catch(() => undefined);
    for (const person of [ana, beto]) person.hasOutage = true;
    const before = ana.wire.sent;
    const megabytes = 40;
    const bytes = await slowly(ana, megabytes, 20);
    await until('a third is there', async () => await part(ana) > 0.33);
    await server.down('SIGKILL');
    await wait(500);
    await server.up();
    await until('two thirds are there', async () => await part(ana) > 0.66);
    ana.wire.cut();
    await wait(500);
    ana.wire.mend();
    await ana.goes(`chat/${await ana.chat}`);
    await until('it is sent', () => ana.inside(({ client }) => client.outbox.size === 0));
    const sent = (ana.wire.sent - before) / 2 ** 20;
    check(sent < megabytes * 1.35, `${sent.toFixed(0)} MB went over the wire`);
    await beto.openChat(ana.name);
    const saved = await saves(beto, () => last(beto).locator('.file').click());
    check(digest(saved.bytes) === digest(bytes), 'every byte is the same');
    for (const person of [ana, beto]) person.quiet();
    return `${megabytes} MiB, broken twice, took ${sent.toFixed(1)} MiB of wire`;
  },

  async pictures_of_people_and_groups() {
    const [ana, beto] = await twoSignedUp({}, { width: 360 });
    const choose = async (person, seed) => {
      const buffer = await picture(person, { seed, width: 900 });
      await person.$('.picture-choice input')
        .setInputFiles({ name: 'yo.jpg', mimeType: 'image/jpeg', buffer });
      await drawn(person, '.crop-box img');
      const place = () => person.$('.crop-box img').evaluate((image) => image.style.left);
      await person.$('.crop-box').focus();
      const before = await place();
      await person.page.keyboard.press('ArrowRight');
      await until('the picture moves', async () => await place() !== before);
      await person.$('.crop-zoom input').fill('2');
      await screen(person, 'a picture is cut');
      await person.$('.crop').getByRole('button', { name: person.t('save') }).click();
      await person.$('.crop').waitFor({ state: 'detached' });
    };
    await ana.finds(beto.name);
    await ana.says('mira mi foto');
    await ana.goes('settings/profile');
    await choose(ana, 3);
    await drawn(ana, '.face .avatar img');
    await screen(ana, 'a person with a picture');
    await beto.page.reload();
    await drawn(beto, '.chats .avatar img');
    await beto.openChat(ana.name);
    await beto.goes(`chat/${await beto.chat}/info`);
    await beto.button('file.open', { name: ana.name }).click();
    await drawn(beto, '.full img');
    await screen(beto, 'a face in full');
    await beto.page.keyboard.press('Escape');

    const { body: group } = await server.ask(
      'POST', '/api/v1/groups', await token(ana), { title: 'Caminatas', members: [beto.id] },
    );
    await ana.goes(`chat/${group.id}/info`);
    await ana.page.getByRole('button', { name: ana.t('group.edit') }).click();
    await choose(ana, 5);
    await ana.page.keyboard.press('Escape');
    await drawn(ana, '.info-pane .face .avatar img');
    await beto.goes(`chat/${group.id}`);
    await beto.$('.messages .chip', { hasText: beto.t('event.avatar_changed', { name: ana.name }) })
      .waitFor();
    await drawn(beto, '.chat-head .avatar img');
    await screen(beto, 'a group with a picture');

    await ana.goes('settings/profile');
    await ana.button('file.take_away').click();
    await ana.$('.face .avatar img').waitFor({ state: 'detached' });
    for (const person of [ana, beto]) person.quiet();
  },

  // What the server does not take is told in its own words, and can be tried again or thrown away.
  async refused() {
    const small =
      await another({ FILE_LIMIT_DOCUMENT: '4MB', FILE_LIMIT_IMAGE: '4MB', FILE_QUOTA: '6MB' });
    try {
      const [ana, beto] = await twoSignedUp({ width: 360 }, {}, small);
      await ana.finds(beto.name);
      const refusal = async (name, type, bytes, words) => {
        await attaches(ana, [name, type, bytes]);
        await ana.sends();
        await shown(ana, 'p.failed');
        const told = await ana.$('p.failed').textContent();
        check(words.test(told), `${name}: ${told}`);
        await screen(ana, `refused ${name}`);
        await ana.button('retry').click();
        await until('it is refused again', async () => words.test(
          await ana.$('p.failed').textContent({ timeout: 1_000 }).catch(() => ''),
        ));
        await ana.button('discard').click();
        await ana.$('p.failed').waitFor({ state: 'detached' });
        return told;
      };
      const told = [];
      // Damaged, with EXIF: a document would keep what it tells.
      const whole = await picture(ana);
      const exif = Buffer.from('ffe1000c45786966000000000000', 'hex');
      const half = Buffer.concat([whole.subarray(0, 2), exif, whole.subarray(2, 120)]);
      told.push(await refusal('roto.jpg', 'image/jpeg', half, /damaged|picture|image/i));
      told.push(
        await refusal('grande.bin', 'application/octet-stream', noise(5), /4194304|4(\.\d)? ?Mi?B/),
      );
      for (const name of ['uno.bin', 'dos.bin']) {
        await attaches(ana, [name, 'application/octet-stream', noise(2)]);
        await ana.sends();
      }
      await arrived(ana, 2);
      told.push(await refusal(
        'mucho.bin', 'application/octet-stream', noise(2.5), /6291456|6000000|6(\.\d)? ?Mi?B/,
      ));
      // Refusals are answers, which browsers write into the console.
      ana.errors = ana.errors.filter((text) => !/status of (4\d\d)/.test(text));
      for (const person of [ana, beto]) person.quiet();
      return told.map((text) => `“${text}”`).join(' ');
    } finally {
      await small.end();
    }
  },

  async names_stay_text() {
    const corpus = JSON.parse(readFileSync(new URL('markup.json', import.meta.url), 'utf8'));
    const [ana, beto] = await twoSignedUp({}, { width: 360 });
    await ana.finds(beto.name);
    for (let at = 0; at < corpus.length; at += 10) {
      await gives(ana, 'drop', corpus.slice(at, at + 10));
      await until('they are chosen', async () => await ana.$('.about-files li').count() > 0);
      await ana.sends();
      await arrived(ana, Math.min(at + 10, corpus.length));
    }
    const photo = await picture(ana);
    await attaches(ana, [corpus[1], 'image/jpeg', photo], [corpus[2], 'image/jpeg', photo]);
    await ana.sends();
    await arrived(ana, corpus.length + 2);
    await beto.openChat(ana.name);
    await arrived(beto, corpus.length + 2);
    await last(beto).locator('.picture').first().click();
    await drawn(beto, '.full img');
    await beto.page.keyboard.press('Escape');
    await beto.does('', 'reply').catch(() => undefined);
    for (const person of [ana, beto]) {
      const strange = await person.page.evaluate(() => {
        const inside = '.file-name *, .full-by *, .chat-last bdi *, .about-body *, .tray *';
        return [...document.querySelectorAll(inside)].map((node) => node.outerHTML)
          .concat([...document.querySelectorAll(
            'script:not([src]):not([type=importmap]), iframe, object, embed',
          )].map((node) => node.outerHTML))
          .concat(window.wasRun ? ['a script ran'] : []);
      });
      check(!strange.length, `${person.name}: ${strange.join('\n')}`);
      await fitsAll(person);
      person.quiet();
    }
  },

  // Written from right to left the page is the mirror of itself.
  async right_to_left() {
    const [ana, beto] = await twoSignedUp({ width: 360 });
    await ana.finds(beto.name);
    await ana.page.evaluate(() => { document.documentElement.dir = 'rtl'; });
    await attaches(
      ana, ['عطلة.jpg', 'image/jpeg', await picture(ana)],
      ['2.jpg', 'image/jpeg', await picture(ana, { seed: 2 })],
    );
    await screen(ana, 'a tray from right to left');
    await ana.types('صور من العطلة');
    await ana.sends();
    await arrived(ana, 2);
    await attaches(ana, ['تقرير.pdf', 'application/pdf', pdf('x')]);
    await ana.sends();
    await arrived(ana, 3);
    await screen(ana, 'files from right to left');
    await ana.$('.pictures.many .picture').first().click();
    await drawn(ana, '.full img');
    await ana.page.keyboard.press('ArrowLeft');
    const second = ana.t('file.count', { n: 2, all: 2 });
    await until(
      'the left arrow goes on', async () => await ana.$('.full-count').textContent() === second,
    );
    await screen(ana, 'in full from right to left');
    ana.quiet();
  },
};

async function fitsAll(person) {
  const wide = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `${wide} px wider than ${person.width}`);
}

await run(scenarios);
