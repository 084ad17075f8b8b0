/** The texts that are loaded, and the language that the page begins with. */

import type { Texts } from './en.js';
import { type Lang, languages } from './languages.js';

export const loaded = new Map<Lang, Texts>();

export async function load(code: Lang): Promise<void> {
  if (!loaded.has(code)) loaded.set(code, (await languages[code].load()).texts);
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
