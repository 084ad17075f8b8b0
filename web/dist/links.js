const BEGIN = /(?<!\w)https?:\/\/(?=[\p{L}\p{N}[])/giu;
const UNSEEN = '\\s\\p{Cc}\\u00ad\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff';
const WIDE = '\\u3000-\\u3004\\u3008-\\u3020\\u3030\\u30fb'
    + '\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65';
const STOP = new RegExp(`[${UNSEEN}${WIDE}<>"\`“”„«»‹›—…]|\\*\\*`, 'u');
const TRAILING = /[\p{Pi}\p{Pf}\p{Ps}–~*'!,.:;?¡¿\\·؛،؟।॥]$/u;
const OPENERS = new Map([[')', '('], [']', '['], ['}', '{']]);
export function linksIn(text) {
    const found = [];
    let end = 0;
    for (const { index, 0: scheme } of text.matchAll(BEGIN)) {
        if (index < end)
            continue;
        const link = scheme + address(text.slice(index + scheme.length));
        if (link.length === scheme.length)
            continue;
        found.push({ at: index, link });
        end = index + link.length;
    }
    return found;
}
function address(text) {
    const stop = STOP.exec(text)?.index ?? text.length;
    let rest = balanced(text.slice(0, stop));
    while (TRAILING.test(rest))
        rest = rest.slice(0, -1);
    return rest;
}
function balanced(text) {
    const open = [];
    for (let at = 0; at < text.length; at++) {
        const sign = text.charAt(at);
        const opener = OPENERS.get(sign);
        if (opener ? open.pop() !== opener : false)
            return text.slice(0, at);
        if ('([{'.includes(sign))
            open.push(sign);
    }
    return text;
}
