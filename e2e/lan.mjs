// A network without a name: the server with TLS=local, and two phones that are other hosts, in
// network namespaces behind a bridge, without DNS and without a way out. Each opens the page
// /install, installs the authority's certificate as a phone would, and then has a page that may
// use the camera; they write, and a video call connects.
//   BROWSER_HOME=$(scripts/install-chromium) node e2e/lan.mjs BINARY
// Needs root (the namespaces), `ip`, and `certutil` (libnss3-tools). Not a stage of scripts/test,
// since containers seldom let anybody make a network.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Person, check } from './person.mjs';
import { Server, freePort, until } from './server.mjs';

const [binary] = process.argv.slice(2);
const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');

// Nothing here lets a browser believe a certificate, or use a camera without a secure page.
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
];
const BRIDGE = 'wechat-lan';
const HERE = '10.77.0.1';
const folder = mkdtempSync(join(tmpdir(), 'wechat-lan-'));
const run = (program, ...args) => execFileSync(program, args, { encoding: 'utf8' });
const phones = [];
let server;

function network() {
  run('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
  run('ip', 'address', 'add', `${HERE}/24`, 'dev', BRIDGE);
  run('ip', 'link', 'set', BRIDGE, 'up');
}

// Another host of the network, with a home of its own and a browser in it.
class Phone {
  constructor(number) {
    this.name = `wechat-phone-${number}`;
    this.home = join(folder, this.name);
    this.store = `sql:${join(this.home, '.pki/nssdb')}`;
    mkdirSync(join(this.home, '.pki/nssdb'), { recursive: true });
    const [cable, plug] = [`lan${number}`, `phone${number}`];
    run('ip', 'netns', 'add', this.name);
    phones.push(this);
    run('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', plug, 'netns', this.name);
    run('ip', 'link', 'set', cable, 'master', BRIDGE, 'up');
    const inside = (...args) => run('ip', '-n', this.name, ...args);
    inside('address', 'add', `10.77.0.${number + 1}/24`, 'dev', plug);
    inside('link', 'set', plug, 'up');
    inside('link', 'set', 'lo', 'up');
    run('certutil', '-N', '-d', this.store, '--empty-password');
    this.program = join(this.home, 'browser');
    const command = `exec ip netns exec ${this.name} /usr/bin/chromium "$@"`;
    writeFileSync(this.program, `#!/bin/sh\nexport HOME='${this.home}'\n${command}\n`);
    chmodSync(this.program, 0o755);
  }

  async starts() {
    const how = { executablePath: this.program, headless: true, args: FLAGS };
    this.browser = await chromium.launch(how);
  }

  // Opens the page, gets the certificate by its button, and installs it.
  async installs(page) {
    await this.starts();
    const tab = await (await this.browser.newContext({ acceptDownloads: true })).newPage();
    await tab.goto(page);
    const asks = (address) => fetch(address).then(() => '', String);
    const why = await tab.evaluate(asks, server.pages);
    check(why, `${server.pages} is believed before its authority is installed`);
    const coming = tab.waitForEvent('download');
    await tab.locator('a[href="/install.crt"]').click();
    const file = join(this.home, 'chat-server.crt');
    await (await coming).saveAs(file);
    await this.browser.close();
    run('certutil', '-A', '-d', this.store, '-n', 'chat', '-t', 'C,,', '-i', file);
    await this.starts();
  }

  async ends() {
    await this.browser?.close();
    run('ip', 'netns', 'del', this.name);
  }
}

class Local extends Server {
  get pages() {
    return `https://${HERE}:${this.secure}`;
  }
}

// Signs up on the page of the network; the code comes by mail.
class Guest extends Person {
  async signsUp() {
    await this.asksForCode();
    const code = await until('the code is mailed', () => {
      try { return server.code(this.email); } catch { return null; }
    });
    await this.pastes(code);
    await this.$('.list-pane').waitFor();
    return this;
  }

  static async at(phone, how) {
    const wire = { url: server.pages, end: () => undefined };
    return (await this.arrives(phone.browser, server, { width: 390, wire, ...how })).signsUp();
  }
}

async function scene() {
  network();
  const two = [new Phone(1), new Phone(2)];
  const secure = await freePort();
  server = await Local.start(binary, { TLS: 'local', PORT_TLS: String(secure), HOST: '0.0.0.0' });
  server.secure = secure;
  for (const phone of two) await phone.installs(`http://${HERE}:${server.port}/install`);
  const began = Date.now();
  const [ana, beto] = await Promise.all([
    Guest.at(two[0], { name: 'Ana lan' }), Guest.at(two[1], { name: 'Beto lan', lang: 'es' }),
  ]);
  for (const { page, name } of [ana, beto]) {
    check(await page.evaluate(() => isSecureContext), `${name}'s page is secure`);
  }
  await ana.finds(beto.name);
  await ana.says('¡Hola!');
  await beto.openChat(ana.name);
  await beto.sees('¡Hola!');
  await ana.button('call.video').click();
  await beto.$('dialog.incoming').waitFor();
  await beto.button('call.accept').click();
  await Promise.all([ana, beto].map(({ page, name }) => until(`${name} sees the other`, () =>
    page.evaluate(() => document.querySelector('video.call-remote')?.currentTime > 1))));
  await ana.button('call.hang_up').click();
  for (const person of [ana, beto]) person.quiet();
  const s = (Date.now() - began) / 1000;
  console.log(`ok    two phones, no DNS: certificate installed, secure page, message, video `
    + `call ${s.toFixed(1)} s after opening it`);
}

let failed = false;
try {
  await scene();
} catch (error) {
  failed = true;
  console.log(`FAIL  ${error.stack || error}`);
} finally {
  for (const phone of phones) await phone.ends();
  await server?.end();
  run('ip', 'link', 'del', BRIDGE);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
