/** The page's language, switched in place, and its texts with numbers and names put in. */

import { signal } from '@preact/signals';

import type { Key } from './texts/en.js';
import { type Lang, type Language, languages } from './texts/languages.js';
import { firstLang, load, loadMore, loaded } from './texts/loaded.js';

export type { Lang } from './texts/languages.js';

/** What can be chosen. */
export const LANGUAGES: Readonly<Record<Lang, Language>> = languages;
export const LANGS = Object.keys(LANGUAGES) as Lang[];

/** The language that is spoken; its texts are loaded. */
export const lang = signal<Lang>(firstLang);

/** Goes on in another language, as soon as its texts are there. */
export async function speak(code: Lang): Promise<void> {
  await load(code);
  lang.value = code;
}

/** Has all texts of the language that is spoken. */
export const speakMore = (): Promise<void> => loadMore(lang.value);

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
  const [one = '', many = one] = loaded.get(lang.value)?.[key]?.split('|') ?? [];
  const text = isOne(Number(args.n ?? 2)) ? one : many;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = args[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? value.toLocaleString(lang.value) : value;
  });
}
