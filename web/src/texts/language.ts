/** What a language of the page is made of. */

import type { Tongue } from 'wechat-sdk';

import type { en } from './en.js';

/** The name of a text. */
export type Key = keyof typeof en.texts;

export interface Language {
  /** Its own name, as it is offered. */
  readonly name: string;
  /** The server's language that is nearest to it, for mails and for what the server says. */
  readonly tongue: Tongue;
  readonly texts: Readonly<Record<Key, string>>;
}
