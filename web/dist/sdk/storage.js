const uploadsOf = (key) => `files:${key}`;
const DRAFT = 'draft:';
const WORKER = 'worker';
const PRESSED = 'pressed';
const SESSION = 'wechat.session';
const CALL = 'wechat.call';
const OWED = 'wechat.owed';
const TICKET = 'wechat.ticket';
const SERVER = 'wechat.server';
const STORES = ['chats', 'users', 'unsent', 'facts'];
export class Storage {
    db = null;
    lastTicket = '';
    session() {
        try {
            return JSON.parse(localStorage.getItem(SESSION) ?? 'null');
        }
        catch {
            return null;
        }
    }
    setSession(session) {
        try {
            if (session)
                localStorage.setItem(SESSION, JSON.stringify(session));
            else
                localStorage.removeItem(SESSION);
        }
        catch {
        }
    }
    keptCall() {
        try {
            const owed = JSON.parse(localStorage.getItem(OWED) ?? '[]');
            const call = JSON.parse(sessionStorage.getItem(CALL) ?? '{}');
            return { mine: null, isMuted: false, wants: { mic: false, cam: false }, ...call, owed };
        }
        catch {
            return null;
        }
    }
    keepCall(call) {
        try {
            if (call.mine)
                sessionStorage.setItem(CALL, JSON.stringify(call));
            else
                sessionStorage.removeItem(CALL);
        }
        catch {
        }
    }
    keepOwed(owed) {
        try {
            if (owed.length)
                localStorage.setItem(OWED, JSON.stringify(owed));
            else
                localStorage.removeItem(OWED);
        }
        catch {
        }
    }
    ticket() {
        try {
            return localStorage.getItem(TICKET) ?? this.lastTicket;
        }
        catch {
            return this.lastTicket;
        }
    }
    setTicket(ticket) {
        this.lastTicket = ticket;
        try {
            localStorage.setItem(TICKET, ticket);
        }
        catch {
        }
    }
    server() {
        try {
            return JSON.parse(localStorage.getItem(SERVER) ?? 'null');
        }
        catch {
            return null;
        }
    }
    setServer(info) {
        try {
            localStorage.setItem(SERVER, JSON.stringify(info));
        }
        catch {
        }
    }
    async load() {
        const [chats, users, unsent, facts] = await Promise.all([
            this.all('chats'),
            this.all('users'),
            this.all('unsent'),
            this.all('facts'),
        ]);
        const fact = new Map(facts.map(({ id, value }) => [id, value]));
        for (const item of unsent) {
            const came = fact.get(uploadsOf(item.client_msg_id));
            item.files?.forEach((file, at) => Object.assign(file, came?.[at]));
        }
        unsent.sort((a, b) => a.at - b.at || (a.client_msg_id < b.client_msg_id ? -1 : 1));
        const drafts = new Map();
        for (const { id, value } of facts) {
            if (id.startsWith(DRAFT))
                drafts.set(id.slice(DRAFT.length), value);
        }
        const incarnation = fact.get('incarnation');
        const isOne = chats.every((chat) => chat.incarnation === incarnation);
        const nothing = { chats: [], users: [], incarnation: undefined, inbox: 0 };
        const inbox = Number(fact.get('inbox') ?? 0);
        return {
            ...(isOne ? { chats, users, incarnation, inbox } : nothing), unsent, drafts, isMixed: !isOne,
        };
    }
    async save({ isAnew = false, incarnation, inbox, chats = [], gone = [], users = [] }) {
        await this.change((store) => {
            if (isAnew)
                for (const name of ['chats', 'users'])
                    store(name).clear();
            for (const chat of chats) {
                const read = store('chats').get(chat.id);
                read.onsuccess = () => {
                    const other = read.result;
                    const isOld = other?.incarnation === chat.incarnation && other !== undefined
                        && (other.rev > chat.rev || other.member.rev > chat.member.rev);
                    if (!isOld)
                        store('chats').put(chat);
                };
            }
            for (const id of gone)
                store('chats').delete(id);
            for (const user of users)
                store('users').put(user);
            if (inbox === undefined)
                return;
            store('facts').put({ id: 'inbox', value: inbox });
            store('facts').put({ id: 'incarnation', value: incarnation });
        });
    }
    async keepUnsent(item) {
        await this.change((store) => {
            store('unsent').put(item);
            store('facts').delete(uploadsOf(item.client_msg_id));
        });
    }
    async keepUploads({ client_msg_id, files = [] }) {
        const value = files.map(({ id, upload }) => ({ ...(id && { id }), ...(upload && { upload }) }));
        await this.change((store) => store('facts').put({ id: uploadsOf(client_msg_id), value }));
    }
    async dropUnsent(key) {
        await this.change((store) => {
            store('unsent').delete(key);
            store('facts').delete(uploadsOf(key));
        });
    }
    async keepDraft(chat, draft) {
        const id = DRAFT + chat;
        await this.change((store) => {
            if (draft)
                store('facts').put({ id, value: draft });
            else
                store('facts').delete(id);
        });
    }
    async keepForWorker(value) {
        await this.change((store) => store('facts').put({ id: WORKER, value }));
    }
    async takePressed() {
        let found;
        await this.change((store) => {
            const read = store('facts').get(PRESSED);
            read.onsuccess = () => {
                found = read.result;
                if (found)
                    store('facts').delete(PRESSED);
            };
        });
        return found?.value ?? null;
    }
    async clear() {
        this.setSession(null);
        this.keepCall({ mine: null, isMuted: false, wants: { mic: false, cam: false } });
        this.keepOwed([]);
        await this.change((store) => STORES.forEach((name) => store(name).clear()));
    }
    database() {
        this.db ??= new Promise((done) => {
            try {
                const request = indexedDB.open('wechat', 1);
                request.onupgradeneeded = () => {
                    for (const name of STORES) {
                        const keyPath = name === 'unsent' ? 'client_msg_id' : 'id';
                        request.result.createObjectStore(name, { keyPath });
                    }
                };
                request.onsuccess = () => done(request.result);
                request.onerror = () => done(null);
                request.onblocked = () => done(null);
            }
            catch {
                done(null);
            }
        });
        return this.db;
    }
    async all(name) {
        const db = await this.database();
        if (!db)
            return [];
        return new Promise((done) => {
            const request = db.transaction(name).objectStore(name).getAll();
            request.onsuccess = () => done(request.result);
            request.onerror = () => done([]);
        });
    }
    async change(work) {
        const db = await this.database();
        if (!db)
            return;
        await new Promise((done) => {
            try {
                const transaction = db.transaction(STORES, 'readwrite');
                transaction.oncomplete = () => done();
                transaction.onabort = () => done();
                transaction.onerror = () => done();
                work((name) => transaction.objectStore(name));
            }
            catch {
                done();
            }
        });
    }
}
