import { offline } from './rest.js';
const PRESSED_MS = 60_000;
export class Push {
    rest;
    about;
    storage;
    constructor(rest, about, storage) {
        this.rest = rest;
        this.about = about;
        this.storage = storage;
    }
    async state() {
        if (!isSecureContext)
            return 'insecure';
        if (!('serviceWorker' in navigator) || !('PushManager' in window)
            || !('Notification' in window))
            return 'lacking';
        if (Notification.permission === 'denied')
            return 'denied';
        await this.about.learn();
        if (!this.key())
            return 'unserved';
        return await this.subscription() ? 'on' : 'off';
    }
    async turnOn(language) {
        const state = await this.state();
        if (state !== 'off' && state !== 'on')
            return state;
        if (await Notification.requestPermission() !== 'granted')
            return 'denied';
        await this.subscribe(language);
        return this.state();
    }
    async renew(language) {
        if (await this.state() === 'on')
            await this.subscribe(language);
    }
    async turnOff() {
        await this.rest.delete('/me/push');
        await this.forget();
    }
    async forget() {
        if ('serviceWorker' in navigator)
            await (await this.subscription())?.unsubscribe();
    }
    async test() {
        await this.rest.post('/me/push/test');
    }
    async answered() {
        const pressed = await this.storage.takePressed();
        return pressed && Date.now() - pressed.at < PRESSED_MS ? pressed.answer : null;
    }
    key() {
        return this.about.info?.push?.vapid;
    }
    async subscription() {
        const worker = await navigator.serviceWorker.getRegistration();
        return await worker?.pushManager?.getSubscription() ?? null;
    }
    async subscribe(language) {
        const key = this.key();
        const { token } = this.rest;
        if (!key || !token)
            throw offline();
        const { pushManager } = await navigator.serviceWorker.ready;
        let there = await pushManager.getSubscription();
        if (there && !isFor(there, key)) {
            await there.unsubscribe();
            there = null;
        }
        there ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
        const { endpoint, keys } = there.toJSON();
        await this.rest.put('/me/push', { kind: 'web', endpoint, keys });
        await this.storage.keepForWorker({ token, language });
    }
}
function isFor(subscription, key) {
    const own = subscription.options.applicationServerKey;
    if (!own)
        return false;
    const text = btoa(String.fromCharCode(...new Uint8Array(own)));
    return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') === key;
}
