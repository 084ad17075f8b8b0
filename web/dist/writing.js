import { signal } from '@preact/signals';
const nothing = () => ({ body: '', reply: null, edit: null, mentions: new Map(), files: [] });
const all = new Map();
export function writing(chat) {
    const known = all.get(chat) ?? signal(nothing());
    all.set(chat, known);
    return known;
}
export const composer = { focus: () => undefined };
export function replyTo(row) {
    const one = writing(row.chat);
    one.value = { ...one.value, reply: row, edit: null };
    composer.focus();
}
export function editRow(row) {
    const one = writing(row.chat);
    one.value = { ...nothing(), edit: row, body: row.body ?? '' };
    composer.focus();
}
export function addFiles(chat, files) {
    const one = writing(chat);
    const more = [...files].map((file) => ({ blob: file, name: file.name || 'file', kind: 'auto' }));
    one.value = { ...one.value, edit: null, files: [...one.value.files, ...more].slice(0, 20) };
    composer.focus();
}
export function clear(chat) {
    writing(chat).value = nothing();
}
export function forgetWriting() {
    all.clear();
}
