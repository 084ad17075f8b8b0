// Reads the QR code that a page shows, with the decoder of qr.py.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('qr.py', import.meta.url));

// The text of the code of one person's page. QR_PYTHON is a Python that has zxing-cpp.
export async function readsQr(person) {
  const python = process.env.QR_PYTHON;
  if (!python) throw new Error('set QR_PYTHON as scripts/test does: a Python with zxing-cpp');
  const [box, path] = await person.$('svg.qr').evaluate((svg) => [
    svg.getAttribute('viewBox'), svg.querySelector('path').getAttribute('d'),
  ]);
  const side = Number(box.split(' ')[2]) - 8;
  const rows = Array.from({ length: side }, () => Array.from({ length: side }, () => 0));
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) rows[y][x] = 1;
  const input = rows.map((row) => row.join('')).join('\n');
  return execFileSync(python, [SCRIPT], { input, encoding: 'utf8' }).trim();
}
