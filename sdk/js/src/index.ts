/**
 * Client of the WeChat backend for browsers. Begin with `Client`; README.md shows how.
 */

export { About } from './about.js';
export { AlertSettings } from './alerts.js';
export { Client, type Options } from './client.js';
export { Calls } from './calls.js';
export type { MediaError, Notice, Problem } from './call_machine.js';
export type { Quality } from './call_peer.js';
export { Contacts } from './contacts.js';
export { Changes, type Topic } from './changes.js';
export { Drafts } from './drafts.js';
export { Files } from './files.js';
export { Joining } from './joining.js';
export { type Change, type Draft, Outbox, uniqueId } from './outbox.js';
export type { Outgoing, Upload } from './outgoing.js';
export type { Push, PushState } from './push.js';
export { ApiError, type Ask, Rest } from './rest.js';
export { type Connection, Socket } from './socket.js';
export {
  type SavedDraft, type SavedSession, type SavedText, Storage, type Unsent,
} from './storage.js';
export { ChatState, type Cursor, Store } from './store.js';
export type * from './types.js';
