const empty = () => ({ body: '', reply: null, mentions: new Map() });
export const nothing = () => ({ ...empty(), edit: null, aside: null, files: [] });
const written = ({ body, reply, mentions }) => ({ body, reply, mentions });
export function beginEdit(now, row, body, mentions) {
    const aside = now.edit ? now.aside : written(now);
    return { body, reply: null, mentions, edit: row, aside, files: now.files };
}
export function endEdit(now) {
    return { ...now, ...(now.aside ?? empty()), edit: null, aside: null };
}
export function beginReply(now, row) {
    return { ...(now.edit ? endEdit(now) : now), reply: row };
}
export function withFiles(now, files) {
    if (!now.edit)
        return { ...now, files };
    const before = now.aside ?? empty();
    const body = [before.body, now.body].filter((text) => text.trim()).join('\n');
    const mentions = new Map([...before.mentions, ...now.mentions]);
    return { body, reply: before.reply, mentions, edit: null, aside: null, files };
}
export function toSaved({ edit, aside, ...now }) {
    const text = (one) => ({ ...written(one), mentions: [...one.mentions] });
    const isEmpty = !now.body && !now.reply && !edit;
    return isEmpty ? null : { ...text(now), edit, aside: aside && text(aside) };
}
export function fromSaved({ edit, aside, ...now }) {
    const text = (one) => ({ ...one, mentions: new Map(one.mentions) });
    return { ...text(now), edit, aside: aside && text(aside), files: [] };
}
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
export function mentionPattern(names) {
    if (!names.length)
        return null;
    const longestFirst = [...names].sort((a, b) => b.length - a.length).map(escaped);
    return new RegExp(`@(?:${longestFirst.join('|')})`, 'gu');
}
export function chosenIn(text, mentions) {
    const pattern = mentionPattern([...mentions.keys()]);
    const found = new Set(pattern ? [...text.matchAll(pattern)].map(([name]) => name.slice(1)) : []);
    return [...mentions].filter(([name]) => found.has(name)).map(([, id]) => id);
}
const ALL = new Map([['all', 'all'], ['todos', 'all']]);
export function mentionsAfter(old, text, chosen) {
    const before = old.body ?? '';
    const told = new Set(chosenIn(before, chosen));
    const untold = (old.mentions ?? []).filter((id) => !told.has(id));
    const mentions = [...new Set([...chosenIn(text, chosen), ...untold])];
    const wasTold = chosenIn(before, ALL).length > 0;
    const mention_all = !!old.mention_all && (!wasTold || chosenIn(text, ALL).length > 0);
    return { mentions, mention_all };
}
export function byteLength(text) {
    let bytes = text.length;
    for (let at = 0; at < text.length; at++) {
        const unit = text.charCodeAt(at);
        if (unit < 0x80)
            continue;
        bytes += unit < 0x800 ? 1 : 2;
        const isPair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
        if (isPair)
            at += 1;
    }
    return bytes;
}
export function room(text, most) {
    const bytes = text.length * 3 < most * 0.8 ? 0 : byteLength(text);
    return { bytes, isNear: bytes > most * 0.8, isOver: bytes > most };
}
