/**
 * What the server says of itself to everybody: its name, what it offers, its limits. It is asked
 * once a visit, and kept in the browser, so that a visit without a network knows the limits too.
 */

import type { Changes } from './changes.js';
import type { Rest } from './rest.js';
import type { Storage } from './storage.js';
import type { ServerInfo } from './types.js';

/** How a request shows the machine's key, if there is one. */
export const shown = (machineKey: string): Record<string, string> =>
  (machineKey ? { 'machine-key': machineKey } : {});

export class About {
  /** The latest that is known; null in a browser to which the server has not said it yet. */
  info: ServerInfo | null;
  private isAsked = false;

  constructor(
    private readonly rest: Rest, private readonly storage: Storage,
    private readonly changes: Changes,
  ) {
    this.info = storage.server();
  }

  /** Asks, unless this visit has; without an answer, the next call asks again. */
  async learn(): Promise<void> {
    if (this.isAsked) return;
    this.isAsked = true;
    await this.ask('').catch(() => { this.isAsked = false; });
  }

  /** With the machine's key, also what is for the person at the machine: that is not kept. */
  async ask(machineKey: string): Promise<ServerInfo> {
    const info = await this.rest.ask<ServerInfo>('/server', { headers: shown(machineKey) });
    const { mailbox: _mailbox, demo: _demo, ...kept } = info;
    this.isAsked = true;
    this.info = kept;
    this.storage.setServer(kept);
    this.changes.touch('server');
    return info;
  }
}
