import { languages, more } from './languages.js';
export const loaded = new Map();
let hasMore = false;
const whole = new Set();
export async function load(code) {
    if (!loaded.has(code))
        loaded.set(code, (await languages[code].load()).texts);
    if (!hasMore || whole.has(code))
        return;
    const texts = await more(code);
    loaded.set(code, { ...loaded.get(code), ...texts });
    whole.add(code);
}
export async function loadMore(code) {
    hasMore = true;
    await load(code);
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
