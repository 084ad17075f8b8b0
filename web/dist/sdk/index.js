export { Client } from './client.js';
export { Calls } from './calls.js';
export { Changes } from './changes.js';
export { Files } from './files.js';
export { Outbox, uniqueId } from './outbox.js';
export { ApiError, Rest } from './rest.js';
export { Socket } from './socket.js';
export { Storage } from './storage.js';
export { ChatState, Store } from './store.js';
