// The mailbox page: asks for the mails again and again, and writes them down as text.
const spanish = navigator.language.startsWith('es');
const words = spanish
  ? {
      title: 'Buzón',
      hint: 'Los correos de este servidor desde que arrancó, el último primero. Solo se ven en esta máquina.',
      none: 'Todavía no hay correos. Regístrate o inicia sesión, y el código aparecerá aquí.',
      gone: 'El servidor no responde. Esta página lo seguirá intentando.',
      to: 'para',
      all: 'Todo el correo',
    }
  : {
      title: 'Mailbox',
      hint: 'The mails of this server since it started, the latest first. Only this machine can see them.',
      none: 'No mail yet. Sign up or log in, and the code will appear here.',
      gone: 'The server does not answer. This page keeps trying.',
      to: 'to',
      all: 'The whole mail',
    };
const EVERY_MS = 1500;
const element = (id) => document.getElementById(id);
let shown = '';

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
    part('div', 'code', mail.code),
    details,
  );
  return item;
}

async function look() {
  try {
    const answer = await fetch('/_/mail.json');
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

document.documentElement.lang = spanish ? 'es' : 'en';
document.title = words.title;
element('title').textContent = words.title;
look();
setInterval(look, EVERY_MS);
