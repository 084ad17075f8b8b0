/**
 * What the parts of the library ask of the whole. `Client` is it; a part that named `Client` itself
 * would know all of it.
 */

import type { Changes } from './changes.js';
import type { Rest } from './rest.js';
import type { Connection } from './socket.js';
import type { SavedSession } from './storage.js';
import type { Store } from './store.js';
import type { Limits } from './types.js';

export interface Line {
  readonly changes: Changes;
  readonly store: Store;
  readonly rest: Rest;
  readonly session: SavedSession | null;
  readonly connection: Connection;
  /** The rows are those of the server; not so before the first sync of a connection. */
  readonly isSynced: boolean;
  /** How much the server takes; null until it has said it once in this browser. */
  readonly limits: Limits | null;
  /** A request on the socket. */
  ask<T>(op: string, data?: unknown): Promise<T>;
}
