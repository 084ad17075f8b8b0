/**
 * The one client of the page, what of it a component watches, and the route.
 *
 * A component that calls `watch(topic)` is drawn again when the topic changes, and no other is.
 */
import { batch, effect, signal } from '@preact/signals';
import { Client } from 'wechat-sdk';
import { lang, t } from './i18n.js';
export const client = new Client();
const versions = new Map();
function version(topic) {
    const known = versions.get(topic) ?? signal(0);
    versions.set(topic, known);
    return known;
}
/** Draws the calling component again whenever one of these changes. */
export function watch(...topics) {
    for (const topic of topics)
        void version(topic).value;
}
client.changes.listen((topics) => {
    batch(() => {
        for (const topic of topics) {
            const known = versions.get(topic);
            if (known)
                known.value += 1;
        }
    });
});
/** Where the page is: the parts of the address behind `#/`. */
export const route = signal(parts());
function parts() {
    const path = location.hash.replace(/^#\/?/, '');
    return path.split('/').filter(Boolean).map((part) => {
        try {
            return decodeURIComponent(part);
        }
        catch {
            return part;
        }
    });
}
addEventListener('hashchange', () => {
    route.value = parts();
});
export function go(path, replace = false) {
    if (replace) {
        history.replaceState(null, '', `#/${path}`);
        route.value = parts();
    }
    else {
        location.hash = `/${path}`;
    }
}
/** One step back, or to `fallback` when the page began here. */
export function back(fallback = '') {
    if (history.length > 1)
        history.back();
    else
        go(fallback, true);
}
/** The chat that the address names. */
export const openChat = () => route.value[0] === 'chat' ? route.value[1] ?? null : null;
/** The time, for what changes by itself; moves every half minute. */
export const minute = signal(Date.now());
setInterval(() => {
    minute.value = Date.now();
}, 30_000);
export const toasts = signal([]);
let lastToast = 0;
export function say(text, isError = false) {
    const toast = { id: ++lastToast, text, isError };
    toasts.value = [...toasts.value.slice(-2), toast];
    setTimeout(() => {
        toasts.value = toasts.value.filter(({ id }) => id !== toast.id);
    }, isError ? 7_000 : 3_500);
}
/** Does something that may fail, and says so when it does. */
export async function attempt(work) {
    try {
        return await work;
    }
    catch (error) {
        say(told(error), true);
        return undefined;
    }
}
/** The words of an error: the server's own, or ours when it cannot be reached. */
export function told(error) {
    const { code } = error;
    if (code === 'offline')
        return t('error.offline');
    return error instanceof Error ? error.message : String(error);
}
function kept(name, fallback) {
    try {
        return localStorage.getItem(`wechat.${name}`) ?? fallback;
    }
    catch {
        return fallback;
    }
}
function keep(name, value) {
    try {
        localStorage.setItem(`wechat.${name}`, value);
    }
    catch {
        // Refused by the browser: it holds until the page is closed.
    }
}
export const theme = signal(kept('theme', 'auto'));
export const sounds = signal(kept('sounds', 'on') === 'on');
export const alerts = signal(kept('alerts', 'off') === 'on');
effect(() => {
    const { value } = theme;
    keep('theme', value);
    document.documentElement.dataset.theme = value;
});
effect(() => keep('sounds', sounds.value ? 'on' : 'off'));
effect(() => keep('alerts', alerts.value ? 'on' : 'off'));
effect(() => {
    keep('lang', lang.value);
    document.documentElement.lang = lang.value;
    client.rest.language = lang.value;
});
