/**
 * The languages of the page, each by its code (BCP 47). A new one is a file beside this and a line
 * here; the page and its tests offer what is here.
 */

export { en } from './en.js';
export { es } from './es.js';
