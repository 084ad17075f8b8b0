// The real server as a child of the tests: started, stopped, killed, started again on the same
// ports and data; accounts by its own API, codes from its mail folder, and the key of the person at
// its machine from its secrets.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// Asks again and again until the answer is true; the last answer is told when time is over.
export async function until(what, ask, within = 60_000) {
  const end = Date.now() + within;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${within} ms: ${what}`);
    await wait(50);
  }
}

const isFree = (port) =>
  new Promise((done) => {
    const probe = createServer().once('error', () => done(false));
    probe.listen(port, () => probe.close(() => done(true)));
  });

// Handed out once, and none of those that the system gives to outgoing connections (32768 and up):
// so it stays free until a server listens there, and while that server is down.
let asked = process.pid * 7919;
export const freePort = async () => {
  for (;;) {
    const port = 12_000 + (asked++ % 20_000);
    if (await isFree(port)) return port;
  }
};

// What the server makes the relay's credentials with.
export const SECRET = '0b3fa7f9ce5d4d0f9a3c8d16f2e47b58';

export class Server {
  constructor(binary, settings = {}) {
    this.binary = binary;
    this.settings = settings;
    this.folder = mkdtempSync(join(tmpdir(), 'wechat-e2e-'));
  }

  // Settings are those of the environment, over ours.
  static async start(binary, settings) {
    const server = new this(binary, settings);
    [server.port, server.turn, server.tls] = [await freePort(), await freePort(), await freePort()];
    await server.up();
    return server;
  }

  async up() {
    const env = {
      PATH: process.env.PATH,
      PORT: this.port,
      TURN_PORT: this.turn,
      TURN_TLS_PORT: this.tls,
      DATA_DIR: join(this.folder, 'data'),
      MAIL_DIR: join(this.folder, 'mail'),
      TURN_SECRET: SECRET,
      RATE_PER_IP: 'off',
      RATE_PER_USER: 'off',
      MAX_CONNECTIONS_PER_IP: 'off',
      STRANGERS: 'everyone',
      CODES_PER_IP: '10000',
      LOG: 'info',
      ...this.settings,
    };
    this.child =
      spawn(this.binary, [], { env, cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
    this.errors = '';
    this.child.stderr.on('data', (text) => (this.errors += text));
    await until('the server answers', async () => {
      if (this.child.exitCode !== null) throw new Error(`the server ended: ${this.errors}`);
      return fetch(`${this.url}/livez`).then((answer) => answer.ok, () => false);
    });
  }

  get url() {
    return `http://localhost:${this.port}`;
  }

  // What the terminal's link ends with.
  get key() {
    const data = join(this.folder, 'data', this.settings.DEV === 'on' ? 'dev' : '');
    return readFileSync(join(data, 'secrets', 'machine_key'), 'utf8').trim();
  }

  // Where browsers find it.
  get pages() {
    return this.url;
  }

  async down(signal = 'SIGTERM') {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill(signal);
    await ended;
  }

  // What a command of the program says that is run on the server's data.
  runs(...args) {
    const env = { PATH: process.env.PATH, DATA_DIR: join(this.folder, 'data') };
    const how = { env, cwd: this.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync(this.binary, args, how).trim();
  }

  // A copy of the data as they are now, made by the program's own command.
  backUp() {
    this.runs('backup', join(this.folder, 'kept'));
  }

  // Goes back to that copy, as docs/ops.md says.
  async restore() {
    await this.down();
    rmSync(join(this.folder, 'data'), { recursive: true });
    cpSync(join(this.folder, 'kept'), join(this.folder, 'data'), { recursive: true });
    await this.up();
  }

  async end() {
    await this.down('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async ask(method, path, token, body) {
    const headers = { 'content-type': 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    const answer =
      await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : null };
  }

  // The latest code that was mailed to an address.
  code(email) {
    const folder = join(this.folder, 'mail');
    const mails = readdirSync(folder).sort().reverse();
    for (const mail of mails) {
      const text = readFileSync(join(folder, mail), 'utf8');
      if (text.toLowerCase().includes(`to: ${email}`) || text.includes(`<${email}>`)) {
        const code = text.slice(text.indexOf('\n\n')).match(/\b\d{6}\b/) || text.match(/\b\d{6}\b/);
        if (code) return code[0];
      }
    }
    return null;
  }

  async person(name) {
    const email = `${name.toLowerCase()}@example.org`;
    const seen = () => { try { return this.code(email); } catch { return null; } };
    const before = seen();
    await this.ask('POST', '/api/v1/users', null, { name, email });
    return this.redeem(email, before);
  }

  async device(name) {
    const email = `${name.toLowerCase()}@example.org`;
    const before = this.code(email);
    await this.ask('POST', '/api/v1/auth/codes', null, { email });
    return this.redeem(email, before);
  }

  async redeem(email, before) {
    const fresh = () => {
      try {
        const code = this.code(email);
        return code !== before && code;
      } catch {
        return null;
      }
    };
    const code = await until(`a mail to ${email}`, fresh);
    const { status, body } = await this.ask('POST', '/api/v1/auth/sessions', null, { email, code });
    if (status !== 201) throw new Error(`no session for ${email}: ${JSON.stringify(body)}`);
    return { id: body.user.id, name: body.user.name, token: body.token };
  }
}
