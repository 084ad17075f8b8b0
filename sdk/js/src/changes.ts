/**
 * Tells listeners what changed, at most once a microtask however much happens.
 *
 * Topics: `session`, `connection`, `chats` (the list), `chat:ID` (its fields, members' cursors, who
 * types), `rows:ID` (its messages and what waits to be sent), `users`, `presence`, `call`.
 */

export type Topic =
  | 'session' | 'connection' | 'chats' | 'users' | 'presence' | 'call' | `chat:${string}` | `rows:${string}`;

type Listener = (topics: ReadonlySet<Topic>) => void;

export class Changes {
  private readonly listeners = new Set<Listener>();
  private touched = new Set<Topic>();

  /** Returns what ends it. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  touch(...topics: Topic[]): void {
    if (this.touched.size === 0) queueMicrotask(() => this.tell());
    for (const topic of topics) this.touched.add(topic);
  }

  private tell(): void {
    const topics = this.touched;
    this.touched = new Set();
    for (const listener of this.listeners) listener(topics);
  }
}
