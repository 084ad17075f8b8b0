// The shell of the page for when there is no network: what was loaded last. Everything is asked of
// the network first, as an unchanged file costs no more than a question; the API is never touched.
const CACHE = 'shell-559ff82a17d7';
const FILES = [
  "/assets/accent.css",
  "/assets/address.js",
  "/assets/alert_settings.js",
  "/assets/alerts.js",
  "/assets/asks_badge.js",
  "/assets/auth.js",
  "/assets/begin.js",
  "/assets/brand.js",
  "/assets/call.js",
  "/assets/call_devices.js",
  "/assets/call_problem.js",
  "/assets/calls.js",
  "/assets/change_picture.js",
  "/assets/chat.js",
  "/assets/chats.js",
  "/assets/composer.js",
  "/assets/contacts.js",
  "/assets/crop.js",
  "/assets/cursors.js",
  "/assets/door.js",
  "/assets/draft.js",
  "/assets/emoji.js",
  "/assets/export.js",
  "/assets/files.js",
  "/assets/files_text.js",
  "/assets/format.js",
  "/assets/geometry.js",
  "/assets/group_rules.js",
  "/assets/hush.js",
  "/assets/i18n.js",
  "/assets/icon.svg",
  "/assets/icons.more.svg",
  "/assets/icons.svg",
  "/assets/info.js",
  "/assets/jump.js",
  "/assets/lazy.js",
  "/assets/level.js",
  "/assets/links.js",
  "/assets/mailbox.js",
  "/assets/main.js",
  "/assets/mention.js",
  "/assets/message.js",
  "/assets/message_menu.js",
  "/assets/more.css",
  "/assets/names.js",
  "/assets/nicks.js",
  "/assets/notify.js",
  "/assets/operator.js",
  "/assets/operator_charts.js",
  "/assets/operator_lists.js",
  "/assets/operator_parts.js",
  "/assets/operator_people.js",
  "/assets/operator_reports.js",
  "/assets/operator_settings.js",
  "/assets/people.js",
  "/assets/pictures.js",
  "/assets/player.js",
  "/assets/poster.js",
  "/assets/presence.js",
  "/assets/profile.js",
  "/assets/qr.js",
  "/assets/recorder.js",
  "/assets/recover.js",
  "/assets/recovery.js",
  "/assets/report.js",
  "/assets/rich.js",
  "/assets/row_buttons.js",
  "/assets/sdk/about.js",
  "/assets/sdk/alerts.js",
  "/assets/sdk/call_driver.js",
  "/assets/sdk/call_healing.js",
  "/assets/sdk/call_machine.js",
  "/assets/sdk/call_media.js",
  "/assets/sdk/call_peer.js",
  "/assets/sdk/calls.js",
  "/assets/sdk/changes.js",
  "/assets/sdk/client.js",
  "/assets/sdk/contacts.js",
  "/assets/sdk/cursors.js",
  "/assets/sdk/drafts.js",
  "/assets/sdk/files.js",
  "/assets/sdk/follower.js",
  "/assets/sdk/index.js",
  "/assets/sdk/instance.js",
  "/assets/sdk/joining.js",
  "/assets/sdk/keeper.js",
  "/assets/sdk/line.js",
  "/assets/sdk/outbox.js",
  "/assets/sdk/outgoing.js",
  "/assets/sdk/people.js",
  "/assets/sdk/push.js",
  "/assets/sdk/rest.js",
  "/assets/sdk/rows.js",
  "/assets/sdk/sender.js",
  "/assets/sdk/socket.js",
  "/assets/sdk/storage.js",
  "/assets/sdk/store.js",
  "/assets/sdk/types.js",
  "/assets/sdk/upload.js",
  "/assets/settings.js",
  "/assets/sounds.js",
  "/assets/state.js",
  "/assets/style.css",
  "/assets/texts/en.js",
  "/assets/texts/en.more.js",
  "/assets/texts/es.js",
  "/assets/texts/es.more.js",
  "/assets/texts/languages.js",
  "/assets/texts/loaded.js",
  "/assets/texts/zh.js",
  "/assets/texts/zh.more.js",
  "/assets/thumbhash.js",
  "/assets/ticks.js",
  "/assets/timeline.js",
  "/assets/ui.js",
  "/assets/use_composer.js",
  "/assets/use_timeline.js",
  "/assets/vendor/LICENSES.txt",
  "/assets/vendor/preact-hooks.js",
  "/assets/vendor/preact-jsx-runtime.js",
  "/assets/vendor/preact.js",
  "/assets/vendor/signals-core.js",
  "/assets/vendor/signals.js",
  "/assets/vendor/uqr.js",
  "/assets/viewer.js",
  "/assets/viewing.js",
  "/assets/voice.js",
  "/assets/waiting.js",
  "/assets/window.js",
  "/assets/writing.js"
];

