/** The texts that are loaded, and the language that the page begins with. */

import type { Texts } from './en.js';
import { type Lang, languages, more } from './languages.js';

export const loaded = new Map<Lang, Partial<Texts>>();
/** Whether the page has come to what it does not say at first. */
let hasMore = false;
const whole = new Set<Lang>();

export async function load(code: Lang): Promise<void> {
  if (!loaded.has(code)) loaded.set(code, (await languages[code].load()).texts);
  if (!hasMore || whole.has(code)) return;
  const texts = await more(code);
  loaded.set(code, { ...loaded.get(code), ...texts });
  whole.add(code);
}

/** Loads what is said only later, from now on in every language that is spoken. */
export async function loadMore(code: Lang): Promise<void> {
  hasMore = true;
  await load(code);
}

function chosen(): string | null {
  try {
    return localStorage.getItem('wechat.lang');
  } catch {
    // Refused: the browser's language it is.
    return null;
  }
}

const wanted = chosen() ?? navigator.language;
const codes = Object.keys(languages) as Lang[];

export const firstLang: Lang = codes.find((code) => wanted.startsWith(code)) ?? 'en';
