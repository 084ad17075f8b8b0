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
    wakers = new Map();
    stops = new Map();
    progress = new Map();
    isOpen = false;
    constructor(storage, changes, send, onSent) {
        this.storage = storage;
        this.changes = changes;
        this.send = send;
        this.onSent = onSent;
    }
    of(chat) {
        return this.items.filter((item) => item.chat === chat && item.edit === undefined);
    }
    changeOf({ chat, seq }) {
        return this.items.findLast((item) => item.chat === chat && item.edit === seq);
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
        for (const stop of this.stops.values())
            stop.abort();
    }
    beginAnew() {
        for (const item of this.items) {
            if (item.reply_to === undefined && !item.files)
                continue;
            delete item.reply_to;
            for (const file of item.files ?? []) {
                delete file.id;
                delete file.upload;
            }
            void this.storage.keepUnsent(item);
        }
    }
    open(isOpen) {
        this.isOpen = isOpen;
        if (!isOpen)
            return;
        for (const wake of this.wakers.values())
            wake();
        for (const item of this.items)
            void this.drain(item);
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
        return this.put(item);
    }
    async change(row, change) {
        const waiting = this.changeOf(row);
        const { chat, seq, id } = row;
        const item = {
            client_msg_id: uniqueId(), chat, edit: seq, message: id, at: Date.now(), ...change,
        };
        const kept = this.put(item);
        if (waiting && !this.stops.has(waiting.client_msg_id))
            this.remove(waiting);
        return kept;
    }
    async put(item) {
        this.items.push(item);
        this.changes.touch(`rows:${item.chat}`, 'chats');
        await this.storage.keepUnsent(item);
        void this.drain(item);
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
        for (const file of item.files ?? []) {
            delete file.id;
            delete file.upload;
        }
        void this.storage.keepUnsent(item);
        this.changes.touch(`rows:${item.chat}`, 'chats');
        void this.drain(item);
    }
    discard(key) {
        this.settle(key);
    }
    async keepUploads(item) {
        if (this.items.includes(item))
            await this.storage.keepUploads(item);
    }
    remove(item) {
        this.progress.delete(item.client_msg_id);
        this.stops.get(item.client_msg_id)?.abort();
        this.items = this.items.filter((other) => other !== item);
        void this.storage.dropUnsent(item.client_msg_id);
        this.changes.touch(`rows:${item.chat}`, 'chats');
    }
    async drain({ chat, files }) {
        const lane = `${chat} ${!!files}`;
        if (this.busy.has(lane))
            return;
        this.busy.add(lane);
        let wait = FIRST_WAIT_MS;
        try {
            for (;;) {
                const item = this.items.find((one) => one.chat === chat && !one.files === !files && !one.error);
                if (!item || !this.isOpen)
                    return;
                const passing = await this.attempt(item);
                if (!passing) {
                    wait = FIRST_WAIT_MS;
                    continue;
                }
                await this.pause(lane, Math.max(wait, (passing.problem.retry_after ?? 0) * 1_000), passing.isOffline);
                wait = Math.min(LAST_WAIT_MS, wait * 2);
            }
        }
        finally {
            this.busy.delete(lane);
        }
    }
    async pause(lane, ms, mayWake) {
        await new Promise((done) => {
            const timer = setTimeout(done, ms);
            if (!mayWake)
                return;
            this.wakers.set(lane, () => {
                clearTimeout(timer);
                done();
            });
        });
        this.wakers.delete(lane);
    }
    async attempt(item) {
        const stop = new AbortController();
        this.stops.set(item.client_msg_id, stop);
        try {
            const { message } = await this.send(item, stop.signal);
            this.stops.delete(item.client_msg_id);
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
        finally {
            this.stops.delete(item.client_msg_id);
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
