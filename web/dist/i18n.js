import { signal } from '@preact/signals';
import * as languages from './texts/languages.js';
export const LANGUAGES = languages;
export const LANGS = Object.keys(LANGUAGES);
function firstLang() {
    let chosen = null;
    try {
        chosen = localStorage.getItem('wechat.lang');
    }
    catch {
    }
    const wanted = chosen ?? navigator.language;
    return LANGS.find((code) => wanted.startsWith(code)) ?? 'en';
}
export const lang = signal(firstLang());
export const tongue = () => LANGUAGES[lang.value].tongue;
const plurals = new Map();
function isOne(n) {
    const rules = plurals.get(lang.value) ?? new Intl.PluralRules(lang.value);
    plurals.set(lang.value, rules);
    return rules.select(n) === 'one';
}
export function t(key, args = {}) {
    const [one = '', many = one] = LANGUAGES[lang.value].texts[key].split('|');
    const text = isOne(Number(args.n ?? 2)) ? one : many;
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
        const value = args[name];
        if (value === undefined)
            return whole;
        return typeof value === 'number' ? value.toLocaleString(lang.value) : value;
    });
}
