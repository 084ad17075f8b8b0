import { signal } from '@preact/signals';
import { MAX_FILES } from 'wechat-sdk';
import { t } from './i18n.js';
import { client, say } from './state.js';
const nothing = () => ({ body: '', reply: null, edit: null, mentions: new Map(), files: [] });
const all = new Map();
const described = new WeakMap();
const PATIENCE_MS = 1_500;
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
    if (!more.length)
        return;
    const now = [...one.value.files, ...more];
    if (now.length > MAX_FILES)
        say(t('file.most', { n: MAX_FILES }), true);
    one.value = { ...one.value, edit: null, files: now.slice(0, MAX_FILES) };
    for (const file of more)
        if (file.blob.type.startsWith('video/'))
            describe(one, file);
    composer.focus();
}
function describe(one, file) {
    const work = import('./poster.js').then((module) => module.describe(file)).catch(() => undefined);
    described.set(file, work);
    void work.then(() => { one.value = { ...one.value, files: [...one.value.files] }; });
}
export async function ready(files) {
    const works = files.map((file) => described.get(file)).filter((work) => work !== undefined);
    if (works.length)
        await Promise.race([Promise.all(works), new Promise((done) => setTimeout(done, PATIENCE_MS))]);
}
export function clear(chat) {
    writing(chat).value = nothing();
}
client.changes.listen((topics) => {
    if (topics.has('session') && !client.session)
        all.clear();
});
