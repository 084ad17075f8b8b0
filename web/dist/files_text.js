import { lang, t } from './i18n.js';
export const HAS_FILES = false;
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
export function filesText(row) {
    const [first, ...rest] = attachmentsOf(row);
    if (!first)
        return '';
    const name = first.kind === 'document' ? first.name : t(`file.${first.kind}`);
    return rest.length ? `${name} +${rest.length}` : name;
}
