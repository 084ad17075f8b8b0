import { About, shown } from './about.js';
import { AlertSettings } from './alerts.js';
import { Calls } from './calls.js';
import { Changes } from './changes.js';
import { Contacts } from './contacts.js';
import { Cursors } from './cursors.js';
import { Drafts } from './drafts.js';
import { Files } from './files.js';
import { Follower } from './follower.js';
import { instance } from './instance.js';
import { Joining } from './joining.js';
import { Keeper } from './keeper.js';
import { Outbox, uniqueId } from './outbox.js';
import { People } from './people.js';
import { Rest, offline } from './rest.js';
import { Sender } from './sender.js';
import { Socket } from './socket.js';
import { Storage } from './storage.js';
import { ChatState, Store } from './store.js';
const PAGE = 60;
export class Client {
    changes = new Changes();
    store = new Store(this.changes);
    rest;
    about;
    alerts;
    calls;
    contacts;
    files;
    joining;
    outbox;
    drafts;
    session;
    connection = 'off';
    retryAt = null;
    isLoaded = false;
    onEnded = () => undefined;
    onReport = () => undefined;
    onExport = () => undefined;
    onIncoming = () => undefined;
    storage;
    keeper;
    people;
    cursors;
    follower;
    socket = null;
    isStarting = false;
    ahead = 0;
    constructor(options = {}) {
        this.storage = options.storage ?? new Storage();
        this.rest = new Rest(options.base ?? '');
        this.about = new About(this.rest, this.storage, this.changes);
        this.files = new Files(this.rest);
        this.drafts = new Drafts(this.storage);
        this.calls = new Calls(this, this.storage);
        this.alerts = new AlertSettings(this);
        this.contacts = new Contacts(this);
        this.joining = new Joining(this);
        this.keeper = new Keeper(this, this.storage);
        this.people = new People(this, this.keeper);
        this.cursors = new Cursors(this, this.keeper);
        const sender = new Sender(this, this.files);
        const send = (item, signal) => sender.send(item, signal, this.outbox);
        this.outbox = new Outbox(this.storage, this.changes, send, (row) => this.follower.replied(row));
        const { keeper, people, cursors, outbox } = this;
        this.follower = new Follower(this, {
            keeper, people, cursors, outbox,
            open: (chat) => this.open(chat),
            incoming: (row, state) => this.onIncoming(row, state),
        });
        this.session = this.storage.session();
        this.rest.token = this.session?.token ?? null;
    }
    get isSynced() {
        return this.follower.isSynced;
    }
    now() {
        return Date.now() + this.ahead;
    }
    get limits() {
        return this.about.info?.limits ?? null;
    }
    get me() {
        return this.session?.me ?? null;
    }
    signUp(name, email, language, invitation = '') {
        return this.asked('/users', { name, email, language, ...(invitation && { invitation }) });
    }
    askCode(email) {
        return this.asked('/auth/codes', { email });
    }
    async asked(path, what) {
        const sent = await this.rest.post(path, { ...what, ticket: this.storage.ticket() });
        this.storage.setTicket(sent.ticket);
        return sent;
    }
    logIn(email, code, device) {
        return this.begin('/auth/sessions', { email, code, device });
    }
    recover(email, code, device) {
        return this.begin('/auth/recovery', { email, code, device });
    }
    async begin(path, what) {
        const ticket = this.storage.ticket();
        const { token, session, user } = await this.rest.post(path, { ...what, ticket });
        await this.enter({ token, session: session.id, me: user });
    }
    server(machineKey = '') {
        return this.about.ask(machineKey);
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
        this.load(saved);
        this.socket.start();
    }
    load({ chats, users, incarnation, inbox, isMixed, unsent, drafts }) {
        for (const chat of chats) {
            if (!this.store.chats.has(chat.id))
                this.store.chats.set(chat.id, ChatState.fromSaved(chat));
        }
        this.store.addUsers(users);
        this.store.incarnation = incarnation;
        this.store.inbox = inbox;
        this.keeper.begin(isMixed);
        this.outbox.load(unsent);
        this.drafts.load(drafts);
        this.isLoaded = true;
        this.changes.touch('chats', 'session');
    }
    async push() {
        const { Push } = await import('./push.js');
        return new Push(this.rest, this.about, this.storage);
    }
    async logOut() {
        const { session } = this;
        if (session)
            await this.rest.delete(`/auth/sessions/${session.session}`).catch(() => undefined);
        await this.leave();
    }
    async learnMe() {
        this.keepMe(await this.rest.get('/me'));
    }
    async setMe(change) {
        this.keepMe(await this.rest.patch('/me', change));
    }
    askAddress(email) {
        return this.rest.post('/me/address', { email });
    }
    async verifyAddress(email, code) {
        this.keepMe(await this.rest.post('/me/address/verify', { email, code }));
    }
    recoveryState() {
        return this.rest.get('/me/recovery-codes');
    }
    askRecoveryCodes() {
        return this.rest.post('/me/recovery-codes');
    }
    makeRecoveryCodes(code) {
        return this.rest.post('/me/recovery-codes/verify', { code });
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
        this.alerts.value = {};
        this.session = null;
        this.rest.token = null;
        this.isLoaded = false;
        const { follower, keeper, people, cursors, outbox, drafts, files, store } = this;
        for (const part of [follower, keeper, people, cursors, outbox, drafts, files, store]) {
            part.clear();
        }
        await this.storage.clear();
        void this.push().then((push) => push.forget()).catch(() => undefined);
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
        this.keeper.soil(chat.id);
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
        this.keeper.soil(id);
        this.changes.touch(`rows:${id}`);
        return !chat.isWhole;
    }
    read(id, seq) {
        this.cursors.read(id, seq);
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
        this.keeper.soil(chat);
    }
    async forward(row, to) {
        const key = uniqueId();
        const what = { chat: to, from: row.chat, seq: row.seq, client_msg_id: key };
        this.follower.replied((await this.ask('message.forward', what)).message);
    }
    async setChat(id, change) {
        const row = await this.rest.patch(`/chats/${id}`, change);
        this.store.applyMember(row);
        this.keeper.soil(id);
    }
    async change(op, what) {
        const { message } = await this.ask(op, what);
        this.follower.replied(message);
    }
    user(id) {
        return this.people.user(id);
    }
    keepUsers(users) {
        this.keeper.keepUsers(users);
    }
    watchPresence(users) {
        this.people.watch(users);
    }
    startCall(chat, kind) {
        this.calls.start(chat, kind);
    }
    ask(op, data = {}) {
        return this.socket ? this.socket.ask(op, data) : Promise.reject(offline());
    }
    listener() {
        return {
            onLive: (hello) => this.live(hello),
            onEvent: (name, data) => this.happened(name, data),
            onState: (connection, retryAt) => {
                this.connection = connection;
                this.retryAt = retryAt;
                if (connection !== 'live') {
                    this.follower.cut();
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
    live(hello) {
        this.ahead = Date.parse(hello.now) - Date.now() || 0;
        this.rest.instance = this.socket?.isNamed ? this.socket.instance : null;
        this.calls.live();
        this.follower.live(hello);
        this.alerts.load().catch(() => undefined);
        this.joining.load().catch(() => undefined);
    }
    happened(name, data) {
        if (name === 'call')
            this.calls.stands(data);
        else if (name === 'export')
            this.onExport(data);
        else if (name === 'report')
            this.onReport(data);
        else if (name === 'join_request')
            this.joining.heed(data);
        else if (name === 'alerts')
            this.alerts.apply(data);
        else if (name === 'call.signal')
            this.calls.signalled(data);
        else
            this.follower.happened(name, data);
    }
}
