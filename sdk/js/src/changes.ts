/**
 * Tells listeners what changed: at once, but at most some sixty times a second however much
 * happens.
 *
 * Topics: `session`, `connection`, `chats` (the list), `chat:ID` (its fields, members' cursors, who
 * types), `rows:ID` (its messages and what waits to be sent), `users`, `presence`, `call`, `server`
 * (what it says of itself).
 */

export type Topic =
  | 'session' | 'connection' | 'chats' | 'users' | 'presence' | 'call' | 'server'
  | `chat:${string}` | `rows:${string}`;

type Listener = (topics: ReadonlySet<Topic>) => void;

const EVERY_MS = 16;

export class Changes {
  private readonly listeners = new Set<Listener>();
  private touched = new Set<Topic>();
  private told = 0;

  /** Returns what ends it. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  touch(...topics: Topic[]): void {
    if (this.touched.size === 0) this.schedule();
    for (const topic of topics) this.touched.add(topic);
  }

  private schedule(): void {
    const rest = this.told + EVERY_MS - Date.now();
    if (rest > 0 && rest <= EVERY_MS) setTimeout(() => this.tell(), rest);
    else queueMicrotask(() => this.tell());
  }

  private tell(): void {
    this.told = Date.now();
    const topics = this.touched;
    this.touched = new Set();
    for (const listener of this.listeners) listener(topics);
  }
}
