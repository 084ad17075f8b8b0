import { ApiError } from './rest.js';
const AGAIN_MS = 5_000;
const MANY = 5;
export class People {
    line;
    keeper;
    wanted = new Set();
    watched = [];
    tellsPresence = true;
    hasLearned = false;
    constructor(line, keeper) {
        this.line = line;
        this.keeper = keeper;
    }
    user(id) {
        const known = this.line.store.users.get(id);
        if (!known)
            this.want(id);
        return known;
    }
    want(id) {
        if (this.wanted.has(id) || !this.line.session)
            return;
        this.wanted.add(id);
        this.line.rest.get(`/users/${id}`).then((user) => this.keeper.keepUsers([user]), (error) => {
            const isPassing = error instanceof ApiError && error.isPassing;
            if (isPassing)
                setTimeout(() => this.wanted.delete(id), AGAIN_MS);
        });
    }
    watch(users) {
        const wanted = [...new Set(users)].slice(0, this.line.limits?.watched).sort();
        if (wanted.join() === this.watched.join())
            return;
        this.watched = wanted;
        if (this.line.isSynced)
            this.sendWatch();
    }
    sendWatch() {
        const { presence } = this.line.store;
        for (const id of presence.keys())
            if (!this.watched.includes(id))
                presence.delete(id);
        if (!this.tellsPresence || !this.watched.length && !presence.size)
            return;
        this.line.ask('presence.watch', { users: this.watched }).catch((error) => {
            if (error instanceof ApiError && !error.isPassing)
                this.tellsPresence = false;
        });
    }
    async learn() {
        const { store, rest } = this.line;
        const peers = [...store.chats.values()].map((chat) => chat.peer(store.me));
        const missing = peers.filter((id) => id && !store.users.has(id));
        if (this.hasLearned && missing.length < MANY) {
            for (const id of missing)
                if (id)
                    this.want(id);
            return;
        }
        let after;
        do {
            const page = await rest.get('/chats', { after, limit: 100 });
            this.keeper.keepUsers(page.users);
            after = page.next ?? undefined;
        } while (after !== undefined);
        this.hasLearned = true;
    }
    clear() {
        this.wanted.clear();
        this.hasLearned = false;
    }
}
