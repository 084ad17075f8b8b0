import { duration } from './format.js';
import { lang, t } from './i18n.js';
export function attachmentsOf(row) {
    return row.attachments ?? [];
}
export function bytes(size) {
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
    const step = Math.min(3, Math.floor(Math.log10(Math.max(1, size)) / 3));
    const digits = step > 1 ? 1 : 0;
    return new Intl.NumberFormat(lang.value, {
        style: 'unit', unit: units[step] ?? 'byte', unitDisplay: 'short', maximumFractionDigits: digits,
    }).format(size / 1000 ** step);
}
export const FILE_ICONS = {
    image: 'image', video: 'video', audio: 'music', voice: 'mic', document: 'file-text',
};
export function filesText(files) {
    const [first, ...rest] = files;
    if (!first)
        return '';
    const { kind, name, duration_ms } = first;
    if (rest.length && files.every((one) => one.kind === 'image')) {
        return t('file.images', { n: files.length });
    }
    const word = kind === 'document' || kind === 'audio' ? name : t(`file.${kind}`);
    const text = kind === 'voice' && duration_ms ? `${word} (${duration(duration_ms / 1000)})` : word;
    return rest.length ? `${text} +${rest.length}` : text;
}
export function guessed({ blob, kind, name, duration_ms }) {
    const [type] = blob.type.split('/');
    const isShown = type === 'image' || type === 'video' || type === 'audio';
    return {
        kind: kind === 'auto' ? (isShown ? type : 'document') : kind, name,
        duration_ms: duration_ms ?? null,
    };
}