const isShell = (url) => url.origin === location.origin
  && (url.pathname === '/' || url.pathname === '/manifest.webmanifest'
    || url.pathname.startsWith('/assets/'));

self.addEventListener('install', (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  })());
});

// The page and every file of it.
async function fill() {
  const cache = await caches.open(CACHE);
  const page = await fetch('/', { headers: { accept: 'text/html' }, cache: 'no-cache' });
  if (!page.ok) return;
  await cache.put('/', page);
  await cache.addAll([...FILES, '/manifest.webmanifest']);
}

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || !isShell(url)) return;
  if (url.pathname === '/' && event.request.mode !== 'navigate') return;
  event.respondWith(answer(event.request, url.pathname === '/' ? '/' : url.pathname));
});

async function answer(request, key) {
  const cache = await caches.open(CACHE);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(key, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept) return kept;
    throw error;
  }
}

// ---- notifications: what a push says (docs/push.md), and what is pressed in one ----

const TEXTS = {
  "en": {
    "call.accept": "Accept",
    "call.incoming": "{name} is calling",
    "call.reject": "Decline",
    "call.video": "Video call",
    "call.voice": "Voice call",
    "push.message": "New message",
    "push.read": "Mark as read",
    "push.reply": "Reply",
    "push.somebody": "Somebody",
    "push.test": "Notifications work.",
    "push.unsent": "Your answer was not sent"
  },
  "es": {
    "call.accept": "Aceptar",
    "call.incoming": "{name} te llama",
    "call.reject": "Rechazar",
    "call.video": "Videollamada",
    "call.voice": "Llamada",
    "push.message": "Mensaje nuevo",
    "push.read": "Marcar como leído",
    "push.reply": "Responder",
    "push.somebody": "Alguien",
    "push.test": "Los avisos funcionan.",
    "push.unsent": "No se envió tu respuesta"
  },
  "zh": {
    "call.accept": "接听",
    "call.incoming": "{name} 来电",
    "call.reject": "拒绝",
    "call.video": "视频通话",
    "call.voice": "语音通话",
    "push.message": "新消息",
    "push.read": "标为已读",
    "push.reply": "回复",
    "push.somebody": "有人",
    "push.test": "通知功能正常。",
    "push.unsent": "你的回复未能发送"
  }
};
const ICON = '/assets/icon-192.png';
// A text of at most so many characters is said to have failed, so that it can be copied.
const TOLD = 200;

self.addEventListener('push', (event) => event.waitUntil(pushed(event.data)));

async function pushed(data) {
  const facts = await fact('worker');
  // Nobody is logged in here any more, and the server could not be told.
  if (!facts) return (await self.registration.pushManager.getSubscription())?.unsubscribe();
  const push = read(data);
  const t = texts(facts.language);
  if (typeof push.badge === 'number') await self.navigator.setAppBadge?.(push.badge);
  switch (push.kind) {
    case 'message': return message(push, t);
    case 'call': return call(push, t);
    case 'read': return close(push.chat);
    default: return show(t['push.test'], { tag: 'test' });
  }
}

function read(data) {
  try {
    return data.json() || {};
  } catch {
    return {};
  }
}

