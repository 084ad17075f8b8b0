export { Client } from './client.js';
export { Calls } from './calls.js';
export { Changes } from './changes.js';
export { Files, MAX_FILES } from './files.js';
export { Outbox, uniqueId } from './outbox.js';
export { ApiError, Rest } from './rest.js';
export { Socket } from './socket.js';
export { Storage } from './storage.js';
export { ChatState, Store } from './store.js';
