/**
 * The text of a message with links, mentions and `code`. It is cut into pieces that are drawn as
 * text: nothing of it is ever markup.
 */

import type { JSX } from 'preact';

import { mentionPattern } from './draft.js';
import { linksIn } from './links.js';

const CODE = /`([^`\n]+)`/gu;

interface Piece {
  kind: 'text' | 'link' | 'mention' | 'code';
  text: string;
}

/** Cuts what matches out of the text pieces. */
function cut(
  pieces: Piece[], pattern: RegExp, make: (match: RegExpMatchArray) => [Piece, number],
): Piece[] {
  return pieces.flatMap((piece) => {
    if (piece.kind !== 'text') return [piece];
    const found: Piece[] = [];
    let end = 0;
    for (const match of piece.text.matchAll(pattern)) {
      const [one, length] = make(match);
      if (match.index < end) continue;
      found.push({ kind: 'text', text: piece.text.slice(end, match.index) }, one);
      end = match.index + length;
    }
    found.push({ kind: 'text', text: piece.text.slice(end) });
    return found.filter(({ text }) => text !== '');
  });
}

/** Cuts the links out of the text pieces. */
function cutLinks(pieces: Piece[]): Piece[] {
  return pieces.flatMap((piece) => {
    if (piece.kind !== 'text') return [piece];
    const found: Piece[] = [];
    let end = 0;
    for (const { at, link } of linksIn(piece.text)) {
      found.push({ kind: 'text', text: piece.text.slice(end, at) }, { kind: 'link', text: link });
      end = at + link.length;
    }
    found.push({ kind: 'text', text: piece.text.slice(end) });
    return found.filter(({ text }) => text !== '');
  });
}

export function pieces(body: string, names: readonly string[]): Piece[] {
  let all: Piece[] = [{ kind: 'text', text: body }];
  all = cut(all, CODE, (match) => [{ kind: 'code', text: match[1] ?? '' }, match[0].length]);
  all = cutLinks(all);
  const mention = mentionPattern(names);
  if (!mention) return all;
  return cut(all, mention, (match) => [{ kind: 'mention', text: match[0] }, match[0].length]);
}

export function Rich({ body, names }: { body: string; names: readonly string[] }): JSX.Element {
  return (
    <>
      {pieces(body, names).map(({ kind, text }, at) => {
        switch (kind) {
          case 'link':
            return (
              <a key={at} href={text} target="_blank" rel="noopener noreferrer nofollow">{text}</a>
            );
          case 'mention': return <strong key={at} class="mention">{text}</strong>;
          case 'code': return <code key={at}>{text}</code>;
          default: return text;
        }
      })}
    </>
  );
}

/** Whether the first letter is of a script that runs from right to left. */
export function isRightToLeft(text: string): boolean {
  const letter = /\p{L}/u.exec(text)?.[0] ?? '';
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u.test(letter);
}

const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s)+$/u;
const HAS_PICTOGRAPH = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;

/** One to three emoji and nothing else are drawn large. */
export function isLarge(body: string): boolean {
  if (body.length > 32 || !EMOJI_ONLY.test(body) || !HAS_PICTOGRAPH.test(body)) return false;
  return [...new Intl.Segmenter().segment(body.replace(/\s/g, ''))].length <= 3;
}
