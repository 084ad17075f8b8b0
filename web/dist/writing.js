import { signal } from '@preact/signals';
import { beginEdit, beginReply, endEdit, fromSaved, mentionsAfter, nothing, toSaved, withFiles, } from './draft.js';
import { t } from './i18n.js';
import { client, say } from './state.js';
const all = new Map();
const described = new WeakMap();
const PATIENCE_MS = 1_500;
export function writing(chat) {
    const known = all.get(chat);
    if (known)
        return known;
    const saved = client.drafts.of(chat);
    const made = signal(saved ? fromSaved(saved) : nothing());
    all.set(chat, made);
    made.subscribe((now) => { if (client.session)
        client.drafts.keep(chat, toSaved(now)); });
    return made;
}
export const composer = { focus: () => undefined };
export function replyTo(row) {
    const one = writing(row.chat);
    one.value = beginReply(one.value, row);
    composer.focus();
}
export function editRow(row) {
    const one = writing(row.chat);
    const { body, mentions, mention_all } = client.outbox.changeOf(row) ?? row;
    const shown = {
        ...row, body: body ?? '', mentions: mentions ?? [], mention_all: !!mention_all,
    };
    const names = new Map((mentions ?? []).map((id) => [client.user(id)?.name ?? '', id]));
    names.delete('');
    one.value = beginEdit(one.value, shown, shown.body ?? '', names);
    composer.focus();
}
export async function saveEdit(chat, text) {
    const one = writing(chat);
    const { edit, mentions } = one.value;
    if (!edit)
        return;
    const after = mentionsAfter(edit, text, mentions);
    const kept = text === edit.body ? null : client.edit(edit, text, after.mentions, after.mention_all);
    one.value = endEdit(one.value);
    await kept;
}
export function dropAbout(chat) {
    const one = writing(chat);
    one.value = one.value.edit ? endEdit(one.value) : { ...one.value, reply: null };
}
export function addFiles(chat, files) {
    const state = client.store.chats.get(chat);
    if (state && !client.contacts.lets(state, 'send files')) {
        say(t('request.texts_only'), true);
        return;
    }
    const one = writing(chat);
    const more = [...files]
        .map((file) => ({ blob: file, name: file.name || 'file', kind: 'auto' }));
    if (!more.length)
        return;
    const now = [...one.value.files, ...more];
    const most = client.limits?.message_files ?? Infinity;
    if (now.length > most)
        say(t('file.most', { n: most }), true);
    one.value = withFiles(one.value, now.slice(0, most));
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
    if (works.length) {
        await Promise.race([Promise.all(works), new Promise((done) => setTimeout(done, PATIENCE_MS))]);
    }
}
export function clear(chat) {
    writing(chat).value = nothing();
}
client.changes.listen((topics) => {
    if (topics.has('session') && !client.session)
        all.clear();
});
