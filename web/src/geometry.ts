/**
 * The geometry of a timeline: which row lies at which height. Rows that were never drawn count as
 * high as a guess. Knows nothing of a page; `use_timeline` measures and scrolls.
 */

import type { Message, Unsent } from 'wechat-sdk';

/** A row that was never drawn counts as this high; so much lies above the first. */
const GUESS_PX = 56;
const TOP_PX = 64;

/** What names a row: the seq of a message, the key of one that is unsent. */
export type Key = number | string;

export interface Anchor {
  key: Key;
  offset: number;
}

/** Kept beside the drawing, as it changes without it. */
export class Geometry {
  rows: readonly Message[] = [];
  unsent: readonly Unsent[] = [];
  readonly heights = new Map<Key, number>();
  /** The row that the reader looks at. */
  anchor: Anchor | null = null;
  /** The list follows at the newest message. */
  follows = true;
  width = 0;
  /** The newest message when it was last drawn. */
  head = 0;
  /** When the reader last did something here. */
  touched = 0;
  private tops: Float64Array = new Float64Array(1);

  get count(): number {
    return this.rows.length + this.unsent.length;
  }

  key(index: number): Key {
    return this.rows[index]?.seq ?? this.unsent[index - this.rows.length]?.client_msg_id ?? '';
  }

  indexOf(key: Key): number {
    if (typeof key === 'string') {
      return this.rows.length + this.unsent.findIndex((item) => item.client_msg_id === key);
    }
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle]?.seq ?? 0) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  layOut(): void {
    const { count } = this;
    if (this.tops.length < count + 1) this.tops = new Float64Array(Math.ceil(count * 1.5) + 64);
    let top = TOP_PX;
    for (let at = 0; at < count; at++) {
      this.tops[at] = top;
      top += this.heights.get(this.key(at)) ?? GUESS_PX;
    }
    this.tops[count] = top;
    if (this.heights.size > 2 * count + 1_000) this.forget();
  }

  /** What is no longer held needs no height. */
  private forget(): void {
    const first = this.rows[0]?.seq ?? 0;
    for (const key of this.heights.keys()) {
      if (typeof key === 'string' || key < first) this.heights.delete(key);
    }
  }

  top(index: number): number {
    return this.tops[Math.min(index, this.count)] ?? TOP_PX;
  }

  get height(): number {
    return this.top(this.count);
  }

  /** The row at a height. */
  at(y: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.top(middle + 1) <= y) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, Math.max(0, this.count - 1));
  }
}
