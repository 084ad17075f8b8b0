import { signal } from '@preact/signals';
import { texts } from './texts.js';
function firstLang() {
    let chosen = null;
    try {
        chosen = localStorage.getItem('wechat.lang');
    }
    catch {
    }
    return (chosen ?? navigator.language).startsWith('es') ? 'es' : 'en';
}
export const lang = signal(firstLang());
const plurals = {
    en: new Intl.PluralRules('en'),
    es: new Intl.PluralRules('es'),
};
export function t(key, args = {}) {
    const [en, es] = texts[key];
    const text = lang.value === 'es' ? es : en;
    const [one = '', many = one] = text.split('|');
    const isOne = plurals[lang.value].select(Number(args.n ?? 2)) === 'one';
    return (isOne ? one : many).replace(/\{(\w+)\}/g, (whole, name) => {
        const value = args[name];
        if (value === undefined)
            return whole;
        return typeof value === 'number' ? value.toLocaleString(lang.value) : value;
    });
}
