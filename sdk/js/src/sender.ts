/** Carries what waits in the outbox to the server: files first, then the message. */

import type { Files } from './files.js';
import type { Line } from './line.js';
import type { Outbox } from './outbox.js';
import { gone, offline } from './rest.js';
import type { Unsent } from './storage.js';
import type { Id, Message, Sent } from './types.js';

type Progress = Pick<Outbox, 'progress' | 'keepUploads'>;

export class Sender {
  constructor(private readonly line: Line, private readonly files: Files) {}

  /** Sends a message, or a change of one. */
  send(item: Unsent, signal: AbortSignal, outbox: Progress): Promise<{ message: Message }> {
    if (item.edit !== undefined) return this.edit(item, item.edit);
    return this.sendMessage(item, signal, outbox);
  }

  private async sendMessage(item: Unsent, signal: AbortSignal, outbox: Progress): Promise<Sent> {
    const attachments = await this.sendFiles(item, signal, outbox);
    const { chat, client_msg_id, body, reply_to, mentions, mention_all } = item;
    const more = {
      ...(reply_to === undefined ? {} : { reply_to }),
      ...(attachments.length ? { attachments } : {}),
    };
    const message = { chat, client_msg_id, body, mentions, mention_all, ...more };
    return this.line.ask('message.send', message);
  }

  private edit(item: Unsent, seq: number): Promise<{ message: Message }> {
    const { chat, message, body, mentions, mention_all } = item;
    const held = this.line.store.chats.get(chat)?.rows.get(seq);
    if (held && held.id !== message) return Promise.reject(gone());
    return this.line.ask('message.edit', { chat, seq, body, mentions, mention_all });
  }

  /** The files of a message first; what the server has already is not sent again. */
  private async sendFiles(item: Unsent, signal: AbortSignal, outbox: Progress): Promise<Id[]> {
    const files = item.files ?? [];
    const total = files.reduce((sum, { blob }) => sum + blob.size, 1);
    let sent = 0;
    for (const file of files) {
      const progress = (part: number): void => {
        outbox.progress.set(item.client_msg_id, (sent + part * file.blob.size) / total);
        this.line.changes.touch(`rows:${item.chat}`);
      };
      const began = (): Promise<void> => outbox.keepUploads(item);
      if (!file.id) {
        const made = await this.files.upload(file, { progress, began, signal });
        file.id = made.id;
        this.files.sent(made, file.blob);
        await outbox.keepUploads(item);
      }
      sent += file.blob.size;
      progress(0);
    }
    if (signal.aborted) throw offline('It was discarded.');
    return files.map(({ id }) => id ?? '');
  }
}
