/** Files in messages, in words. */

import type { Attachment, Message } from 'wechat-sdk';

import { lang, t } from './i18n.js';

export const HAS_FILES = false as boolean;

export function attachmentsOf(row: Message): readonly Attachment[] {
  return (row as Message & { attachments?: Attachment[] }).attachments ?? [];
}

/** 1.4 MB. */
export function bytes(size: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const step = Math.min(3, Math.floor(Math.log10(Math.max(1, size)) / 3));
  const digits = step > 1 ? 1 : 0;
  return new Intl.NumberFormat(lang.value, {
    style: 'unit', unit: units[step] ?? 'byte', unitDisplay: 'short', maximumFractionDigits: digits,
  }).format(size / 1000 ** step);
}

/** What a message with files says in one line. */
export function filesText(row: Message): string {
  const [first, ...rest] = attachmentsOf(row);
  if (!first) return '';
  const name = first.kind === 'document' ? first.name : t(`file.${first.kind}`);
  return rest.length ? `${name} +${rest.length}` : name;
}
