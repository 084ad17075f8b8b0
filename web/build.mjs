// Builds web/dist: the client library and the page, one module for each source file, as tsc writes
// it without the comments, with the vendored modules, the style sheet and the icons. `--check`
// builds beside it and compares.
//   node build.mjs [--check]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const sdk = join(here, '../sdk/js');
const modules = join(here, 'node_modules');
const icons = join(modules, 'lucide-static/icons');
const isCheck = process.argv.includes('--check');
const dist = isCheck ? mkdtempSync(join(tmpdir(), 'web-dist-')) : join(here, 'dist');

const VENDORED = {
  'preact': 'preact/dist/preact.mjs',
  'preact/hooks': 'preact/hooks/dist/hooks.mjs',
  'preact/jsx-runtime': 'preact/jsx-runtime/dist/jsxRuntime.mjs',
  '@preact/signals-core': '@preact/signals-core/dist/signals-core.mjs',
  '@preact/signals': '@preact/signals/dist/signals.mjs',
  'uqr': 'uqr/dist/index.mjs',
};
const vendorName = (name) => `${name.replace('@preact/', '').replace('/', '-')}.js`;

// The worker says these of the page's texts while no page is open.
const SAID_BY_WORKER = /^(push\..*|call\.(incoming|voice|video|accept|reject))$/;

const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit', cwd: here });
const tsc = join(modules, 'typescript/bin/tsc');

rmSync(dist, { recursive: true, force: true });
rmSync(join(sdk, 'dist'), { recursive: true, force: true });
run(tsc, '-p', sdk);
run(tsc, '-p', here, '--outDir', dist, '--removeComments');
run(tsc, '-p', sdk, '--outDir', join(dist, 'sdk'), '--removeComments', '--declaration', 'false');
for (const [name, path] of Object.entries(VENDORED)) {
  const text =
    readFileSync(join(modules, path), 'utf8').replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n');
  write(`vendor/${vendorName(name)}`, text);
}
// What the page begins with, before anything is asked of it.
const begun = reached('begin.js', 'main.js');
const texts = await parted();
cpSync(join(here, 'static'), dist, { recursive: true });
write('vendor/LICENSES.txt', licences());
sprites();
write('index.html', page());
write('sw.js', await worker());

