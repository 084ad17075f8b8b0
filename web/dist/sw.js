// The shell of the page for when there is no network: what was loaded last. Everything is asked of
// the network first, as an unchanged file costs no more than a question; the API is never touched.
const CACHE = 'shell-83553ae2a870';
const FILES = [
  "/assets/accent.css",
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
  "/assets/crop.js",
  "/assets/cursors.js",
  "/assets/draft.js",
  "/assets/emoji.js",
  "/assets/files.js",
  "/assets/files_text.js",
  "/assets/format.js",
  "/assets/geometry.js",
  "/assets/i18n.js",
  "/assets/icon.svg",
  "/assets/icons.svg",
  "/assets/info.js",
  "/assets/jump.js",
  "/assets/lazy.js",
  "/assets/links.js",
  "/assets/mailbox.js",
  "/assets/main.js",
  "/assets/mention.js",
  "/assets/message.js",
  "/assets/message_menu.js",
  "/assets/more.css",
  "/assets/names.js",
  "/assets/notify.js",
  "/assets/people.js",
  "/assets/pictures.js",
  "/assets/player.js",
  "/assets/poster.js",
  "/assets/presence.js",
  "/assets/profile.js",
  "/assets/qr.js",
  "/assets/recorder.js",
  "/assets/rich.js",
  "/assets/sdk/about.js",
  "/assets/sdk/call_driver.js",
  "/assets/sdk/call_healing.js",
  "/assets/sdk/call_machine.js",
  "/assets/sdk/call_media.js",
  "/assets/sdk/call_peer.js",
  "/assets/sdk/calls.js",
  "/assets/sdk/changes.js",
  "/assets/sdk/client.js",
  "/assets/sdk/cursors.js",
  "/assets/sdk/drafts.js",
  "/assets/sdk/files.js",
  "/assets/sdk/follower.js",
  "/assets/sdk/index.js",
  "/assets/sdk/instance.js",
  "/assets/sdk/keeper.js",
  "/assets/sdk/line.js",
  "/assets/sdk/outbox.js",
  "/assets/sdk/outgoing.js",
  "/assets/sdk/people.js",
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
  "/assets/texts/es.js",
  "/assets/texts/languages.js",
  "/assets/texts/loaded.js",
  "/assets/texts/zh.js",
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

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { chat } = event.notification.data || {};
  event.waitUntil((async () => {
    const [page] = await self.clients.matchAll({ type: 'window' });
    if (!page) return self.clients.openWindow(chat ? `/#/chat/${chat}` : '/');
    await page.focus();
    page.postMessage({ chat });
  })());
});
