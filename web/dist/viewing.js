import { signal } from '@preact/signals';
import { attachmentsOf } from './files_text.js';
import { attempt, client } from './state.js';
export const viewing = signal(null);
export function view(state, id) {
    const all = state.messages.filter(({ kind }) => kind === 'text').flatMap((row) => attachmentsOf(row).filter(({ kind }) => kind === 'image' || kind === 'video')
        .map((file) => ({ file, by: row.from_name, sent: row.sent })));
    viewing.value = { all, at: Math.max(0, all.findIndex(({ file }) => file.id === id)) };
}
export function viewFace(id, name) {
    const url = `/api/v1/files/${id}`;
    const file = { id, kind: 'image', name, url, large_url: `${url}?size=large` };
    viewing.value = { all: [{ file, by: name, sent: '' }], at: 0 };
}
export async function save({ id, name }) {
    const url = await attempt(client.files.link(id));
    if (!url)
        return;
    const anchor = document.createElement('a');
    anchor.href = `${url}&download=1`;
    anchor.download = name;
    anchor.rel = 'noopener';
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
}
