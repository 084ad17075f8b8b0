export const languages = {
    en: { name: 'English', tongue: 'en', load: () => import('./en.js') },
    es: { name: 'Español', tongue: 'es', load: () => import('./es.js') },
};
