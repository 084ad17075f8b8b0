export class Drafts {
    storage;
    all = new Map();
    writing = new Map();
    constructor(storage) {
        this.storage = storage;
    }
    load(saved) {
        for (const [chat, draft] of saved)
            if (!this.all.has(chat))
                this.all.set(chat, draft);
    }
    of(chat) {
        return this.all.get(chat);
    }
    keep(chat, draft) {
        if (draft)
            this.all.set(chat, draft);
        else if (!this.all.delete(chat))
            return;
        if (this.writing.has(chat))
            this.writing.set(chat, true);
        else
            void this.write(chat);
    }
    clear() {
        this.all.clear();
        this.writing.clear();
    }
    async write(chat) {
        do {
            this.writing.set(chat, false);
            await this.storage.keepDraft(chat, this.all.get(chat) ?? null);
        } while (this.writing.get(chat));
        this.writing.delete(chat);
    }
}
