/**
 * The languages of the page, each by its code (BCP 47). A new one is a file beside this and a line
 * here; the page and its tests offer what is here. One is loaded when it is wanted.
 */

import type { Tongue } from 'wechat-sdk';

import type { Texts } from './en.js';

export interface Language {
  /** Its own name, as it is offered. */
  readonly name: string;
  /** The server's language that is nearest to it, for mails and for what the server says. */
  readonly tongue: Tongue;
  readonly load: () => Promise<{ readonly texts: Texts }>;
}

export const languages = {
  en: { name: 'English', tongue: 'en', load: () => import('./en.js') },
  es: { name: 'Español', tongue: 'es', load: () => import('./es.js') },
  zh: { name: '中文', tongue: 'zh', load: () => import('./zh.js') },
} as const satisfies Record<string, Language>;

export type Lang = keyof typeof languages;

/** What the page does not say at first: the build puts it into a file of its own (build.mjs). */
export const more = async (code: Lang): Promise<Partial<Texts>> =>
  (await import(`./${code}.more.js`)).texts;
