import { ApiError } from './rest.js';
const TOGETHER_MS = 250;
export class Cursors {
    line;
    keeper;
    reads = new Map();
    delivering = new Set();
    constructor(line, keeper) {
        this.line = line;
        this.keeper = keeper;
    }
    read(id, seq) {
        const { store } = this.line;
        const chat = store.chats.get(id);
        if (!chat || chat.member.read_seq >= seq)
            return;
        const delivered_seq = Math.max(seq, chat.member.delivered_seq);
        store.moveOwnCursor(id, { read_seq: seq, delivered_seq });
        this.keeper.soil(id);
        this.reads.set(id, seq);
        this.flush();
    }
    flush() {
        if (!this.line.isSynced)
            return;
        for (const [chat, seq] of this.reads) {
            this.reads.delete(chat);
            this.line.ask('read', { chat, seq }).catch((error) => {
                const isOffline = error instanceof ApiError && error.isOffline;
                if (isOffline && !this.reads.has(chat))
                    this.reads.set(chat, seq);
            });
        }
    }
    deliver(id) {
        if (!this.undelivered(id) || this.delivering.has(id))
            return;
        this.delivering.add(id);
        setTimeout(() => {
            this.delivering.delete(id);
            const seq = this.line.isSynced ? this.undelivered(id) : 0;
            if (!seq)
                return;
            this.line.store.moveOwnCursor(id, { delivered_seq: seq });
            this.line.ask('delivered', { chat: id, seq }).catch(() => undefined);
        }, TOGETHER_MS);
    }
    undelivered(id) {
        const held = this.line.store.chats.get(id);
        return held && held.member.delivered_seq < held.chat.head_seq ? held.chat.head_seq : 0;
    }
    clear() {
        this.reads.clear();
    }
}
