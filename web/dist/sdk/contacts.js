export class Contacts {
    host;
    constructor(host) {
        this.host = host;
    }
    tie(state) {
        const { tie } = state.member;
        if (!tie)
            return null;
        const isOver = tie.until != null && Date.parse(tie.until) <= this.host.now();
        return isOver ? null : tie.state;
    }
    get areAsked() {
        const reach = this.host.me?.reach ?? 'everyone';
        const server = this.host.about.info?.strangers ?? 'everyone';
        return reach !== 'everyone' || server !== 'everyone';
    }
    lets(state, what) {
        const me = this.host.me?.id;
        const peer = me === undefined ? null : state.peer(me);
        const isOpen = (this.host.about.info?.strangers ?? 'everyone') === 'everyone';
        if (isOpen || peer === null || peer === me)
            return true;
        const tie = this.tie(state);
        const isAsked = tie === 'asked' || tie === 'refused';
        return tie === 'known' || (isAsked && what === 'send files');
    }
    isRequest(state) {
        return this.areAsked && this.tie(state) === 'asked';
    }
    isRefused(state) {
        return this.areAsked && this.tie(state) === 'refused';
    }
    get known() {
        return [...this.host.store.chats.values()].filter((state) => this.tie(state) === 'known');
    }
    get requests() {
        return [...this.host.store.chats.values()].filter((state) => this.isRequest(state));
    }
    ask(user) {
        return this.took(this.host.rest.post('/contacts/requests', { user }));
    }
    accept(user) {
        return this.took(this.host.rest.post(`/contacts/${user}/accept`));
    }
    refuse(user) {
        return this.took(this.host.rest.post(`/contacts/${user}/refuse`));
    }
    async remove(user) {
        await this.host.rest.delete(`/contacts/${user}`);
    }
    ownCard() {
        return this.host.rest.get('/me/card');
    }
    setCard(change) {
        return this.host.rest.post('/me/card', change);
    }
    async dropCard() {
        await this.host.rest.delete('/me/card');
    }
    card(code) {
        return this.host.rest.get(`/cards/${encodeURIComponent(code)}`);
    }
    showCard(code) {
        return this.took(this.host.rest.post(`/cards/${encodeURIComponent(code)}`));
    }
    async took(asked) {
        const contact = await asked;
        if (this.host.store.chats.has(contact.member.chat)) {
            this.host.store.applyMember(contact.member);
        }
        else {
            await this.host.open(contact.member.chat);
        }
        return contact;
    }
}
