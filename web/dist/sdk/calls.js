export class Calls {
    line;
    storage;
    onNotice = () => undefined;
    driver = null;
    loading = false;
    waiting = [];
    constructor(line, storage) {
        this.line = line;
        this.storage = storage;
    }
    get call() {
        return this.driver?.state.call ?? null;
    }
    get isLive() {
        return !!this.call && this.call.state !== 'ended';
    }
    get rings() {
        return this.call?.state === 'ringing' && this.call.role === 'callee';
    }
    get isHere() {
        const { call } = this;
        return this.isLive && call?.on === 'this_device' && this.driver?.state.mine === call.id;
    }
    get calling() {
        const doing = this.driver?.state.doing;
        return doing?.what === 'start' ? doing : null;
    }
    get isAnswering() {
        return this.driver?.state.doing?.what === 'accept';
    }
    get problem() {
        return this.driver?.state.problem ?? null;
    }
    get shown() {
        return this.driver?.state.shown ?? 0;
    }
    get isMuted() {
        return this.driver?.state.isMuted ?? false;
    }
    get hasMicrophone() {
        return typeof this.driver?.state.mic === 'number';
    }
    get hasCamera() {
        return typeof this.driver?.state.cam === 'number';
    }
    get local() {
        return this.driver?.local ?? null;
    }
    get remote() {
        return this.driver?.peer?.remote ?? null;
    }
    get peerMedia() {
        const peer = this.driver?.peer;
        return { audio: peer?.told.audio ?? true, video: peer?.hasPicture ?? false };
    }
    get quality() {
        return this.driver?.peer?.quality ?? 'unknown';
    }
    get isReconnecting() {
        return this.driver?.isReconnecting ?? false;
    }
    using(kind) {
        const { driver } = this;
        return driver?.media.get(driver.state[kind])?.getSettings().deviceId;
    }
    start(chat, kind, mic = true) {
        this.press({ is: 'start', chat, kind, mic });
    }
    accept(cam, mic = true) {
        this.press({ is: 'accept', mic, cam });
    }
    leave() {
        this.press({ is: 'leave' });
    }
    dismiss() {
        this.press({ is: 'dismiss' });
    }
    mute(on) {
        this.press({ is: 'mute', on });
    }
    camera(on) {
        this.press({ is: 'camera', on });
    }
    choose(kind, device) {
        this.press({ is: 'choose', kind, device });
    }
    press(input) {
        this.with((driver) => driver.do(input));
    }
    stands(call) {
        this.with((driver) => driver.stands(call));
    }
    signalled(signal) {
        this.with((driver) => driver.signalled(signal));
    }
    live() {
        this.with((driver) => driver.live());
    }
    cut() {
        this.line.changes.touch('call');
    }
    clear() {
        this.waiting = [];
        this.driver?.clear();
    }
    with(work) {
        if (this.driver)
            return work(this.driver);
        this.waiting.push(work);
        if (!this.loading)
            void this.load();
    }
    async load() {
        this.loading = true;
        try {
            const { CallDriver } = await import('./call_driver.js');
            this.driver = new CallDriver(this.line, this.storage, (notice) => this.onNotice(notice));
            for (const work of this.waiting.splice(0))
                work(this.driver);
        }
        catch {
            this.waiting = [];
        }
        finally {
            this.loading = false;
        }
    }
}
