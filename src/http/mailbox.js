// The mailbox page: asks for the mails again and again, and writes them down as text. The key of the
// person at the machine stands behind the # of the link that the terminal prints; a browser never
// sends that part, so the page does, in a header.
const WORDS = {
  en: {
    title: 'Mailbox',
    hint: 'The mails of this server since it started, the latest first. Only the person at this machine can see them.',
    none: 'No mail yet. Sign up or log in, and the code will appear here.',
    gone: 'The server does not answer. This page keeps trying.',
    locked: 'Open the link that the server prints in its terminal as it starts, then this page.',
    to: 'to',
    all: 'The whole mail',
  },
  es: {
    title: 'Buzón',
    hint: 'Los correos de este servidor desde que arrancó, el último primero. Solo los ve quien está ante esta máquina.',
    none: 'Todavía no hay correos. Regístrate o inicia sesión, y el código aparecerá aquí.',
    gone: 'El servidor no responde. Esta página lo seguirá intentando.',
    locked: 'Abre el enlace que el servidor imprime en su terminal al arrancar, y luego esta página.',
    to: 'para',
    all: 'Todo el correo',
  },
  zh: {
    title: '邮箱',
    hint: '服务器启动以来的邮件，最新的在前。只有这台机器前的人能看到。',
    none: '还没有邮件。请注册或登录，验证码会显示在这里。',
    gone: '服务器没有响应。本页面会继续尝试。',
    locked: '请先打开服务器启动时在终端显示的链接，再打开本页面。',
    to: '收件人',
    all: '完整邮件',
  },
};
const words = globalThis.speak(WORDS);
const EVERY_MS = 1500;
const element = (id) => document.getElementById(id);
let shown = '';

const NAME = 'wechat.machine-key';
const kept = () => {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null; // A browser that keeps nothing: the link opens the page all the same.
  }
};
const sent = location.hash.match(/^#(?:key=)?([0-9a-f]{64})$/)?.[1];
const key = sent ?? kept() ?? '';
if (sent) {
  try {
    localStorage.setItem(NAME, sent);
  } catch {
    // As above.
  }
  history.replaceState(null, '', location.pathname);
}

function part(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function row(mail) {
  const item = document.createElement('li');
  const details = document.createElement('details');
  details.append(part('summary', '', words.all), part('pre', '', mail.text));
  const when = new Date(mail.sent).toLocaleTimeString();
  item.append(
    part('h2', '', mail.subject),
    part('p', 'to', `${words.to} ${mail.to} · ${when}`),
    ...(mail.code ? [part('div', 'code', mail.code)] : []),
    details,
  );
  return item;
}

async function look() {
  try {
    const answer = await fetch('/_/mail.json', { headers: { 'machine-key': key } });
    if (answer.status === 403) {
      element('mails').replaceChildren();
      element('hint').textContent = words.locked;
      shown = '';
      return;
    }
    const text = await answer.text();
    if (text === shown) return;
    const mails = JSON.parse(text);
    element('mails').replaceChildren(...mails.map(row));
    element('hint').textContent = mails.length ? words.hint : words.none;
    shown = text;
  } catch {
    element('hint').textContent = words.gone;
    shown = '';
  }
}

look();
setInterval(look, EVERY_MS);
