// Stands before the script of each page that is not the web client: which of a page's languages it
// speaks, and its texts in their places. The language is the one chosen in the web client, or else
// the browser's.
globalThis.speak = (languages) => {
  let chosen = '';
  try {
    chosen = localStorage.getItem('wechat.lang') ?? '';
  } catch {
    // Refused: the browser's language it is.
  }
  const wanted = [chosen, ...navigator.languages].map((tag) => tag.split('-')[0]);
  const language = wanted.find((tag) => tag in languages) ?? 'en';
  const words = languages[language];
  document.documentElement.lang = language;
  document.title = words.title;
  for (const element of document.querySelectorAll('[data-text]')) {
    element.textContent = words[element.dataset.text];
  }
  return words;
};

