import { batch, effect, signal } from '@preact/signals';
import { Client } from 'wechat-sdk';
import { lang, tongue, t } from './i18n.js';
export const client = new Client();
const versions = new Map();
function version(topic) {
    const known = versions.get(topic) ?? signal(0);
    versions.set(topic, known);
    return known;
}
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
export function limits() {
    watch('server');
    return client.limits;
}
export const machineKey = signal(kept('machine-key', ''));
function takeKey() {
    const key = /^#key=([0-9a-f]{64})$/.exec(location.hash)?.[1];
    if (!key)
        return;
    keep('machine-key', key);
    machineKey.value = key;
    history.replaceState(null, '', location.pathname);
}
takeKey();
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
    takeKey();
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
export function back(fallback = '') {
    if (history.length > 1)
        history.back();
    else
        go(fallback, true);
}
export const openChat = () => route.value[0] === 'chat' ? route.value[1] ?? null : null;
const narrow = matchMedia('(max-width: 759px)');
export const isNarrow = signal(narrow.matches);
narrow.addEventListener('change', ({ matches }) => { isNarrow.value = matches; });
export const minute = signal(Date.now());
setInterval(() => {
    minute.value = Date.now();
}, 30_000);
export const recording = signal(null);
export const toasts = signal([]);
let lastToast = 0;
export function say(text, isError = false) {
    const toast = { id: ++lastToast, text, isError };
    toasts.value = [...toasts.value.slice(-2), toast];
    setTimeout(() => {
        toasts.value = toasts.value.filter(({ id }) => id !== toast.id);
    }, isError ? 7_000 : 3_500);
}
export async function attempt(work) {
    try {
        return await work;
    }
    catch (error) {
        say(told(error), true);
        return undefined;
    }
}
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
    }
}
export const theme = signal(kept('theme', 'auto'));
export const sounds = signal(kept('sounds', 'on') === 'on');
export const alerts = signal(kept('alerts', 'off') === 'on');
export const alertsAsked = signal(kept('alerts-asked', 'no') === 'yes');
effect(() => {
    const { value } = theme;
    keep('theme', value);
    document.documentElement.dataset.theme = value;
});
effect(() => keep('sounds', sounds.value ? 'on' : 'off'));
effect(() => keep('alerts', alerts.value ? 'on' : 'off'));
effect(() => keep('alerts-asked', alertsAsked.value ? 'yes' : 'no'));
effect(() => {
    keep('lang', lang.value);
    document.documentElement.lang = lang.value;
    client.rest.language = tongue();
});
