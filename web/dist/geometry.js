const GUESS_PX = 56;
const TOP_PX = 64;
export class Geometry {
    rows = [];
    unsent = [];
    heights = new Map();
    anchor = null;
    follows = true;
    width = 0;
    head = 0;
    touched = 0;
    tops = new Float64Array(1);
    get count() {
        return this.rows.length + this.unsent.length;
    }
    key(index) {
        return this.rows[index]?.seq ?? this.unsent[index - this.rows.length]?.client_msg_id ?? '';
    }
    indexOf(key) {
        if (typeof key === 'string') {
            return this.rows.length + this.unsent.findIndex((item) => item.client_msg_id === key);
        }
        let [low, high] = [0, this.rows.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            if ((this.rows[middle]?.seq ?? 0) < key)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
    layOut() {
        const { count } = this;
        if (this.tops.length < count + 1)
            this.tops = new Float64Array(Math.ceil(count * 1.5) + 64);
        let top = TOP_PX;
        for (let at = 0; at < count; at++) {
            this.tops[at] = top;
            top += this.heights.get(this.key(at)) ?? GUESS_PX;
        }
        this.tops[count] = top;
        if (this.heights.size > 2 * count + 1_000)
            this.forget();
    }
    forget() {
        const first = this.rows[0]?.seq ?? 0;
        for (const key of this.heights.keys()) {
            if (typeof key === 'string' || key < first)
                this.heights.delete(key);
        }
    }
    top(index) {
        return this.tops[Math.min(index, this.count)] ?? TOP_PX;
    }
    get height() {
        return this.top(this.count);
    }
    at(y) {
        let [low, high] = [0, this.count];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.top(middle + 1) <= y)
                low = middle + 1;
            else
                high = middle;
        }
        return Math.min(low, Math.max(0, this.count - 1));
    }
}
