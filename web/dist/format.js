import { lang, t } from './i18n.js';
import { minute } from './state.js';
const DAY_MS = 86_400_000;
const made = new Map();
function format(name, options) {
    const locale = navigator.languages.find((one) => one.startsWith(lang.value)) ?? lang.value;
    const key = `${locale} ${name}`;
    const known = made.get(key) ?? new Intl.DateTimeFormat(locale, options);
    made.set(key, known);
    return known;
}
const at = (moment) => new Date(moment);
const dayOf = (date) => Math.floor((date.getTime() - date.getTimezoneOffset() * 60_000) / DAY_MS);
export const isSameDay = (a, b) => dayOf(at(a)) === dayOf(at(b));
export function clock(moment) {
    return format('clock', { hour: 'numeric', minute: '2-digit' }).format(at(moment));
}
export function brief(moment) {
    const days = dayOf(at(minute.value)) - dayOf(at(moment));
    if (days <= 0)
        return clock(moment);
    if (days === 1)
        return t('day.yesterday');
    if (days < 7)
        return format('weekday', { weekday: 'short' }).format(at(moment));
    return format('short', { day: 'numeric', month: 'numeric', year: '2-digit' }).format(at(moment));
}
export function day(moment) {
    const days = dayOf(at(minute.value)) - dayOf(at(moment));
    if (days === 0)
        return t('day.today');
    if (days === 1)
        return t('day.yesterday');
    if (days > 0 && days < 7)
        return format('long weekday', { weekday: 'long' }).format(at(moment));
    const isThisYear = at(moment).getFullYear() === at(minute.value).getFullYear();
    const day = { day: 'numeric', month: 'long' };
    if (isThisYear)
        return format('day', day).format(at(moment));
    return format('day and year', { ...day, year: 'numeric' }).format(at(moment));
}
export function full(moment) {
    return format('full', { dateStyle: 'long', timeStyle: 'short' }).format(at(moment));
}
export function date(moment) {
    return format('date', { dateStyle: 'long' }).format(at(moment));
}
export function duration(seconds) {
    const two = (value) => String(Math.floor(value)).padStart(2, '0');
    const [h, m, s] = [seconds / 3600, (seconds % 3600) / 60, seconds % 60];
    return h >= 1 ? `${Math.floor(h)}:${two(m)}:${two(s)}` : `${Math.floor(m)}:${two(s)}`;
}
