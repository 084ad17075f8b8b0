/**
 * Tells listeners what changed, at most once a microtask however much happens.
 *
 * Topics: `session`, `connection`, `chats` (the list), `chat:ID` (its fields, members' cursors, who
 * types), `rows:ID` (its messages and what waits to be sent), `users`, `call`.
 */
export class Changes {
    listeners = new Set();
    touched = new Set();
    /** Returns what ends it. */
    listen(listener) {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }
    touch(...topics) {
        if (this.touched.size === 0)
            queueMicrotask(() => this.tell());
        for (const topic of topics)
            this.touched.add(topic);
    }
    tell() {
        const topics = this.touched;
        this.touched = new Set();
        for (const listener of this.listeners)
            listener(topics);
    }
}
