import { firstLang, load } from './texts/loaded.js';
void load(firstLang).then(() => import('./main.js'));
