// Files to send, made here: pictures and films by the browser, documents by hand.
import { createHash, randomBytes } from 'node:crypto';

export const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

const bytes = (base64) => Buffer.from(base64, 'base64');

// A landscape; `seed` changes its colours.
export async function picture(
  person, { width = 800, height = 600, type = 'image/jpeg', seed = 1 } = {},
) {
  return bytes(await person.page.evaluate(({ width, height, type, seed }) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const paint = canvas.getContext('2d');
    const sky = paint.createLinearGradient(0, 0, width, height);
    sky.addColorStop(0, `hsl(${seed * 47} 70% 60%)`);
    sky.addColorStop(1, `hsl(${seed * 47 + 90} 60% 30%)`);
    paint.fillStyle = sky;
    paint.fillRect(0, 0, width, height);
    paint.fillStyle = '#ffd';
    paint.beginPath();
    paint.arc(width * 0.7, height * 0.3, height * 0.12, 0, 7);
    paint.fill();
    paint.fillStyle = 'rgb(20 60 40)';
    paint.beginPath();
    for (const [x, y] of [[0, 1], [0.35, 0.45], [0.6, 0.8], [0.8, 0.55], [1, 1]]) {
      paint.lineTo(x * width, y * height);
    }
    paint.fill();
    return canvas.toDataURL(type, 0.9).split(',')[1];
  }, { width, height, type, seed }));
}

// A square that goes from left to right, as a recorder writes it: without its length.
export async function film(person, ms = 1_600) {
  return bytes(await person.page.evaluate(async (ms) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [320, 240];
    const paint = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: 'video/webm' });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.start(200);
    for (const began = performance.now(); performance.now() - began < ms;) {
      const part = (performance.now() - began) / ms;
      paint.fillStyle = `hsl(${part * 200} 60% 45%)`;
      paint.fillRect(0, 0, 320, 240);
      paint.fillStyle = '#fff';
      paint.fillRect(part * 280, 100, 40, 40);
      await new Promise((done) => setTimeout(done, 40));
    }
    await new Promise((done) => {
      recorder.onstop = done;
      recorder.stop();
    });
    const whole = new Uint8Array(await new Blob(parts).arrayBuffer());
    let text = '';
    for (let at = 0; at < whole.length; at += 8_192) {
      text += String.fromCharCode(...whole.subarray(at, at + 8_192));
    }
    return btoa(text);
  }, ms));
}

// A page with a line of text.
export function pdf(text) {
  const stream = `BT /F1 24 Tf 72 720 Td (${text}) Tj ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << '
      + '/F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let file = '%PDF-1.4\n';
  const places = objects.map((object, at) => {
    const place = file.length;
    file += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const table = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('');
  file += `xref\n0 6\n0000000000 65535 f \n${table}trailer\n<< /Size 6 /Root 1 0 R `
    + `>>\nstartxref\n${file.length}\n%%EOF\n`;
  return Buffer.from(file, 'latin1');
}

export const noise = (megabytes) => randomBytes(megabytes * 2 ** 20);
