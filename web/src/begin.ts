/**
 * What the page runs first: it loads the texts of one language, then begins. Small, so that the
 * texts are under way while the browser still fetches the rest.
 */

import { firstLang, load } from './texts/loaded.js';

void load(firstLang).then(() => import('./main.js'));
