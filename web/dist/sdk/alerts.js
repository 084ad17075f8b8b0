const DAY_MINUTES = 1440;
export class AlertSettings {
    line;
    value = {};
    constructor(line) {
        this.line = line;
    }
    async load() {
        this.apply(await this.line.rest.get('/me/alerts'));
    }
    async set(change) {
        this.apply(await this.line.rest.put('/me/alerts', { ...this.value, ...change }));
    }
    apply(alerts) {
        this.value = alerts;
        this.line.changes.touch('session', 'chats');
    }
    level({ chat, member }, now = Date.now()) {
        const inAll = this.value.mentions_only && chat.kind === 'group' ? 'mentions' : 'all';
        const level = member.alerts ?? inAll;
        const isMuted = !!member.muted_until && Date.parse(member.muted_until) > now;
        return isMuted && level === 'all' ? 'mentions' : level;
    }
    isMuted(state, now = Date.now()) {
        return this.level(state, now) !== 'all';
    }
    isQuiet(now = Date.now()) {
        const { quiet } = this.value;
        return !!quiet && isIn(quiet, now);
    }
    rings(now = Date.now()) {
        return !!this.value.quiet?.calls || !this.isQuiet(now);
    }
    tells(row, state, now = Date.now()) {
        if (this.isQuiet(now))
            return false;
        const level = this.level(state, now);
        const { me } = this.line.store;
        const isMention = !!row.mention_all || !!row.mentions?.includes(me);
        return level === 'all' || level === 'mentions' && isMention;
    }
}
function isIn({ from, to, zone }, now) {
    const minute = minuteAt(zone, now);
    return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}
function minuteAt(zone, now) {
    const at = new Date(now);
    try {
        const format = new Intl.DateTimeFormat('en-GB', {
            timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
        });
        const [hour = 0, minute = 0] = format.format(at).split(':').map(Number);
        return (hour * 60 + minute) % DAY_MINUTES;
    }
    catch {
        return at.getHours() * 60 + at.getMinutes();
    }
}
