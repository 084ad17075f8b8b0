/** Files in messages, in words. */

import type { Attachment, Message, Outgoing } from 'wechat-sdk';

import { duration } from './format.js';
import { lang, t } from './i18n.js';

export function attachmentsOf(row: Message): readonly Attachment[] {
  return row.attachments ?? [];
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

type Told = Pick<Attachment, 'kind' | 'name' | 'duration_ms'>;

/** What stands for a kind of file in a line of text. */
export const FILE_ICONS = {
  image: 'image', video: 'video', audio: 'music', voice: 'mic', document: 'file-text',
} as const;

/** What files say in one line. */
export function filesText(files: readonly Told[]): string {
  const [first, ...rest] = files;
  if (!first) return '';
  const { kind, name, duration_ms } = first;
  if (rest.length && files.every((one) => one.kind === 'image')) {
    return t('file.images', { n: files.length });
  }
  const word = kind === 'document' || kind === 'audio' ? name : t(`file.${kind}`);
  const text = kind === 'voice' && duration_ms ? `${word} (${duration(duration_ms / 1000)})` : word;
  return rest.length ? `${text} +${rest.length}` : text;
}

/** A file before the server has looked at it. */
export function guessed({ blob, kind, name, duration_ms }: Outgoing): Told {
  const [type] = blob.type.split('/');
  const isShown = type === 'image' || type === 'video' || type === 'audio';
  return {
    kind: kind === 'auto' ? (isShown ? type : 'document') : kind, name,
    duration_ms: duration_ms ?? null,
  };
}
