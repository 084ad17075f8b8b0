/**
 * Being told while no page is open: the browser's subscription to its push service (RFC 8030), and
 * the server's note of it, which ends with the session. Loaded by whoever wants it; docs/push.md
 * tells the whole.
 *
 * What a push says is encrypted for this browser; the page's worker shows it.
 */

import type { About } from './about.js';
import { type Rest, offline } from './rest.js';
import type { Pressed, Storage } from './storage.js';

/**
 * `on`, `off`; or why it cannot be: the page is not secure, the browser lacks it or refuses, the
 * server does not send any.
 */
export type PushState = 'on' | 'off' | 'insecure' | 'lacking' | 'denied' | 'unserved';

/** An answer to a call that was pressed longer ago is no answer any more. */
const PRESSED_MS = 60_000;

export class Push {
  constructor(
    private readonly rest: Rest, private readonly about: About,
    private readonly storage: Pick<Storage, 'keepForWorker' | 'takePressed'>,
  ) {}

  async state(): Promise<PushState> {
    if (!isSecureContext) return 'insecure';
    if (!('serviceWorker' in navigator) || !('PushManager' in window)
      || !('Notification' in window)) return 'lacking';
    if (Notification.permission === 'denied') return 'denied';
    await this.about.learn();
    if (!this.key()) return 'unserved';
    return await this.subscription() ? 'on' : 'off';
  }

  /**
   * Asks the person, if the browser has not yet, and subscribes. Call it when they press a button.
   * Throws what the server says when it refuses.
   */
  async turnOn(language: string): Promise<PushState> {
    const state = await this.state();
    if (state !== 'off' && state !== 'on') return state;
    if (await Notification.requestPermission() !== 'granted') return 'denied';
    await this.subscribe(language);
    return this.state();
  }

  /** For each visit, once the session is there: what the server or the browser lost is renewed. */
  async renew(language: string): Promise<void> {
    if (await this.state() === 'on') await this.subscribe(language);
  }

  /** The server forgets the subscription, then the browser. */
  async turnOff(): Promise<void> {
    await this.rest.delete('/me/push');
    await this.forget();
  }

  /** The person leaves this browser: nothing for them comes here, even if no server hears it. */
  async forget(): Promise<void> {
    if ('serviceWorker' in navigator) await (await this.subscription())?.unsubscribe();
  }

  /** Has the server send one to every place where this session is told. */
  async test(): Promise<void> {
    await this.rest.post('/me/push/test');
  }

  /** The call that was answered in a notification a moment ago; told once. */
  async answered(): Promise<Pressed['answer'] | null> {
    const pressed = await this.storage.takePressed();
    return pressed && Date.now() - pressed.at < PRESSED_MS ? pressed.answer : null;
  }

  private key(): string | null | undefined {
    return this.about.info?.push?.vapid;
  }

  private async subscription(): Promise<PushSubscription | null> {
    const worker = await navigator.serviceWorker.getRegistration();
    return await worker?.pushManager?.getSubscription() ?? null;
  }

  private async subscribe(language: string): Promise<void> {
    const key = this.key();
    const { token } = this.rest;
    if (!key || !token) throw offline();
    const { pushManager } = await navigator.serviceWorker.ready;
    let there = await pushManager.getSubscription();
    // One for another key is another server's, or this one's before it lost its secrets.
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

function isFor(subscription: PushSubscription, key: string): boolean {
  const own = subscription.options.applicationServerKey;
  if (!own) return false;
  const text = btoa(String.fromCharCode(...new Uint8Array(own)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') === key;
}
