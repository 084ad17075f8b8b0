// Pages and calls through nginx and Caddy, as docs/ops.md sets server and proxy up: its own lines
// are read and run; only ports, and the paths of a certificate, are put in.
//   node e2e/proxies.mjs BINARY [PROXY…]     (scripts/test proxies runs both)
// Needs the programs in the folder PROXIES (scripts/install-proxies prints it) and playwright-core
// in BROWSER_HOME (scripts/install-chromium).
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scene, check } from './device.mjs';
import { Server, freePort, until } from './server.mjs';

const [binary, ...wanted] = process.argv.slice(2);
const require = createRequire(`${process.env.BROWSER_HOME || process.cwd()}/`);
const { chromium } = require('playwright-core');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', '--ignore-certificate-errors',
  '--autoplay-policy=no-user-gesture-required',
];
const NAME = 'chat.example.org';
// Where that name leads: to the machine as others see it, so that what listens for the machine
// alone is not found.
const addresses = Object.values(networkInterfaces()).flat();
const LEADS_TO =
  addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';

// The one block of docs/ops.md that has this in it.
const manual = readFileSync(new URL('../docs/ops.md', import.meta.url), 'utf8');
function block(sign) {
  const found = [...manual.matchAll(/^```\w*\n([^]*?)^```$/gm)]
    .filter(([, text]) => text.includes(sign));
  check(found.length === 1, `docs/ops.md has ${found.length} blocks with ${sign}`);
  return found[0][1];
}

// Puts something in the place of what the block must say.
function put(text, from, to) {
  check(text.includes(from), `docs/ops.md does not say ${from} any more`);
  return text.replaceAll(from, to);
}

// The server of docs/ops.md: for its proxy alone, and known by another name.
class Behind extends Server {
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get pages() {
    return `https://${NAME}`;
  }
}

const settings = Object.fromEntries(
  block('TRUSTED_PROXIES=').trim().split('\n').map((line) => line.split('=', 2)),
);
check(settings.PUBLIC_URL === `https://${NAME}`, 'docs/ops.md has another PUBLIC_URL');

const proxies = {
  async nginx(folder, port, to) {
    const [certificate, key] = [join(folder, 'chain.pem'), join(folder, 'key.pem')];
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
      '-days', '2',
      '-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`, '-keyout', key, '-out',
      certificate,
    ], { stdio: 'ignore' });
    let site = put(block('proxy_pass'), 'listen 443 ssl', `listen 127.0.0.1:${port} ssl`);
    site = put(site, '127.0.0.1:2565', `127.0.0.1:${to}`);
    site = put(site, `/etc/ssl/${NAME}.pem`, certificate);
    site = put(site, `/etc/ssl/${NAME}.key`, key);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const file = join(folder, 'nginx.conf');
    writeFileSync(file, `daemon off;
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
events {}
http {
${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
access_log off;
${site}
}
`);
    return spawn(
      join(process.env.PROXIES, 'nginx'), ['-p', folder, '-c', file, '-e', 'stderr'],
      { stdio: 'pipe' },
    );
  },
  async caddy(folder, port, to) {
    const site = put(block('reverse_proxy'), '127.0.0.1:2565', `127.0.0.1:${to}`);
    const file = join(folder, 'Caddyfile');
    // A certificate of its own making: nobody vouches for this name.
    writeFileSync(file, `{
	admin off
	http_port ${await freePort()}
	https_port ${port}
	auto_https disable_redirects
	local_certs
	skip_install_trust
}
${site}`);
    const env = {
      PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder,
    };
    return spawn(
      join(process.env.PROXIES, 'caddy'), ['run', '--config', file, '--adapter', 'caddyfile'],
      { env, stdio: 'pipe' },
    );
  },
};

// For UDP a browser asks the system where a name leads, and no system knows this one: in its place
// the page looks the name up as it hands the servers on.
function lookUp([name, address]) {
  const found = (settings) => ({
    ...settings,
    iceServers: (settings?.iceServers || []).map((server) => ({
      ...server,
      urls: [server.urls].flat().map((url) => url.replace(name, address)),
    })),
  });
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(settings) {
      super(found(settings));
    }

    setConfiguration(settings) {
      super.setConfiguration(found(settings));
    }
  };
}