const texts = (language) => TEXTS[language] || TEXTS.en;

// Whoever looks at the page sees it there.
async function isSeen() {
  const pages = await self.clients.matchAll({ type: 'window' });
  return pages.some((page) => page.focused && page.visibilityState === 'visible');
}

async function message({ chat, seq, title, from, body, again }, t) {
  if (await isSeen()) return;
  // What was put aside does not come back because it was edited.
  if (again && !(await self.registration.getNotifications({ tag: chat })).length) return;
  const words = body && from ? `${from}: ${body}` : body || from;
  await show(title || t['push.message'], {
    body: words || (title ? t['push.message'] : ''), tag: chat, renotify: !again, silent: !!again,
    data: { chat, seq },
    actions: [
      { action: 'reply', type: 'text', title: t['push.reply'] },
      { action: 'read', title: t['push.read'] },
    ],
  });
}

async function call({ state, call: id, chat, video, title }, t) {
  if (state !== 'ringing') return close(`call-${id}`);
  if (await isSeen()) return;
  const name = title || t['push.somebody'];
  await show(t['call.incoming'].replace('{name}', name), {
    body: video ? t['call.video'] : t['call.voice'], tag: `call-${id}`, renotify: true,
    requireInteraction: true, vibrate: [400, 200, 400, 200, 400], data: { chat, call: id },
    actions: [
      { action: 'accept', title: t['call.accept'] }, { action: 'reject', title: t['call.reject'] },
    ],
  });
}

const show = (title, options) =>
  self.registration.showNotification(title, { icon: ICON, badge: ICON, ...options });

async function close(tag) {
  for (const one of await self.registration.getNotifications({ tag })) one.close();
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(clicked(event.action, event.notification.data || {}, event.reply));
});

async function clicked(action, { chat, seq, call: id }, reply) {
  if (action === 'read') return ask(`/chats/${chat}/read`, { seq }).catch(() => undefined);
  if (action === 'reject') return ask(`/calls/${id}/reject`).catch(() => undefined);
  if (action === 'reply' && reply) return answerTo(chat, seq, reply);
  // The page asks for the microphone, so it answers; nothing but this press can make it do so.
  if (action === 'accept') await keep('pressed', { answer: id, at: Date.now() });
  return front(chat);
}

async function answerTo(chat, seq, body) {
  try {
    await ask(`/chats/${chat}/messages`, { body, client_msg_id: self.crypto.randomUUID() });
    await ask(`/chats/${chat}/read`, { seq });
  } catch {
    const t = texts((await fact('worker'))?.language);
    const tag = `${chat}-unsent`;
    await show(t['push.unsent'], { body: body.slice(0, TOLD), tag, data: { chat } });
  }
}

async function ask(path, body = {}) {
  const { token } = await fact('worker') || {};
  const answer = await fetch(`/api/v1${path}`, {
    method: 'POST', credentials: 'omit', cache: 'no-store', body: JSON.stringify(body),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
}

async function front(chat) {
  const [page] = await self.clients.matchAll({ type: 'window' });
  if (!page) return self.clients.openWindow(chat ? `/#/chat/${chat}` : '/');
  await page.focus();
  page.postMessage({ chat });
}

// What the page and this worker tell each other, in the page's database (sdk/js, `storage`).
function facts(mode, work) {
  return new Promise((done) => {
    const opening = indexedDB.open('wechat', 1);
    // The page makes it; without it there is nothing to know.
    opening.onupgradeneeded = () => opening.transaction.abort();
    opening.onerror = () => done(undefined);
    opening.onsuccess = () => {
      const db = opening.result;
      const transaction = db.transaction('facts', mode);
      const asked = work(transaction.objectStore('facts'));
      transaction.oncomplete = () => { db.close(); done(asked.result); };
      transaction.onabort = () => { db.close(); done(undefined); };
    };
  });
}

const fact = async (id) => (await facts('readonly', (store) => store.get(id)))?.value;
const keep = (id, value) => facts('readwrite', (store) => store.put({ id, value }));
