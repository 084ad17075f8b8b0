/** The page's language, switched in place, and its texts with numbers and names put in. */

import { signal } from '@preact/signals';

import { type Key, texts } from './texts.js';

export type Lang = 'en' | 'es';

function firstLang(): Lang {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem('wechat.lang');
  } catch {
    // Refused: the browser's language it is.
  }
  return (chosen ?? navigator.language).startsWith('es') ? 'es' : 'en';
}

export const lang = signal<Lang>(firstLang());

const plurals: Record<Lang, Intl.PluralRules> = {
  en: new Intl.PluralRules('en'),
  es: new Intl.PluralRules('es'),
};

type Args = Record<string, string | number>;

/** The text of `key`; `n` chooses between one and many. */
export function t(key: Key, args: Args = {}): string {
  const [en, es] = texts[key];
  const text = lang.value === 'es' ? es : en;
  const [one = '', many = one] = text.split('|');
  const isOne = plurals[lang.value].select(Number(args.n ?? 2)) === 'one';
  return (isOne ? one : many).replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = args[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? value.toLocaleString(lang.value) : value;
  });
}
