export const languages = {
    en: { name: 'English', tongue: 'en', load: () => import('./en.js') },
    es: { name: 'Español', tongue: 'es', load: () => import('./es.js') },
    zh: { name: '中文', tongue: 'zh', load: () => import('./zh.js') },
};
export const more = async (code) => (await import(`./${code}.more.js`)).texts;
