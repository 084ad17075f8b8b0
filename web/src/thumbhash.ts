/**
 * A ThumbHash as a small blurred picture: the constant, and the lowest cosine waves, of luminance,
 * two colours and opacity (https://evanw.github.io/thumbhash/). Loaded with the first one.
 */

interface Channel {
  ac: number[];
  nx: number;
  ny: number;
}

/** Draws it on a canvas of at most 32 pixels; a hash that is none leaves it empty. */
export function paint(canvas: HTMLCanvasElement, base64: string): void {
  const hash = read(base64);
  const pixels = hash && decode(hash);
  if (!pixels) return;
  [canvas.width, canvas.height] = [pixels.width, pixels.height];
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
}

function read(base64: string): Uint8Array | null {
  try {
    const hash = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    return hash.length >= 5 && hash.length <= 40 ? hash : null;
  } catch {
    return null;
  }
}

function decode(hash: Uint8Array): ImageData {
  const byte = (at: number): number => hash[at] ?? 0;
  const low = byte(0) | (byte(1) << 8) | (byte(2) << 16);
  const high = byte(3) | (byte(4) << 8);
  const hasAlpha = low >> 23 !== 0;
  const isWide = high >> 15 !== 0;
  const long = hasAlpha ? 5 : 7;
  const short = Math.max(3, high & 7);
  const [lx, ly] = isWide ? [long, short] : [short, long];
  let at = (hasAlpha ? 6 : 5) * 2;
  const nibble = (): number => {
    const value = (byte(at >> 1) >> ((at & 1) << 2)) & 15;
    at += 1;
    return value / 7.5 - 1;
  };
  const channel = (nx: number, ny: number, scale: number): Channel => {
    const ac: number[] = [];
    for (let y = 0; y < ny; y++) {
      for (let x = y ? 0 : 1; x * ny < nx * (ny - y); x++) ac.push(nibble() * scale);
    }
    return { ac, nx, ny };
  };
  const l = { dc: (low & 63) / 63, ...channel(lx, ly, ((low >> 18) & 31) / 31) };
  const p = {
    dc: ((low >> 6) & 63) / 31.5 - 1, ...channel(3, 3, (((high >> 3) & 63) / 63) * 1.25)
  };
  const q = {
    dc: ((low >> 12) & 63) / 31.5 - 1, ...channel(3, 3, (((high >> 9) & 63) / 63) * 1.25)
  };
  const a = hasAlpha
    ? { dc: (byte(5) & 15) / 15, ...channel(5, 5, (byte(5) >> 4) / 15) }
    : { dc: 1, ac: [], nx: 0, ny: 0 };
  const ratio = (isWide ? long : high & 7) / (isWide ? high & 7 : long) || 1;
  const [w, h] = [Math.round(ratio > 1 ? 32 : 32 * ratio), Math.round(ratio > 1 ? 32 / ratio : 32)];
  const pixels = new ImageData(Math.max(1, w), Math.max(1, h));
  for (let y = 0, i = 0; y < h; y++) {
    for (let x = 0; x < w; x++, i += 4) {
      const value = ({ dc, ...one }: Channel & { dc: number }): number =>
        dc + waves(one, (x + 0.5) / w, (y + 0.5) / h);
      const [light, yellow, red] = [value(l), value(p), value(q)];
      const blue = light - (2 / 3) * yellow;
      const r = (3 * light - blue + red) / 2;
      for (const [place, part] of [r, r - red, blue, value(a)].entries()) {
        pixels.data[i + place] = Math.max(0, 255 * Math.min(1, part));
      }
    }
  }
  return pixels;
}

/** The sum of a channel's waves at a point, both ways from 0 to 1. */
function waves({ ac, nx, ny }: Channel, x: number, y: number): number {
  let [sum, at] = [0, 0];
  for (let cy = 0; cy < ny; cy++) {
    const fy = Math.cos(Math.PI * y * cy) * 2;
    for (let cx = cy ? 0 : 1; cx * ny < nx * (ny - cy); cx++) {
      sum += (ac[at++] ?? 0) * Math.cos(Math.PI * x * cx) * fy;
    }
  }
  return sum;
}
