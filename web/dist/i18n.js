import { signal } from '@preact/signals';
import { languages } from './texts/languages.js';
import { firstLang, load, loadMore, loaded } from './texts/loaded.js';
export const LANGUAGES = languages;
export const LANGS = Object.keys(LANGUAGES);
export const lang = signal(firstLang);
export async function speak(code) {
    await load(code);
    lang.value = code;
}
export const speakMore = () => loadMore(lang.value);
export const tongue = () => LANGUAGES[lang.value].tongue;
const plurals = new Map();
function isOne(n) {
    const rules = plurals.get(lang.value) ?? new Intl.PluralRules(lang.value);
    plurals.set(lang.value, rules);
    return rules.select(n) === 'one';
}
export function t(key, args = {}) {
    const [one = '', many = one] = loaded.get(lang.value)?.[key]?.split('|') ?? [];
    const text = isOne(Number(args.n ?? 2)) ? one : many;
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
        const value = args[name];
        if (value === undefined)
            return whole;
        return typeof value === 'number' ? value.toLocaleString(lang.value) : value;
    });
}
