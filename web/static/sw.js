// The shell of the page for when there is no network: what was loaded last. Everything is asked of
// the network first, as an unchanged file costs no more than a question; the API is never touched.
const CACHE = '{{version}}';
const FILES = '{{files}}';

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
