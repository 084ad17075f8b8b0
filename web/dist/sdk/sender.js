import { gone, offline } from './rest.js';
export class Sender {
    line;
    files;
    constructor(line, files) {
        this.line = line;
        this.files = files;
    }
    send(item, signal, outbox) {
        if (item.edit !== undefined)
            return this.edit(item, item.edit);
        return this.sendMessage(item, signal, outbox);
    }
    async sendMessage(item, signal, outbox) {
        const attachments = await this.sendFiles(item, signal, outbox);
        const { chat, client_msg_id, body, reply_to, mentions, mention_all } = item;
        const more = {
            ...(reply_to === undefined ? {} : { reply_to }),
            ...(attachments.length ? { attachments } : {}),
        };
        const message = { chat, client_msg_id, body, mentions, mention_all, ...more };
        return this.line.ask('message.send', message);
    }
    edit(item, seq) {
        const { chat, message, body, mentions, mention_all } = item;
        const held = this.line.store.chats.get(chat)?.rows.get(seq);
        if (held && held.id !== message)
            return Promise.reject(gone());
        return this.line.ask('message.edit', { chat, seq, body, mentions, mention_all });
    }
    async sendFiles(item, signal, outbox) {
        const files = item.files ?? [];
        const total = files.reduce((sum, { blob }) => sum + blob.size, 1);
        let sent = 0;
        for (const file of files) {
            const progress = (part) => {
                outbox.progress.set(item.client_msg_id, (sent + part * file.blob.size) / total);
                this.line.changes.touch(`rows:${item.chat}`);
            };
            const began = () => outbox.keepUploads(item);
            if (!file.id) {
                const made = await this.files.upload(file, { progress, began, signal });
                file.id = made.id;
                this.files.sent(made, file.blob);
                await outbox.keepUploads(item);
            }
            sent += file.blob.size;
            progress(0);
        }
        if (signal.aborted)
            throw offline('It was discarded.');
        return files.map(({ id }) => id ?? '');
    }
}
