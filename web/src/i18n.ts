/** The page's language, switched in place, and its texts with numbers and names put in. */

import { signal } from '@preact/signals';

import type { Key, Language } from './texts/language.js';
import * as languages from './texts/languages.js';

export type Lang = keyof typeof languages;

/** The languages that there are, by their codes. */
export const LANGUAGES: Readonly<Record<Lang, Language>> = languages;
export const LANGS = Object.keys(LANGUAGES) as Lang[];

function firstLang(): Lang {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem('wechat.lang');
  } catch {
    // Refused: the browser's language it is.
  }
  const wanted = chosen ?? navigator.language;
  return LANGS.find((code) => wanted.startsWith(code)) ?? 'en';
}

export const lang = signal<Lang>(firstLang());

/** The server's language that goes with the page's. */
export const tongue = (): Language['tongue'] => LANGUAGES[lang.value].tongue;

const plurals = new Map<Lang, Intl.PluralRules>();

function isOne(n: number): boolean {
  const rules = plurals.get(lang.value) ?? new Intl.PluralRules(lang.value);
  plurals.set(lang.value, rules);
  return rules.select(n) === 'one';
}

type Args = Record<string, string | number>;

/** The text of `key`; `n` chooses between one and many. */
export function t(key: Key, args: Args = {}): string {
  const [one = '', many = one] = LANGUAGES[lang.value].texts[key].split('|');
  const text = isOne(Number(args.n ?? 2)) ? one : many;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = args[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? value.toLocaleString(lang.value) : value;
  });
}