// What somebody outside gets for a path.
function outside(port, path) {
  const options = {
    host: '127.0.0.1', port, path, servername: NAME, headers: { host: NAME },
    rejectUnauthorized: false,
  };
  return new Promise((done) => {
    const asked = request(options, (answer) => {
      answer.resume();
      done(answer.statusCode);
    });
    asked.on('error', () => done(0));
    asked.end();
  });
}

async function refused(server, port) {
  check((await outside(port, '/livez')) === 200, 'the server is behind it');
  for (const path of ['/metrics', '/_/mail', '/_/mail.json']) {
    const status = await outside(port, path);
    check(status >= 400 && status < 500, `${path} is ${status} for strangers`);
  }
  const here = await fetch(`${server.url}/metrics`);
  check(here.ok, `/metrics is ${here.status} for the machine itself`);
  return 'none of the machine\'s own pages';
}

const ways = [['udp', /^turn:.*udp/], ['tcp', /^turn:.*tcp/], ['tls', /^turns:/]];
async function relayed(t) {
  const told = [];
  for (const [over, uri] of ways) {
    const [a, b] = await t.two({ relay: uri.source });
    const ms = await t.talk(a, b, 'video');
    const uris = await a.page.evaluate(() => window.c.ice.flatMap(({ urls }) => urls));
    check(uris.every((uri) => uri.includes(`:${NAME}:`)), `devices are told ${uris}`);
    const stats = await a.do('stats');
    check(stats.local === 'relay' && stats.over === over, `${stats.local} over ${stats.over}`);
    await a.do('act', 'hangup');
    await t.over(a, b, 'hangup');
    told.push(`${over} ${ms} ms`);
  }
  return told.join(', ');
}

// The page that tests the connection finds every way, and tells what the server knows: that the
// machine of this test has no address of the Internet's.
async function tested(t) {
  const [a] = await t.two();
  await a.page.goto(`${t.server.pages}/call-test`);
  await a.page.fill('#token', a.person.token);
  await a.page.click('#form button');
  await a.page.waitForSelector('body[data-done]', { timeout: 60_000 });
  const report = await a.page.inputValue('#report');
  for (const way of [`stun:${NAME}`, '(udp)', '(tcp)', '(tls)']) {
    check(report.split('\n').some((line) => line.startsWith('[ok]') && line.includes(way)), report);
  }
  const bad = report.split('\n').filter((line) => line.startsWith('[bad]'));
  check(bad.every((line) => line.includes('TURN_PUBLIC_IP')), report);
  return `${bad.length} warnings`;
}

let failed = 0;
async function step(name, run) {
  const began = Date.now();
  try {
    const told = await run();
    console.log(`ok    ${name.padEnd(16)} ${((Date.now() - began) / 1000).toFixed(1)} s  ${told}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name.padEnd(16)} ${error.stack || error}`);
  }
}

async function through(name, start) {
  const folder = mkdtempSync(join(tmpdir(), `wechat-${name}-`));
  mkdirSync(join(folder, 'logs'));
  const port = await freePort();
  // The machine itself may read the numbers; that must open them to nobody behind the proxy.
  const server = await Behind.start(binary, { ...settings, METRICS_FROM: '127.0.0.1' });
  const proxy = await start(folder, port, server.port);
  let log = '';
  for (const stream of [proxy.stdout, proxy.stderr]) stream.on('data', (text) => (log += text));
  await until(`${name} answers`, async () => {
    check(proxy.exitCode === null, `${name} ended: ${log}`);
    return (await outside(port, '/livez')) === 200;
  });
  const rules = `MAP ${NAME}:443 127.0.0.1:${port}, MAP ${NAME} ${LEADS_TO}`;
  const args = [...FLAGS, `--host-resolver-rules=${rules}`];
  const browser =
    await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args });
  const newContext = async () => {
    const context = await browser.newContext();
    await context.addInitScript(lookUp, [NAME, LEADS_TO]);
    return context;
  };
  await step(`${name} refuses`, () => refused(server, port));
  for (const [what, run] of [['relays', relayed], ['tests', tested]]) {
    const scene = new Scene({ newContext }, server);
    await step(`${name} ${what}`, () => run(scene));
    await scene.close();
  }
  await browser.close();
  proxy.kill();
  await server.end();
  rmSync(folder, { recursive: true, force: true });
}

for (const [name, start] of Object.entries(proxies)) {
  if (!wanted.length || wanted.includes(name)) await through(name, start);
}
process.exit(failed ? 1 : 0);
