// Makes docs/screens/film.webp, the moving picture of the README: two people of the demo write and
// call each other, in the real page on the real server.
//   QR_PYTHON=… BROWSER_HOME=$(scripts/install-chromium) node e2e/film.mjs BINARY [FILE]
// QR_PYTHON is the Python of scripts/requirements.txt, which brings Pillow (e2e/film.py).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Person } from './person.mjs';
import { Server, until, wait } from './server.mjs';

const [binary, file = 'docs/screens/film.webp'] = process.argv.slice(2);
const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection',
];
// The wall, skin and clothes of those who are before the cameras.
const ANA = ['#d9c7b8', '#e8b48c', '#7a4b8c'];
const BETO = ['#9fb8c4', '#c98f68', '#2f6b4f'];
const folder = mkdtempSync(join(tmpdir(), 'wechat-film-'));
const server = await Server.start(binary, { DEV: 'on' });
const browsers = [];

function python(script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  execFileSync(process.env.QR_PYTHON || 'python3', [path, ...args], { stdio: 'inherit' });
}

// Each has a browser of their own, as a browser has one camera.
async function demo(name, colours, how) {
  const camera = join(folder, `${name}.mjpeg`);
  python('portrait.py', camera, ...colours);
  const args = [...FLAGS, `--use-file-for-fake-video-capture=${camera}`];
  const browser =
    await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args });
  browsers.push(browser);
  const person = await Person.arrives(browser, server, { name, width: 360, ...how });
  await person.page.setViewportSize({ width: 360, height: 600 });
  await person.$('.demo-people button', { hasText: name }).click();
  await person.$('.chats .chat-item').first().waitFor();
  return person;
}

// As a person writes: letter by letter.
async function writes(person, text) {
  await person.$('.composer textarea').pressSequentially(text, { delay: 55 });
  await wait(300);
  await person.sends();
  await person.sees(text);
}

async function scene(ana, beto) {
  await wait(700);
  await ana.openChat('Beto Ramírez');
  await beto.openChat('Ana Torres');
  await wait(600);
  await writes(ana, 'Dinner at nine?');
  await beto.sees('Dinner at nine?');
  await wait(500);
  await writes(beto, '¡Allí estaré! 🎉');
  await wait(500);
  await beto.reacts('Dinner at nine?', '❤️');
  await wait(900);
  await ana.button('call.video').click();
  await beto.$('dialog.incoming').waitFor();
  await wait(1_400);
  await beto.button('call.accept').click();
  await until('both see each other', async () => {
    const moves = ({ page }) =>
      page.evaluate(() => document.querySelector('video.call-remote')?.currentTime > 0.5);
    return await moves(ana) && moves(beto);
  });
  await wait(2_200);
  await ana.button('call.hang_up').click();
  await wait(1_800);
}

// Both pages, again and again until the scene is over; each picture is named by when it was taken.
async function record(people, isOver) {
  const began = Date.now();
  while (!isOver()) {
    const at = String(Date.now() - began).padStart(6, '0');
    const pictures = await Promise.all(people.map(({ page }) => page.screenshot()));
    pictures.forEach((picture, side) => writeFileSync(join(folder, `${at}-${side}.png`), picture));
  }
}

try {
  const ana = await demo('Ana Torres', ANA, { lang: 'en' });
  const beto = await demo('Beto Ramírez', BETO, { lang: 'es', theme: 'dark' });
  let isOver = false;
  const played = scene(ana, beto).finally(() => { isOver = true; });
  await Promise.all([played, record([ana, beto], () => isOver)]);
  python('film.py', folder, file);
} finally {
  for (const browser of browsers) await browser.close();
  await server.end();
  rmSync(folder, { recursive: true, force: true });
}
// The wires of the people would keep the process.
process.exit(0);
