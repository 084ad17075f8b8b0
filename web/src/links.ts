/** Links in text: where they begin, and where people see them end. */

const BEGIN = /(?<!\w)https?:\/\/(?=[\p{L}\p{N}[])/giu;

/** Blanks, and what cannot be seen. */
const UNSEEN = '\\s\\p{Cc}\\u00ad\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff';
/** Signs of Chinese, Japanese and Korean, as wide as a letter. */
const WIDE = '\\u3000-\\u3004\\u3008-\\u3020\\u3030\\u30fb'
  + '\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65';
/** What no link holds; `**` marks words as bold. */
const STOP = new RegExp(`[${UNSEEN}${WIDE}<>"\`“”„«»‹›—…]|\\*\\*`, 'u');

/** Signs of the sentence around a link, not of the link: all but `/ # % & @ - _`. */
const TRAILING = /[\p{Pi}\p{Pf}\p{Ps}–~*'!,.:;?¡¿\\·؛،؟।॥]$/u;

const OPENERS = new Map([[')', '('], [']', '['], ['}', '{']]);

/** The links of a text, each as it stands there. */
export function linksIn(text: string): { at: number; link: string }[] {
  const found: { at: number; link: string }[] = [];
  let end = 0;
  for (const { index, 0: scheme } of text.matchAll(BEGIN)) {
    if (index < end) continue;
    const link = scheme + address(text.slice(index + scheme.length));
    if (link.length === scheme.length) continue;
    found.push({ at: index, link });
    end = index + link.length;
  }
  return found;
}

/** What of a text that begins behind `https://` is the address. */
function address(text: string): string {
  const stop = STOP.exec(text)?.index ?? text.length;
  let rest = balanced(text.slice(0, stop));
  while (TRAILING.test(rest)) rest = rest.slice(0, -1);
  return rest;
}

/** Up to a bracket that closes what was opened before the link. */
function balanced(text: string): string {
  const open: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at);
    const opener = OPENERS.get(sign);
    if (opener ? open.pop() !== opener : false) return text.slice(0, at);
    if ('([{'.includes(sign)) open.push(sign);
  }
  return text;
}
