import { Fragment as _Fragment, jsx as _jsx } from "preact/jsx-runtime";
import { mentionPattern } from './draft.js';
import { linksIn } from './links.js';
const CODE = /`([^`\n]+)`/gu;
function cut(pieces, pattern, make) {
    return pieces.flatMap((piece) => {
        if (piece.kind !== 'text')
            return [piece];
        const found = [];
        let end = 0;
        for (const match of piece.text.matchAll(pattern)) {
            const [one, length] = make(match);
            if (match.index < end)
                continue;
            found.push({ kind: 'text', text: piece.text.slice(end, match.index) }, one);
            end = match.index + length;
        }
        found.push({ kind: 'text', text: piece.text.slice(end) });
        return found.filter(({ text }) => text !== '');
    });
}
function cutLinks(pieces) {
    return pieces.flatMap((piece) => {
        if (piece.kind !== 'text')
            return [piece];
        const found = [];
        let end = 0;
        for (const { at, link } of linksIn(piece.text)) {
            found.push({ kind: 'text', text: piece.text.slice(end, at) }, { kind: 'link', text: link });
            end = at + link.length;
        }
        found.push({ kind: 'text', text: piece.text.slice(end) });
        return found.filter(({ text }) => text !== '');
    });
}
export function pieces(body, names) {
    let all = [{ kind: 'text', text: body }];
    all = cut(all, CODE, (match) => [{ kind: 'code', text: match[1] ?? '' }, match[0].length]);
    all = cutLinks(all);
    const mention = mentionPattern(names);
    if (!mention)
        return all;
    return cut(all, mention, (match) => [{ kind: 'mention', text: match[0] }, match[0].length]);
}
export function Rich({ body, names }) {
    return (_jsx(_Fragment, { children: pieces(body, names).map(({ kind, text }, at) => {
            switch (kind) {
                case 'link':
                    return (_jsx("a", { href: text, target: "_blank", rel: "noopener noreferrer nofollow", children: text }, at));
                case 'mention': return _jsx("strong", { class: "mention", children: text }, at);
                case 'code': return _jsx("code", { children: text }, at);
                default: return text;
            }
        }) }));
}
export function isRightToLeft(text) {
    const letter = /\p{L}/u.exec(text)?.[0] ?? '';
    return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u.test(letter);
}
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s)+$/u;
const HAS_PICTOGRAPH = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;
export function isLarge(body) {
    if (body.length > 32 || !EMOJI_ONLY.test(body) || !HAS_PICTOGRAPH.test(body))
        return false;
    return [...new Intl.Segmenter().segment(body.replace(/\s/g, ''))].length <= 3;
}
