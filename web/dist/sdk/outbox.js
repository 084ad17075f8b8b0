import { ApiError } from './rest.js';
const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 30_000;
export class Outbox {
    storage;
    changes;
    send;
    onSent;
    items = [];
    busy = new Set();
    progress = new Map();
    isOpen = false;
    constructor(storage, changes, send, onSent) {
        this.storage = storage;
        this.changes = changes;
        this.send = send;
        this.onSent = onSent;
    }
    of(chat) {
        return this.items.filter((item) => item.chat === chat);
    }
    has(item) {
        return this.items.includes(item);
    }
    get size() {
        return this.items.length;
    }
    load(items) {
        this.items = items;
        for (const { chat } of items)
            this.changes.touch(`rows:${chat}`, 'chats');
    }
    clear() {
        this.items = [];
        this.isOpen = false;
    }
    open(isOpen) {
        this.isOpen = isOpen;
        if (isOpen)
            for (const chat of new Set(this.items.map((item) => item.chat)))
                void this.drain(chat);
    }
    async add(chat, draft) {
        const item = {
            client_msg_id: uniqueId(),
            chat,
            body: draft.body,
            mentions: draft.mentions ?? [],
            mention_all: draft.mention_all ?? false,
            at: Date.now(),
            ...(draft.reply_to === undefined ? {} : { reply_to: draft.reply_to }),
            ...(draft.files?.length ? { files: draft.files } : {}),
        };
        this.items.push(item);
        this.changes.touch(`rows:${chat}`, 'chats');
        await this.storage.keepUnsent(item);
        void this.drain(chat);
        return item;
    }
    settle(key) {
        const item = this.items.find(({ client_msg_id }) => client_msg_id === key);
        if (item)
            this.remove(item);
    }
    retry(key) {
        const item = this.items.find(({ client_msg_id }) => client_msg_id === key);
        if (!item)
            return;
        delete item.error;
        void this.storage.keepUnsent(item);
        this.changes.touch(`rows:${item.chat}`, 'chats');
        void this.drain(item.chat);
    }
    discard(key) {
        this.settle(key);
    }
    async keep(item) {
        if (this.items.includes(item))
            await this.storage.keepUnsent(item);
    }
    remove(item) {
        this.progress.delete(item.client_msg_id);
        this.items = this.items.filter((other) => other !== item);
        void this.storage.dropUnsent(item.client_msg_id);
        this.changes.touch(`rows:${item.chat}`, 'chats');
    }
    async drain(chat) {
        if (this.busy.has(chat))
            return;
        this.busy.add(chat);
        let wait = FIRST_WAIT_MS;
        try {
            for (;;) {
                const item = this.items.find((one) => one.chat === chat && !one.error);
                if (!item || !this.isOpen)
                    return;
                const passing = await this.attempt(item);
                if (!passing) {
                    wait = FIRST_WAIT_MS;
                    continue;
                }
                const ms = Math.max(wait, (passing.problem.retry_after ?? 0) * 1_000);
                wait = Math.min(LAST_WAIT_MS, wait * 2);
                await new Promise((done) => setTimeout(done, ms));
            }
        }
        finally {
            this.busy.delete(chat);
        }
    }
    async attempt(item) {
        try {
            const { message } = await this.send(item);
            this.onSent(message);
            this.remove(item);
            return null;
        }
        catch (error) {
            if (!(error instanceof ApiError))
                throw error;
            if (!this.items.includes(item))
                return null;
            if (error.isPassing)
                return error;
            item.error = error.message;
            await this.storage.keepUnsent(item);
            this.changes.touch(`rows:${item.chat}`, 'chats');
            return null;
        }
    }
}
export function uniqueId(now = Date.now()) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    for (let at = 0; at < 6; at++)
        bytes[at] = Math.floor(now / 2 ** (8 * (5 - at))) & 0xff;
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
