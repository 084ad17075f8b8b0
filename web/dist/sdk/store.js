const DAY_MS = 86_400_000;
export class ChatState {
    chat;
    member;
    hidden = new Set();
    quiet = new Set();
    rows = new Map();
    cursors = new Map();
    typing = new Map();
    floor = Infinity;
    rev = 0;
    ahead = 0;
    seen = null;
    constructor(chat, member) {
        this.chat = chat;
        this.member = member;
    }
    get id() {
        return this.chat.id;
    }
    get first() {
        const joined = this.chat.kind === 'group' && !this.chat.history_shared;
        return Math.max(joined ? this.member.join_seq : 1, this.member.hide_seq + 1);
    }
    get isWhole() {
        return this.floor <= this.first || this.chat.head_seq === 0;
    }
    get readFloor() {
        const { read_seq, join_seq, hide_seq, own_seq } = this.member;
        return Math.max(read_seq, join_seq - 1, hide_seq, own_seq);
    }
    get unread() {
        const { readFloor, chat, hidden, quiet } = this;
        let count = chat.head_seq - readFloor;
        if (count <= 0)
            return 0;
        for (const row of this.rows.values()) {
            if (row.seq > readFloor && (isQuiet(row) || hidden.has(row.seq)))
                count -= 1;
        }
        for (const seq of hidden) {
            if (seq > readFloor && seq <= chat.head_seq && !this.rows.has(seq))
                count -= 1;
        }
        for (const seq of quiet) {
            if (seq > readFloor && !this.rows.has(seq) && !hidden.has(seq))
                count -= 1;
        }
        return Math.max(0, count);
    }
    get firstUnread() {
        if (!this.unread)
            return 0;
        const { readFloor } = this;
        if (this.floor > readFloor + 1)
            return readFloor + 1;
        const row = this.messages.find(({ seq }) => seq > readFloor && !isQuiet(this.rows.get(seq)));
        return row?.seq ?? 0;
    }
    isMuted(now = Date.now()) {
        return !!this.member.muted_until && Date.parse(this.member.muted_until) > now;
    }
    get messages() {
        if (!this.seen) {
            const rows = [...this.rows.values()].filter((row) => this.shows(row));
            this.seen = rows.sort((a, b) => a.seq - b.seq);
        }
        return this.seen;
    }
    get last() {
        return this.messages.at(-1);
    }
    mentions(me) {
        if (!this.unread)
            return 0;
        const from = this.firstUnread;
        const is = (row) => row.seq >= from && row.from !== me && (!!row.mention_all || !!row.mentions?.includes(me));
        return this.messages.filter(is).length;
    }
    peer(me) {
        if (this.chat.kind !== 'direct')
            return null;
        return this.chat.peers?.find((id) => id !== me) ?? me;
    }
    put(row) {
        const held = this.rows.get(row.seq);
        if (held && held.rev >= row.rev)
            return false;
        this.rows.set(row.seq, row);
        if (row.seq === this.floor - 1 && row.seq >= this.first)
            this.floor = row.seq;
        if (row.seq > this.chat.head_seq)
            this.chat = { ...this.chat, head_seq: row.seq };
        this.forgetOrder(row, held !== undefined);
        return true;
    }
    forgetOrder(row, isHeld) {
        const last = this.seen?.at(-1);
        if (!isHeld && this.seen && this.shows(row) && (!last || last.seq < row.seq)) {
            this.seen = [...this.seen, row];
        }
        else {
            this.seen = null;
        }
    }
    shows(row) {
        return row.seq >= this.floor && row.seq > this.member.hide_seq && !this.hidden.has(row.seq);
    }
    putPage(rows, isLast) {
        for (const row of rows)
            this.put(row);
        const first = rows[0]?.seq ?? this.floor;
        this.lower(isLast ? Math.min(first, this.first) : first);
    }
    lower(floor) {
        this.floor = Math.min(this.floor, floor);
        this.seen = null;
    }
    setMember(row) {
        if (row.rev < this.member.rev)
            return false;
        for (const seq of row.hidden ?? [])
            this.hidden.add(seq);
        const { read_seq, own_seq } = this.member;
        this.member = {
            ...row, read_seq: Math.max(row.read_seq, read_seq), own_seq: Math.max(row.own_seq, own_seq),
        };
        this.seen = null;
        return true;
    }
    setChat(chat) {
        if (chat.head_rev < this.chat.head_rev)
            return;
        this.chat = { ...chat, head_seq: Math.max(chat.head_seq, this.chat.head_seq) };
        this.dropUnseen();
    }
    dropUnseen() {
        const { first } = this;
        if (this.floor >= first)
            return;
        for (const seq of this.rows.keys())
            if (seq < first)
                this.rows.delete(seq);
        this.floor = first;
        this.seen = null;
    }
    isOtherStay(row) {
        return row.rev > this.member.rev && row.join_seq !== this.member.join_seq;
    }
    reset(rev) {
        for (const [seq, row] of this.rows)
            if (row.rev <= rev)
                this.rows.delete(seq);
        this.floor = Infinity;
        this.seen = null;
    }
    trim(keep) {
        const { messages } = this;
        if (messages.length <= keep)
            return false;
        const floor = messages[messages.length - keep]?.seq ?? this.floor;
        for (const seq of this.quietBefore(floor))
            this.quiet.add(seq);
        for (const seq of this.rows.keys())
            if (seq < floor)
                this.rows.delete(seq);
        this.floor = floor;
        this.seen = null;
        return true;
    }
    quietBefore(end) {
        const held = [...this.rows.values()].filter(isQuiet).map(({ seq }) => seq);
        const known = new Set([...this.quiet, ...held]);
        return [...known].filter((seq) => seq > this.readFloor && seq < end);
    }
    toSaved(rows) {
        const receipts = [...this.cursors].map(([user, { read, delivered }]) => [user, read, delivered]);
        const { id, chat, member, hidden, rev } = this;
        const saved = this.messages.slice(-rows);
        const quiet = this.quietBefore(saved[0]?.seq ?? Infinity);
        const floor = saved[0]?.seq ?? this.floor;
        return { id, chat, member, hidden: [...hidden], quiet, rev, rows: saved, floor, receipts };
    }
    static fromSaved(saved) {
        const state = new ChatState(saved.chat, saved.member);
        for (const seq of saved.hidden)
            state.hidden.add(seq);
        for (const seq of saved.quiet ?? [])
            state.quiet.add(seq);
        for (const row of saved.rows)
            state.rows.set(row.seq, row);
        for (const [user, read, delivered] of saved.receipts) {
            state.cursors.set(user, { read, delivered });
        }
        state.floor = saved.floor ?? saved.rows[0]?.seq ?? Infinity;
        state.rev = saved.rev;
        return state;
    }
}
export class Store {
    changes;
    chats = new Map();
    users = new Map();
    presence = new Map();
    incarnation;
    inbox = 0;
    me = '';
    constructor(changes) {
        this.changes = changes;
    }
    clear() {
        for (const id of this.chats.keys())
            this.changes.touch(`chat:${id}`, `rows:${id}`);
        this.chats.clear();
        this.users.clear();
        this.presence.clear();
        this.incarnation = undefined;
        this.inbox = 0;
        this.changes.touch('chats', 'users');
    }
    list() {
        const active = [...this.chats.values()].filter((state) => isListed(state));
        return active.sort((a, b) => Number(b.member.pinned) - Number(a.member.pinned) || latest(b) - latest(a));
    }
    addUsers(users) {
        const fresh = users.filter((user) => !same(this.users.get(user.id), user));
        for (const user of fresh)
            this.users.set(user.id, user);
        if (fresh.length)
            this.changes.touch('users');
        return fresh;
    }
    addChat(chat, member) {
        const held = this.chats.get(chat.id);
        if (held) {
            held.setChat(chat);
            held.setMember(member);
        }
        else {
            this.chats.set(chat.id, new ChatState(chat, member));
        }
        this.changes.touch('chats', `chat:${chat.id}`);
        return this.chats.get(chat.id);
    }
    applyMessage(row, from, counts = false) {
        const state = this.chats.get(row.chat);
        if (!state)
            return null;
        if (from === 'event') {
            if (counts)
                state.rev = Math.max(state.rev, row.rev);
            else
                state.ahead = Math.max(state.ahead, row.rev);
        }
        if (state.floor === Infinity && row.seq <= state.first)
            state.floor = row.seq;
        const isNew = state.put(row);
        this.raiseOwn(state, row);
        state.typing.delete(row.from);
        if (row.from !== this.me)
            this.raise(state, row.from, row.seq);
        if (isNew)
            this.changes.touch('chats', `chat:${row.chat}`, `rows:${row.chat}`);
        return state;
    }
    raiseOwn(state, { from, seq }) {
        if (from !== this.me || seq <= state.member.own_seq)
            return;
        state.member = { ...state.member, own_seq: seq };
    }
    raise(state, user, seq) {
        if (state.chat.kind !== 'direct')
            return;
        const { read, delivered } = state.cursors.get(user) ?? { read: 0, delivered: 0 };
        const cursor = { read: Math.max(read, seq), delivered: Math.max(delivered, seq) };
        state.cursors.set(user, cursor);
    }
    applyChat(chat) {
        const state = this.chats.get(chat.id);
        state?.setChat(chat);
        this.changes.touch('chats', `chat:${chat.id}`);
        return state !== undefined;
    }
    applyMember(row) {
        const state = this.chats.get(row.chat);
        if (row.state !== 'active')
            return this.forget(row.chat);
        if (state?.isOtherStay(row)) {
            this.forget(row.chat);
            return false;
        }
        state?.setMember(row);
        this.changes.touch('chats', `chat:${row.chat}`, `rows:${row.chat}`);
        return state !== undefined;
    }
    forget(chat) {
        this.chats.delete(chat);
        this.changes.touch('chats', `chat:${chat}`, `rows:${chat}`);
        return true;
    }
    applyReceipt({ chat, user, read_seq, delivered_seq }) {
        const state = this.chats.get(chat);
        if (!state || user === this.me)
            return;
        const held = state.cursors.get(user) ?? { read: 0, delivered: 0 };
        const read = Math.max(held.read, read_seq);
        state.cursors.set(user, { read, delivered: Math.max(held.delivered, delivered_seq, read) });
        this.changes.touch('chats', `chat:${chat}`);
    }
    applyTyping({ chat, user, for_ms }) {
        const state = this.chats.get(chat);
        if (!state || user === this.me)
            return;
        if (for_ms > 0)
            state.typing.set(user, Date.now() + for_ms);
        else
            state.typing.delete(user);
        this.changes.touch('chats', `chat:${chat}`);
    }
    applyNews(news, member) {
        const held = this.chats.get(news.chat.id);
        if (!held && !member)
            return null;
        const state = held ?? this.addChat(news.chat, member);
        const before = state.floor;
        if (news.reset || !held) {
            state.reset(news.rev);
            state.quiet = new Set(news.quiet ?? []);
        }
        const isFresh = state.floor === Infinity;
        state.setChat(news.chat);
        for (const row of news.messages) {
            state.put(row);
            this.raiseOwn(state, row);
        }
        if (isFresh)
            state.lower(beginOf(news));
        else
            state.lower(before);
        state.rev = Math.max(state.rev, news.rev);
        const { id } = news.chat;
        this.changes.touch('chats', `chat:${id}`, `rows:${id}`);
        return state;
    }
    settle() {
        for (const state of this.chats.values()) {
            state.rev = Math.max(state.rev, state.ahead);
            state.ahead = 0;
        }
    }
    moveOwnCursor(chat, change) {
        const state = this.chats.get(chat);
        if (!state)
            return;
        state.member = { ...state.member, ...change };
        this.changes.touch('chats', `chat:${chat}`);
    }
}
function isQuiet(row) {
    return row?.kind === 'system' || row?.kind === 'deleted';
}
function beginOf({ chat, messages }) {
    return messages.reduce((low, { seq }) => Math.min(low, seq), chat.head_seq + 1);
}
function isListed({ chat, member }) {
    return member.state === 'active' && (chat.kind === 'group' || chat.head_seq > member.hide_seq);
}
function latest(state) {
    const times = [state.last?.sent ?? state.chat.created, state.chat.created].map(Date.parse);
    return times.find((at) => at <= Date.now() + DAY_MS) ?? 0;
}
function same(a, b) {
    return a !== undefined && a.name === b.name && a.about === b.about && a.avatar === b.avatar
        && a.deleted === b.deleted;
}
