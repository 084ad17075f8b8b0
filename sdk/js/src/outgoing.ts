/** What a file is while it is on its way to the server. */

import type { Id } from './types.js';

/** A file that is to be sent, kept with its message until it is. */
export interface Outgoing {
  blob: Blob;
  name: string;
  kind: 'auto' | 'voice' | 'document';
  /** How long it plays, where the file itself does not say. */
  duration_ms?: number;
  /** A picture that stands for a film. */
  poster?: Blob;
  /** Once the server has it. */
  id?: Id;
  /** The upload in parts that is under way. */
  upload?: Id;
  /** A link broke while it was sent. */
  broke?: boolean;
}

/** What the sender of a file hears, and how it is stopped. */
export interface Upload {
  /** How much is there, from 0 to 1. */
  progress: (part: number) => void;
  /** An upload in parts began, whose id is in `file.upload`: to be kept. */
  began?: () => Promise<void>;
  signal?: AbortSignal;
}
