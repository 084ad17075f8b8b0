export const shown = (machineKey) => (machineKey ? { 'machine-key': machineKey } : {});
export class About {
    rest;
    storage;
    changes;
    info;
    isAsked = false;
    constructor(rest, storage, changes) {
        this.rest = rest;
        this.storage = storage;
        this.changes = changes;
        this.info = storage.server();
    }
    async learn() {
        if (this.isAsked)
            return;
        this.isAsked = true;
        await this.ask('').catch(() => { this.isAsked = false; });
    }
    async ask(machineKey) {
        const info = await this.rest.ask('/server', { headers: shown(machineKey) });
        const { mailbox: _mailbox, demo: _demo, ...kept } = info;
        this.isAsked = true;
        this.info = kept;
        this.storage.setServer(kept);
        this.changes.touch('server');
        return info;
    }
}
