import { languages } from './languages.js';
export const loaded = new Map();
export async function load(code) {
    if (!loaded.has(code))
        loaded.set(code, (await languages[code].load()).texts);
}
function chosen() {
    try {
        return localStorage.getItem('wechat.lang');
    }
    catch {
        return null;
    }
}
const wanted = chosen() ?? navigator.language;
const codes = Object.keys(languages);
export const firstLang = codes.find((code) => wanted.startsWith(code)) ?? 'en';