if (isCheck) {
  const wrong = compare(join(here, 'dist'), dist);
  rmSync(dist, { recursive: true });
  if (wrong.length) {
    console.error(`web/dist is not what the sources make: ${wrong.join(', ')}. Run: npm run build`);
    process.exit(1);
  }
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function write(name, text) {
  mkdirSync(dirname(join(dist, name)), { recursive: true });
  writeFileSync(join(dist, name), text);
}

function licences() {
  const names = ['preact', '@preact/signals', '@preact/signals-core', 'lucide-static', 'uqr'];
  const text = (name) => {
    const file = readdirSync(join(modules, name)).find((one) => /^licen[cs]e/i.test(one));
    return `${name}\n\n${file ? readFileSync(join(modules, name, file), 'utf8').trim() : 'MIT'}\n`;
  };
  return names.map(text).join(`\n${'-'.repeat(72)}\n\n`);
}

// The icons that the sources name, as symbols of two files: those that the modules that begin may
// show, which `ui` is told, and the rest, which comes with the screens that show it.
function sprites() {
  const known = new Set(readdirSync(icons).map((name) => name.replace('.svg', '')));
  const named = (texts) => {
    const words = texts.flatMap(
      (text) => [...text.matchAll(/['"]([a-z][a-z0-9-]*)['"]/g)].map(([, word]) => word),
    );
    return [...new Set(words)].filter((word) => known.has(word)).sort();
  };
  const read = (folder) => (name) => readFileSync(join(folder, name), 'utf8');
  const first = named(begun.map(read(dist)));
  const all = named(files(join(here, 'src')).map(read(join(here, 'src'))));
  const brand = symbol('brand', readFileSync(join(here, 'brand.svg.part'), 'utf8').trim());
  write('icons.svg', sprite([brand, ...first.map(icon)]));
  write('icons.more.svg', sprite(all.filter((name) => !first.includes(name)).map(icon)));
  const ui = read(dist)('ui.js');
  write('ui.js', ui.replace('{{icons}}', ['brand', ...first].join(' ')));
}

function icon(name) {
  const text = readFileSync(join(icons, `${name}.svg`), 'utf8');
  const inner = text.slice(text.indexOf('>', text.indexOf('<svg')) + 1, text.lastIndexOf('</svg>'));
  return symbol(name, inner.trim().replace(/\s*\n\s*/g, ''));
}

function sprite(symbols) {
  const licence = '<!-- Icons: Lucide (ISC), https://lucide.dev/license -->';
  const shown = [licence, ...symbols].join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${shown}\n</svg>\n`;
}

function symbol(name, inner) {
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" `
    + `stroke-width="2" `
    + `stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
}

// The page names every module, so that the browser asks for all of them at once.
function page() {
  const imports = { 'wechat-sdk': '/assets/sdk/index.js' };
  for (const name of Object.keys(VENDORED)) imports[name] = `/assets/vendor/${vendorName(name)}`;
  const preloads = begun.map((name) => `<link rel="modulepreload" href="/assets/${name}">`);
  return readFileSync(join(here, 'index.html'), 'utf8')
    .replace('{{imports}}', JSON.stringify({ imports }))
    .replace('{{preloads}}', preloads.join('\n'));
}

// The worker keeps every file; its cache is named by what is in them.
async function worker() {
  const names =
    files(dist).filter((name) => !['index.html', 'sw.js', 'manifest.webmanifest'].includes(name));
  const paths = names.filter((name) => !name.endsWith('.png')).map((name) => `/assets/${name}`);
  const hash = createHash('sha256');
  for (const name of ['index.html', ...names]) hash.update(readFileSync(join(dist, name)));
  return readFileSync(join(here, 'static/sw.js'), 'utf8')
    .replace("'{{version}}'", `'shell-${hash.digest('hex').slice(0, 12)}'`)
    .replace("'{{files}}'", JSON.stringify(paths, null, 2))
    .replace("'{{texts}}'", JSON.stringify(workerTexts(), null, 2));
}

function workerTexts() {
  const said = (all) => Object.entries(all).filter(([key]) => SAID_BY_WORKER.test(key));
  return Object.fromEntries([...texts].map(([code, all]) => [code, Object.fromEntries(said(all))]));
}

// Parts the texts of each language in two: what the modules that begin may say, and the rest, which
// comes with the screens that say it. All of them, by the code of the language.
async function parted() {
  const all = new Map();
  const begin = begun.filter((name) => !name.startsWith('texts/'))
    .map((name) => readFileSync(join(dist, name), 'utf8')).join('\n');
  const named = new Set([...begin.matchAll(/['"]([a-z][a-z0-9_.]*)['"]/g)].map(([, one]) => one));
  const prefixes = [...begin.matchAll(/`([a-z][a-z0-9_.]*\.)\$\{/g)].map(([, one]) => one);
  const isFirst = (key) => named.has(key) || prefixes.some((one) => key.startsWith(one));
  const codes = files(join(dist, 'texts')).map((name) => name.replace('.js', ''))
    .filter((name) => !['languages', 'loaded'].includes(name));
  for (const code of codes) {
    const source = readFileSync(join(dist, `texts/${code}.js`), 'utf8');
    const { texts } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
    all.set(code, texts);
    const part = (keep) => Object.fromEntries(Object.entries(texts).filter(([key]) => keep(key)));
    const module = (part) => `export const texts = ${JSON.stringify(part, null, 2)};\n`;
    write(`texts/${code}.js`, module(part(isFirst)));
    write(`texts/${code}.more.js`, module(part((key) => !isFirst(key))));
  }
  return all;
}

// The modules that these need at once: those that they import, and so on.
function reached(...first) {
  const found = new Set(first);
  const named = new Map(Object.keys(VENDORED).map((name) => [name, `vendor/${vendorName(name)}`]));
  named.set('wechat-sdk', 'sdk/index.js');
  for (const name of found) {
    const text = readFileSync(join(dist, name), 'utf8');
    for (const [, path] of text.matchAll(/(?:from|^import) ?["']([^"']+)["']/gm)) {
      const next = named.get(path) ?? join(dirname(name), path);
      found.add(next);
    }
  }
  return [...found].sort();
}

function compare(there, made) {
  const [old, fresh] = [files(there), files(made)];
  const odd = [
    ...old.filter((name) => !fresh.includes(name)), ...fresh.filter((name) => !old.includes(name)),
  ];
  const same = (name) => readFileSync(join(there, name)).equals(readFileSync(join(made, name)));
  return [...odd, ...fresh.filter((name) => old.includes(name) && !same(name))];
}
