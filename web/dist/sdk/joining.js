export class Joining {
    line;
    counts = new Map();
    turns = new Map();
    isAsking = false;
    isStale = false;
    constructor(line) {
        this.line = line;
    }
    waiting(chat) {
        return this.counts.get(chat) ?? 0;
    }
    turn(chat) {
        return this.turns.get(chat) ?? 0;
    }
    heed({ chat }) {
        this.turns.set(chat, this.turn(chat) + 1);
        void this.load().catch(() => undefined);
        this.line.changes.touch(`chat:${chat}`);
    }
    async load() {
        this.isStale = true;
        if (this.isAsking)
            return;
        this.isAsking = true;
        try {
            while (this.isStale) {
                this.isStale = false;
                this.apply(await this.line.rest.get('/groups/requests'));
            }
        }
        finally {
            this.isAsking = false;
        }
    }
    apply({ groups }) {
        const before = this.counts;
        this.counts = new Map(groups.map(({ chat, waiting }) => [chat, waiting]));
        for (const chat of new Set([...before.keys(), ...this.counts.keys()])) {
            if (before.get(chat) !== this.counts.get(chat))
                this.line.changes.touch(`chat:${chat}`);
        }
    }
}
