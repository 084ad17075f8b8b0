const KEPT = 60;
const SAVE_MS = 400;
export class Keeper {
    line;
    storage;
    dirty = new Set();
    gone = new Set();
    users = new Map();
    isAnew = false;
    saving;
    constructor(line, storage) {
        this.line = line;
        this.storage = storage;
    }
    soil(chat) {
        this.dirty.add(chat);
        this.saveSoon();
    }
    drop(chat) {
        this.gone.add(chat);
        this.saveSoon();
    }
    keepUsers(users) {
        for (const user of this.line.store.addUsers(users))
            this.users.set(user.id, user);
        this.saveSoon();
    }
    begin(isMixed) {
        this.isAnew = isMixed;
    }
    beginAnew() {
        for (const waiting of [this.dirty, this.gone, this.users])
            waiting.clear();
        this.isAnew = true;
        this.saveSoon();
    }
    clear() {
        clearTimeout(this.saving);
        this.saving = undefined;
        this.isAnew = false;
        for (const waiting of [this.dirty, this.gone, this.users])
            waiting.clear();
    }
    saveSoon() {
        this.saving ??= setTimeout(() => void this.save(), SAVE_MS);
    }
    async save() {
        this.saving = undefined;
        if (!this.line.session)
            return;
        const { store } = this.line;
        const { incarnation, inbox } = store;
        const held = [...this.dirty].map((id) => store.chats.get(id))
            .filter((one) => one !== undefined);
        const chats = held.map((one) => ({ ...one.toSaved(KEPT), incarnation }));
        const [isAnew, gone, users] = [this.isAnew, [...this.gone], [...this.users.values()]];
        const batch = { isAnew, incarnation, inbox, chats, gone, users };
        this.isAnew = false;
        this.dirty.clear();
        this.gone.clear();
        this.users.clear();
        await this.storage.save(batch);
    }
}
