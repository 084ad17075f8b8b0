// Makes the pictures of docs/screens: the demo people of dev mode, in the real page.
//   BROWSER_HOME=$(scripts/install-chromium) node e2e/screens.mjs BINARY FOLDER
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as media from './media.mjs';
import { Person } from './person.mjs';
import { Server, until, wait } from './server.mjs';

const [binary, folder = 'docs/screens'] = process.argv.slice(2);
const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection',
];
const browser =
  await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
const server = await Server.start(binary, { DEV: 'on' });
mkdirSync(folder, { recursive: true });

async function picture(person, name) {
  await person.page.waitForFunction(() => !document.querySelector('.spinner:not(.older *)'));
  await person.page.evaluate(() => document.fonts.ready);
  await person.page.screenshot({ path: join(folder, `${name}.png`) });
}

async function demo(name, how) {
  const person = await Person.arrives(browser, server, { name, ...how });
  await person.$('.demo-people button', { hasText: name }).click();
  await person.$('.chats .chat-item').first().waitFor();
  return person;
}

try {
  const guest = await Person.arrives(browser, server, { name: 'Ana', width: 390 });
  await guest.$('.demo-people button').first().waitFor();
  await picture(guest, 'log-in');
  const ana = await demo('Ana Torres', { lang: 'en', width: 1280 });
  await ana.openChat('Beto Ramírez');
  await ana.sees('celebramos');
  await picture(ana, 'chat-light');
  await ana.openChat('Vecinos de la plaza');
  await ana.goes(`chat/${await ana.chat}/info`);
  await ana.$('.info-pane .member').first().waitFor();
  await picture(ana, 'group-info');
  await ana.page.keyboard.press('Escape');
  await ana.goes('new/group');
  await ana.field('group.title').fill('Lectura · Reading');
  await ana.$('.new-group .chat-row', { hasText: 'Beto' }).click();
  await ana.$('.new-group .foot button').click();
  await ana.$('.composer textarea').waitFor();
  await ana.goes(`chat/${await ana.chat}/info`);
  await ana.button('invite').click();
  await until(
    'the link is there', async () => /join/.test(await ana.$('.invite-link code').textContent()),
  );
  await picture(ana, 'invitation');
  await ana.page.keyboard.press('Escape');

  const beto = await demo('Beto Ramírez', { lang: 'es', width: 390, theme: 'dark' });
  await picture(beto, 'chats-dark');
  await beto.openChat('Vecinos de la plaza');
  await beto.sees('');
  await picture(beto, 'group-dark');
  await beto.goes('settings');
  await beto.page.getByRole('heading', { name: beto.t('settings') }).first().waitFor();
  await picture(beto, 'settings-dark');

  await ana.openChat('Beto Ramírez');
  const photos = [];
  for (const seed of [1, 2, 3, 5]) {
    photos.push(
      { name: `${seed}.jpg`, mimeType: 'image/jpeg', buffer: await media.picture(ana, { seed }) },
    );
  }
  for (const files of [photos, [
    { name: 'Receta de la abuela.pdf', mimeType: 'application/pdf', buffer: media.pdf('Receta') },
  ]]) {
    await ana.$('.composer input[type=file]').setInputFiles(files);
    await ana.$('.tray li').first().waitFor();
    await ana.sends();
  }
  await ana.button('file.record').click();
  await wait(4_200);
  await ana.sends();
  await beto.openChat('Ana Torres');
  await beto.$('.sound').waitFor();
  await until(
    'they are drawn',
    () => beto.page.evaluate(() => document.querySelectorAll('.pictures img').length === 4),
  );
  await picture(beto, 'files-dark');
  await beto.goes('settings');

  await ana.button('call.video').click();
  await beto.$('dialog.incoming').waitFor();
  await picture(beto, 'ringing');
  await beto.button('call.accept').click();
  await until(
    'a picture moves',
    () => ana.page.evaluate(() => document.querySelector('video.call-remote')?.currentTime > 0.5),
  );
  await picture(ana, 'call');
} finally {
  await browser.close();
  await server.end();
}
// The wires of the people would keep the process.
process.exit(0);
