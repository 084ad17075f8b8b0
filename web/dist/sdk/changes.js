const EVERY_MS = 16;
export class Changes {
    listeners = new Set();
    touched = new Set();
    told = 0;
    listen(listener) {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }
    touch(...topics) {
        if (this.touched.size === 0)
            this.schedule();
        for (const topic of topics)
            this.touched.add(topic);
    }
    schedule() {
        const rest = this.told + EVERY_MS - Date.now();
        if (rest > 0 && rest <= EVERY_MS)
            setTimeout(() => this.tell(), rest);
        else
            queueMicrotask(() => this.tell());
    }
    tell() {
        this.told = Date.now();
        const topics = this.touched;
        this.touched = new Set();
        for (const listener of this.listeners)
            listener(topics);
    }
}
