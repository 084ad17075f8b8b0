/**
 * The one client of the page, what of it a component watches, and the route.
 *
 * A component that calls `watch(topic)` is drawn again when the topic changes, and no other is.
 */

import { type Signal, batch, effect, signal } from '@preact/signals';
import { Client, type Id, type Limits, type Topic } from 'wechat-sdk';

import { lang, tongue, t } from './i18n.js';

export const client = new Client();

const versions = new Map<Topic, Signal<number>>();

function version(topic: Topic): Signal<number> {
  const known = versions.get(topic) ?? signal(0);
  versions.set(topic, known);
  return known;
}

/** Draws the calling component again whenever one of these changes. */
export function watch(...topics: Topic[]): void {
  for (const topic of topics) void version(topic).value;
}

client.changes.listen((topics) => {
  batch(() => {
    for (const topic of topics) {
      const known = versions.get(topic);
      if (known) known.value += 1;
    }
  });
});

/** How much the server takes; draws the calling component again when that becomes known. */
export function limits(): Limits | null {
  watch('server');
  return client.limits;
}

/** The key of the person at the server's machine, from the link that its terminal prints. */
export const machineKey = signal(kept('machine-key', ''));

/** Takes the key out of the address, where nobody is to see it longer than needed. */
function takeKey(): void {
  const key = /^#key=([0-9a-f]{64})$/.exec(location.hash)?.[1];
  if (!key) return;
  keep('machine-key', key);
  machineKey.value = key;
  history.replaceState(null, '', location.pathname);
}

takeKey();

/** Where the page is: the parts of the address behind `#/`. */
export const route = signal(parts());

function parts(): string[] {
  const path = location.hash.replace(/^#\/?/, '');
  return path.split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

addEventListener('hashchange', () => {
  takeKey();
  route.value = parts();
});

export function go(path: string, replace = false): void {
  if (replace) {
    history.replaceState(null, '', `#/${path}`);
    route.value = parts();
  } else {
    location.hash = `/${path}`;
  }
}

/** One step back, or to `fallback` when the page began here. */
export function back(fallback = ''): void {
  if (history.length > 1) history.back();
  else go(fallback, true);
}

/** The chat that the address names. */
export const openChat = (): string | null =>
  route.value[0] === 'chat' ? route.value[1] ?? null : null;

/** One pane at a time. */
const narrow = matchMedia('(max-width: 759px)');
export const isNarrow = signal(narrow.matches);
narrow.addEventListener('change', ({ matches }) => { isNarrow.value = matches; });

/** The time, for what changes by itself; moves every half minute. */
export const minute = signal(Date.now());
setInterval(() => {
  minute.value = Date.now();
}, 30_000);

/** The voice message that is being recorded: where, and since when (milliseconds since 1970). */
export const recording = signal<{ chat: Id; since: number } | null>(null);

/** Short words at the bottom that vanish by themselves. */
export interface Toast {
  id: number;
  text: string;
  isError: boolean;
}
export const toasts = signal<Toast[]>([]);
let lastToast = 0;

export function say(text: string, isError = false): void {
  const toast = { id: ++lastToast, text, isError };
  toasts.value = [...toasts.value.slice(-2), toast];
  setTimeout(() => {
    toasts.value = toasts.value.filter(({ id }) => id !== toast.id);
  }, isError ? 7_000 : 3_500);
}

/** Does something that may fail, and says so when it does. */
export async function attempt<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    say(told(error), true);
    return undefined;
  }
}

/** The words of an error: the server's own, or ours when it cannot be reached. */
export function told(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === 'offline') return t('error.offline');
  return error instanceof Error ? error.message : String(error);
}

/** What a person likes; kept in this browser. */
export type Theme = 'auto' | 'light' | 'dark';

function kept(name: string, fallback: string): string {
  try {
    return localStorage.getItem(`wechat.${name}`) ?? fallback;
  } catch {
    return fallback;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`wechat.${name}`, value);
  } catch {
    // Refused by the browser: it holds until the page is closed.
  }
}

export const theme = signal(kept('theme', 'auto') as Theme);
export const sounds = signal(kept('sounds', 'on') === 'on');
export const alerts = signal(kept('alerts', 'off') === 'on');
/** Whether they were asked about alerts, and answered. */
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
