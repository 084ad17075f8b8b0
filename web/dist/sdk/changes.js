export class Changes {
    listeners = new Set();
    touched = new Set();
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
