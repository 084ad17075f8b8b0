import { Calls } from './calls.js';
import { Changes } from './changes.js';
import { Drafts } from './drafts.js';
import { Files } from './files.js';
import { instance } from './instance.js';
import { Outbox, uniqueId } from './outbox.js';
import { ApiError, Rest, gone, offline } from './rest.js';
import { Socket } from './socket.js';
import { Storage } from './storage.js';
import { ChatState, Store } from './store.js';
const LATEST = 12;
const KEPT = 60;
const SAVE_MS = 400;
const PAGE = 60;
const CHATS_A_FRAME = 1_000;
const shown = (machineKey) => (machineKey ? { 'machine-key': machineKey } : {});
export class Client {
    changes = new Changes();
    store = new Store(this.changes);
    rest;
    calls;
    files;
    outbox;
    drafts;
    session;
    connection = 'off';
    retryAt = null;
    isSynced = false;
    isLoaded = false;
    onEnded = () => undefined;
    onIncoming = () => undefined;
    storage;
    socket = null;
    isStarting = false;
    ahead = 0;
    isSyncing = false;
    losses = 0;
    isComplete = false;
    dirty = new Set();
    gone = new Set();
    isAnew = false;
    freshUsers = new Map();
    saving;
    reads = new Map();
    wanted = new Set();
    delivering = new Set();
    watched = [];
    tellsPresence = true;
    hasLearned = false;
    constructor(options = {}) {
        this.storage = options.storage ?? new Storage();
        this.rest = new Rest(options.base ?? '');
        const send = (item, signal) => item.edit === undefined ? this.sendNow(item, signal) : this.editNow(item, item.edit);
        this.outbox = new Outbox(this.storage, this.changes, send, (row) => this.replied(row));
        this.drafts = new Drafts(this.storage);
        this.calls = new Calls(this, this.storage);
        this.files = new Files(this.rest);
        this.session = this.storage.session();
        this.rest.token = this.session?.token ?? null;
    }
    now() {
        return Date.now() + this.ahead;
    }
    get me() {
        return this.session?.me ?? null;
    }
    signUp(name, email, language) {
        return this.asked('/users', { name, email, language });
    }
    askCode(email) {
        return this.asked('/auth/codes', { email });
    }
    async asked(path, what) {
        const sent = await this.rest.post(path, { ...what, ticket: this.storage.ticket() });
        this.storage.setTicket(sent.ticket);
        return sent;
    }
    async logIn(email, code, device) {
        const ticket = this.storage.ticket();
        const { token, session, user } = await this.rest.post('/auth/sessions', { email, code, device, ticket });
        await this.enter({ token, session: session.id, me: user });
    }
    server(machineKey = '') {
        return this.rest.ask('/server', { headers: shown(machineKey) });
    }
    async demo(person, device, machineKey) {
        const body = { user: person, device };
        const { token, session, user } = await this.rest.ask('/demo/sessions', {
            method: 'POST', body, headers: shown(machineKey),
        });
        await this.enter({ token, session: session.id, me: user });
    }
    async enter(session) {
        const before = this.storage.session();
        if (before && before.me.id !== session.me.id)
            await this.storage.clear();
        this.session = session;
        this.rest.token = session.token;
        this.storage.setSession(session);
        this.changes.touch('session');
        await this.start();
    }
    async start() {
        if (!this.session || this.socket || this.isStarting)
            return;
        this.store.me = this.session.me.id;
        const origin = this.rest.base || location.origin;
        const url = `${origin.replace(/^http/, 'ws')}/api/v1/ws`;
        const { token } = this.session;
        this.isStarting = true;
        const [saved, name] = await Promise.all([this.storage.load(), instance()]);
        this.isStarting = false;
        if (!this.session)
            return;
        this.socket = new Socket(url, token, name, this.listener());
        for (const chat of saved.chats) {
            if (!this.store.chats.has(chat.id))
                this.store.chats.set(chat.id, ChatState.fromSaved(chat));
        }
        this.store.addUsers(saved.users);
        this.store.incarnation = saved.incarnation;
        this.store.inbox = saved.inbox;
        this.isAnew = saved.isMixed;
        this.outbox.load(saved.unsent);
        this.drafts.load(saved.drafts);
        this.isLoaded = true;
        this.changes.touch('chats', 'session');
        this.socket.start();
    }
    async logOut() {
        const { session } = this;
        if (session)
            await this.rest.delete(`/auth/sessions/${session.session}`).catch(() => undefined);
        await this.leave();
    }
    async setMe(change) {
        this.keepMe(await this.rest.patch('/me', change));
    }
    async setPicture(picture) {
        this.keepMe(await this.putPicture('/me/avatar', picture));
    }
    async setGroupPicture(group, picture) {
        this.store.applyChat(await this.putPicture(`/groups/${group}/avatar`, picture));
    }
    async putPicture(path, picture) {
        if (!picture)
            return this.rest.delete(path);
        const file = { blob: picture, name: 'picture', kind: 'auto' };
        const { id } = await this.files.upload(file, { progress: () => undefined });
        return this.rest.put(path, { file: id });
    }
    async deleteAccount() {
        await this.rest.delete('/me');
        await this.leave();
    }
    keepMe(me) {
        if (!this.session)
            return;
        this.session = { ...this.session, me };
        this.storage.setSession(this.session);
        this.changes.touch('session');
    }
    async leave() {
        this.socket?.stop();
        this.socket = null;
        this.calls.clear();
        this.session = null;
        this.rest.token = null;
        this.isSynced = this.isComplete = this.isLoaded = this.hasLearned = false;
        clearTimeout(this.saving);
        this.saving = undefined;
        this.isAnew = false;
        this.dirty.clear();
        this.outbox.clear();
        this.drafts.clear();
        this.files.clear();
        this.store.clear();
        await this.storage.clear();
        this.changes.touch('session', 'connection');
    }
    send(chat, draft) {
        return this.outbox.add(chat, draft);
    }
    async open(id) {
        return this.addOpen(await this.rest.get(`/chats/${id}`));
    }
    async openDirect(user) {
        return this.addOpen(await this.rest.post('/chats', { user }));
    }
    addOpen({ chat, member, last, users }) {
        this.keepUsers(users);
        const state = this.store.addChat(chat, member);
        if (last && state.floor === Infinity) {
            state.put(last);
            state.lower(last.seq);
        }
        this.soil(chat.id);
        this.changes.touch(`rows:${chat.id}`);
        return state;
    }
    async older(id, limit = PAGE) {
        const held = this.store.chats.get(id);
        if (!held || held.isWhole)
            return false;
        const before = held.floor === Infinity ? undefined : held.floor;
        const page = await this.rest.get(`/chats/${id}/messages`, { before, limit });
        const chat = this.store.chats.get(id);
        if (!chat)
            return false;
        this.keepUsers(page.users);
        if (chat !== held || chat.floor !== (before ?? Infinity))
            return !chat.isWhole;
        chat.putPage(page.messages, page.messages.length < limit);
        this.soil(id);
        this.changes.touch(`rows:${id}`);
        return !chat.isWhole;
    }
    read(id, seq) {
        const chat = this.store.chats.get(id);
        if (!chat || chat.member.read_seq >= seq)
            return;
        this.store.moveOwnCursor(id, { read_seq: seq, delivered_seq: Math.max(seq, chat.member.delivered_seq) });
        this.soil(id);
        this.reads.set(id, seq);
        this.flushReads();
    }
    typing(chat, on) {
        this.ask('typing', { chat, on }).catch(() => undefined);
    }
    edit(row, body, mentions = row.mentions ?? [], mention_all = !!row.mention_all) {
        return this.outbox.change(row, { body, mentions, mention_all });
    }
    async delete({ chat, seq }) {
        await this.change('message.delete', { chat, seq });
    }
    async react({ chat, seq }, emoji, on) {
        await this.change('message.react', { chat, seq, emoji, on });
    }
    async pin({ chat, seq }, on) {
        await this.change('message.pin', { chat, seq, on });
    }
    async hide({ chat, seq }) {
        const { member } = await this.ask('message.hide', { chat, seqs: [seq] });
        this.store.chats.get(chat)?.hidden.add(seq);
        if (member)
            this.store.applyMember(member);
        this.soil(chat);
    }
    async forward(row, to) {
        const key = uniqueId();
        const what = { chat: to, from: row.chat, seq: row.seq, client_msg_id: key };
        this.replied((await this.ask('message.forward', what)).message);
    }
    async setChat(id, change) {
        const row = await this.rest.patch(`/chats/${id}`, change);
        this.store.applyMember(row);
        this.soil(id);
    }
    async change(op, what) {
        const { message } = await this.ask(op, what);
        this.replied(message);
    }
    user(id) {
        const known = this.store.users.get(id);
        if (!known)
            this.wantUser(id);
        return known;
    }
    keepUsers(users) {
        for (const user of this.store.addUsers(users))
            this.freshUsers.set(user.id, user);
        this.saveSoon();
    }
    wantUser(id) {
        if (this.wanted.has(id) || !this.session)
            return;
        this.wanted.add(id);
        this.rest.get(`/users/${id}`).then((user) => this.keepUsers([user]), (error) => {
            if (error instanceof ApiError && error.isPassing)
                setTimeout(() => this.wanted.delete(id), 5_000);
        });
    }
    watchPresence(users) {
        const wanted = [...new Set(users)].slice(0, 100).sort();
        if (wanted.join() === this.watched.join())
            return;
        this.watched = wanted;
        if (this.isSynced)
            this.sendWatch();
    }
    sendWatch() {
        const { presence } = this.store;
        for (const id of presence.keys())
            if (!this.watched.includes(id))
                presence.delete(id);
        if (this.tellsPresence && (this.watched.length || presence.size)) {
            this.ask('presence.watch', { users: this.watched }).catch((error) => {
                if (error instanceof ApiError && !error.isPassing)
                    this.tellsPresence = false;
            });
        }
    }
    startCall(chat, kind) {
        this.calls.start(chat, kind);
    }
    ask(op, data = {}) {
        return this.socket ? this.socket.ask(op, data) : Promise.reject(offline());
    }
    listener() {
        return {
            onLive: ({ now, incarnation }) => {
                this.ahead = Date.parse(now) - Date.now() || 0;
                this.rest.instance = this.socket?.isNamed ? this.socket.instance : null;
                if (!this.store.incarnation && !this.store.inbox)
                    this.store.incarnation = incarnation;
                this.isSynced = false;
                this.calls.live();
                this.sync();
            },
            onEvent: (name, data) => this.happened(name, data),
            onState: (connection, retryAt) => {
                this.connection = connection;
                this.retryAt = retryAt;
                if (connection !== 'live') {
                    this.isSynced = this.isComplete = false;
                    this.losses++;
                    this.outbox.open(false);
                    this.calls.cut();
                }
                this.changes.touch('connection');
            },
            onRefused: (code) => {
                if (code === 4501)
                    return;
                void this.leave().then(() => this.onEnded());
            },
        };
    }
    happened(name, data) {
        switch (name) {
            case 'message':
                this.cameIn(data);
                break;
            case 'chat':
                if (!this.store.applyChat(data))
                    this.sync();
                else
                    this.soil(data.id);
                if (data.kind === 'direct' && this.isSynced)
                    this.sendWatch();
                break;
            case 'member':
                this.memberMoved(data);
                break;
            case 'receipt':
                this.store.applyReceipt(data);
                this.soil(data.chat);
                break;
            case 'typing':
                this.typed(data);
                break;
            case 'presence':
                this.store.presence.set(data.user, data);
                this.changes.touch('presence');
                break;
            case 'resync':
                this.sync();
                break;
            case 'call':
                this.calls.stands(data);
                break;
            case 'call.signal':
                this.calls.signalled(data);
                break;
            default:
                break;
        }
    }
    cameIn(row) {
        const held = this.store.chats.get(row.chat);
        const isNew = !held?.rows.has(row.seq) && row.seq > (held?.member.read_seq ?? 0);
        const state = this.store.applyMessage(row, 'event', this.isComplete);
        if (row.client_msg_id && row.from === this.store.me)
            this.outbox.settle(row.client_msg_id);
        if (!state)
            return this.sync();
        this.soil(row.chat);
        const isMine = row.from === this.store.me;
        if (!isMine)
            this.deliver(row.chat);
        if (isNew && !isMine && row.kind !== 'deleted')
            this.onIncoming(row, state);
        if (row.event && endsMembership(row, this.store.me))
            this.drop(row.chat);
    }
    memberMoved(row) {
        if (row.state !== 'active')
            this.drop(row.chat);
        else if (!this.store.applyMember(row))
            this.sync();
        else
            this.soil(row.chat);
    }
    typed(data) {
        this.store.applyTyping(data);
        if (data.for_ms > 0)
            setTimeout(() => this.changes.touch('chats', `chat:${data.chat}`), data.for_ms + 50);
    }
    drop(chat) {
        this.store.forget(chat);
        this.gone.add(chat);
        this.saveSoon();
    }
    replied(row) {
        const state = this.store.applyMessage(row, 'reply');
        if (!state)
            this.sync();
        this.soil(row.chat);
    }
    async sendNow(item, signal) {
        const attachments = await this.sendFiles(item, signal);
        const { chat, client_msg_id, body, reply_to, mentions, mention_all } = item;
        const more = {
            ...(reply_to === undefined ? {} : { reply_to }),
            ...(attachments.length ? { attachments } : {}),
        };
        return this.ask('message.send', { chat, client_msg_id, body, mentions, mention_all, ...more });
    }
    editNow({ chat, message, body, mentions, mention_all }, seq) {
        const held = this.store.chats.get(chat)?.rows.get(seq);
        if (held && held.id !== message)
            return Promise.reject(gone());
        return this.ask('message.edit', { chat, seq, body, mentions, mention_all });
    }
    async sendFiles(item, signal) {
        const files = item.files ?? [];
        const total = files.reduce((sum, { blob }) => sum + blob.size, 1);
        let sent = 0;
        for (const file of files) {
            const progress = (part) => {
                this.outbox.progress.set(item.client_msg_id, (sent + part * file.blob.size) / total);
                this.changes.touch(`rows:${item.chat}`);
            };
            const began = () => this.outbox.keepUploads(item);
            if (!file.id) {
                const made = await this.files.upload(file, { progress, began, signal });
                file.id = made.id;
                this.files.sent(made, file.blob);
                await this.outbox.keepUploads(item);
            }
            sent += file.blob.size;
            progress(0);
        }
        if (signal.aborted)
            throw offline('It was discarded.');
        return files.map(({ id }) => id ?? '');
    }
    sync() {
        this.losses++;
        this.isComplete = false;
        if (!this.isSyncing)
            void this.syncAll();
    }
    async syncAll() {
        this.isSyncing = true;
        try {
            let asked;
            do
                asked = this.losses;
            while (await this.syncOnce() || asked !== this.losses);
        }
        catch (error) {
            if (!(error instanceof ApiError))
                throw error;
            const ms = Math.max(2, error.problem.retry_after ?? 0) * 1_000;
            if (this.socket?.isLive)
                setTimeout(() => this.sync(), ms);
            return;
        }
        finally {
            this.isSyncing = false;
        }
        this.store.settle();
        this.isSynced = this.isComplete = true;
        this.changes.touch('connection', 'chats');
        this.outbox.open(true);
        this.flushReads();
        this.sendWatch();
        for (const id of this.store.chats.keys())
            this.deliver(id);
        this.saveSoon();
        await this.learnPeers().catch(() => undefined);
    }
    async syncOnce() {
        const { store } = this;
        const held = [...store.chats.values()];
        const chats = Object.fromEntries(held.map(({ id, rev }) => [id, rev]));
        const { incarnation, inbox } = store;
        const have = { ...(incarnation && { incarnation }), inbox, chats, latest: LATEST };
        const news = store.chats.size > CHATS_A_FRAME
            ? await this.rest.post('/sync', have)
            : await this.ask('sync', have);
        if (news.reset) {
            this.beginAnew(news.incarnation);
            return true;
        }
        if (held.some((state) => store.chats.get(state.id) !== state))
            return true;
        const anew = news.memberships.filter((row) => store.chats.get(row.chat)?.isOtherStay(row));
        if (anew.length) {
            for (const { chat } of anew)
                store.forget(chat);
            return true;
        }
        const members = new Map(news.memberships.map((row) => [row.chat, row]));
        for (const page of news.chats) {
            if (members.get(page.chat.id)?.state === 'left')
                continue;
            if (store.applyNews(page, members.get(page.chat.id)))
                this.soil(page.chat.id);
            this.settleOwn(page.messages);
        }
        for (const row of news.memberships)
            this.memberSynced(row);
        store.incarnation = news.incarnation;
        store.inbox = news.inbox;
        return news.more;
    }
    beginAnew(incarnation) {
        this.store.clear();
        this.store.incarnation = incarnation;
        this.outbox.beginAnew();
        for (const waiting of [this.reads, this.wanted, this.dirty, this.gone, this.freshUsers])
            waiting.clear();
        this.hasLearned = false;
        this.isAnew = true;
        this.saveSoon();
    }
    settleOwn(rows) {
        for (const row of rows) {
            if (row.client_msg_id && row.from === this.store.me)
                this.outbox.settle(row.client_msg_id);
        }
    }
    memberSynced(row) {
        if (row.state !== 'active')
            return this.drop(row.chat);
        if (this.store.applyMember(row))
            this.soil(row.chat);
        else
            this.open(row.chat).catch(() => undefined);
    }
    async learnPeers() {
        const peers = [...this.store.chats.values()].map((chat) => chat.peer(this.store.me));
        const missing = peers.filter((id) => id && !this.store.users.has(id));
        if (this.hasLearned && missing.length < 5) {
            for (const id of missing)
                if (id)
                    this.wantUser(id);
            return;
        }
        let after;
        do {
            const page = await this.rest.get('/chats', { after, limit: 100 });
            this.keepUsers(page.users);
            after = page.next ?? undefined;
        } while (after !== undefined);
        this.hasLearned = true;
    }
    deliver(id) {
        const chat = this.store.chats.get(id);
        if (!chat || chat.member.delivered_seq >= chat.chat.head_seq || this.delivering.has(id))
            return;
        this.delivering.add(id);
        setTimeout(() => {
            this.delivering.delete(id);
            const now = this.store.chats.get(id);
            if (!now || !this.isSynced || now.member.delivered_seq >= now.chat.head_seq)
                return;
            const seq = now.chat.head_seq;
            this.store.moveOwnCursor(id, { delivered_seq: seq });
            this.ask('delivered', { chat: id, seq }).catch(() => undefined);
        }, 250);
    }
    flushReads() {
        if (!this.isSynced)
            return;
        for (const [chat, seq] of this.reads) {
            this.reads.delete(chat);
            this.ask('read', { chat, seq }).catch((error) => {
                if (error instanceof ApiError && error.isOffline && !this.reads.has(chat))
                    this.reads.set(chat, seq);
            });
        }
    }
    soil(chat) {
        this.dirty.add(chat);
        this.saveSoon();
    }
    saveSoon() {
        this.saving ??= setTimeout(() => void this.save(), SAVE_MS);
    }
    async save() {
        this.saving = undefined;
        if (!this.session)
            return;
        const states = [...this.dirty].map((id) => this.store.chats.get(id));
        const { incarnation, inbox } = this.store;
        const held = states.filter((one) => one !== undefined);
        const chats = held.map((one) => ({ ...one.toSaved(KEPT), incarnation }));
        const [isAnew, gone, users] = [this.isAnew, [...this.gone], [...this.freshUsers.values()]];
        const batch = { isAnew, incarnation, inbox, chats, gone, users };
        this.isAnew = false;
        this.dirty.clear();
        this.gone.clear();
        this.freshUsers.clear();
        await this.storage.save(batch);
    }
}
function endsMembership({ event, from }, me) {
    switch (event?.type) {
        case 'member_removed':
        case 'member_banned':
            return event.user === me;
        case 'left':
            return from === me;
        case 'group_deleted':
            return true;
        default:
            return false;
    }
}
