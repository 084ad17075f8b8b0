import { ApiError } from './rest.js';
const LATEST = 12;
const CHATS_A_FRAME = 1_000;
const AGAIN_S = 2;
export class Follower {
    line;
    parts;
    isSynced = false;
    isSyncing = false;
    losses = 0;
    isComplete = false;
    constructor(line, parts) {
        this.line = line;
        this.parts = parts;
    }
    live({ incarnation }) {
        const { store } = this.line;
        if (!store.incarnation && !store.inbox)
            store.incarnation = incarnation;
        this.isSynced = false;
        this.sync();
    }
    cut() {
        this.isSynced = this.isComplete = false;
        this.losses++;
        this.parts.outbox.open(false);
    }
    clear() {
        this.isSynced = this.isComplete = false;
    }
    happened(name, data) {
        switch (name) {
            case 'message': return this.cameIn(data);
            case 'chat': return this.chatMoved(data);
            case 'member': return this.memberMoved(data);
            case 'receipt': return this.receiptMoved(data);
            case 'typing': return this.typed(data);
            case 'presence': return this.presenceMoved(data);
            case 'resync': return this.sync();
            default:
        }
    }
    cameIn(row) {
        const { store } = this.line;
        const held = store.chats.get(row.chat);
        const isNew = !held?.rows.has(row.seq) && row.seq > (held?.member.read_seq ?? 0);
        const state = store.applyMessage(row, 'event', this.isComplete);
        this.settleOwn([row]);
        if (!state)
            return this.sync();
        this.parts.keeper.soil(row.chat);
        const isMine = row.from === store.me;
        if (!isMine)
            this.parts.cursors.deliver(row.chat);
        if (isNew && !isMine && row.kind !== 'deleted')
            this.parts.incoming(row, state);
        const isOver = row.event && endsMembership(row, store.me);
        if (isOver && row.seq >= state.member.join_seq)
            this.drop(row.chat);
    }
    chatMoved(row) {
        if (!this.line.store.applyChat(row))
            this.sync();
        else
            this.parts.keeper.soil(row.id);
        if (row.kind === 'direct' && this.isSynced)
            this.parts.people.sendWatch();
    }
    memberMoved(row) {
        const held = this.line.store.chats.get(row.chat);
        if (held && held.member.rev > row.rev)
            return;
        if (row.state !== 'active')
            this.drop(row.chat);
        else if (!this.line.store.applyMember(row))
            this.sync();
        else
            this.parts.keeper.soil(row.chat);
    }
    receiptMoved(row) {
        this.line.store.applyReceipt(row);
        this.parts.keeper.soil(row.chat);
    }
    typed(data) {
        const { store, changes } = this.line;
        store.applyTyping(data);
        if (data.for_ms <= 0)
            return;
        setTimeout(() => changes.touch('chats', `chat:${data.chat}`), data.for_ms + 50);
    }
    presenceMoved(row) {
        this.line.store.presence.set(row.user, row);
        this.line.changes.touch('presence');
    }
    replied(row) {
        if (!this.line.store.applyMessage(row, 'reply'))
            this.sync();
        this.parts.keeper.soil(row.chat);
    }
    drop(chat) {
        this.line.store.forget(chat);
        this.parts.keeper.drop(chat);
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
            const ms = Math.max(AGAIN_S, error.problem.retry_after ?? 0) * 1_000;
            if (this.line.connection === 'live')
                setTimeout(() => this.sync(), ms);
            return;
        }
        finally {
            this.isSyncing = false;
        }
        await this.caughtUp();
    }
    async caughtUp() {
        const { store, changes } = this.line;
        const { outbox, cursors, people, keeper } = this.parts;
        store.settle();
        this.isSynced = this.isComplete = true;
        changes.touch('connection', 'chats');
        outbox.open(true);
        cursors.flush();
        people.sendWatch();
        for (const id of store.chats.keys())
            cursors.deliver(id);
        keeper.saveSoon();
        await people.learn().catch(() => undefined);
    }
    async syncOnce() {
        const { store } = this.line;
        const held = [...store.chats.values()];
        const news = await this.askNews(held);
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
        this.apply(news);
        return news.more;
    }
    askNews(held) {
        const { incarnation, inbox } = this.line.store;
        const chats = Object.fromEntries(held.map(({ id, rev }) => [id, rev]));
        const have = { ...(incarnation && { incarnation }), inbox, chats, latest: LATEST };
        if (held.length > CHATS_A_FRAME)
            return this.line.rest.post('/sync', have);
        return this.line.ask('sync', have);
    }
    apply(news) {
        const { store } = this.line;
        const members = new Map(news.memberships.map((row) => [row.chat, row]));
        for (const page of news.chats) {
            const member = members.get(page.chat.id);
            if (member?.state === 'left')
                continue;
            if (store.applyNews(page, member))
                this.parts.keeper.soil(page.chat.id);
            this.settleOwn(page.messages);
        }
        for (const row of news.memberships)
            this.memberSynced(row);
        store.incarnation = news.incarnation;
        store.inbox = news.inbox;
    }
    memberSynced(row) {
        if (row.state !== 'active')
            return this.drop(row.chat);
        if (this.line.store.applyMember(row))
            this.parts.keeper.soil(row.chat);
        else
            this.parts.open(row.chat).catch(() => undefined);
    }
    settleOwn(rows) {
        for (const { client_msg_id, from } of rows) {
            if (client_msg_id && from === this.line.store.me)
                this.parts.outbox.settle(client_msg_id);
        }
    }
    beginAnew(incarnation) {
        const { outbox, cursors, people, keeper } = this.parts;
        this.line.store.clear();
        this.line.store.incarnation = incarnation;
        outbox.beginAnew();
        keeper.beginAnew();
        cursors.clear();
        people.clear();
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
