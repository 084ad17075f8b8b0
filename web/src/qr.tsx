/** A link as a QR code, for a phone's camera. */

import type { JSX } from 'preact';
import { encode } from 'uqr';

/** The path of the dark modules, each a square of one unit. */
function pathOf(rows: readonly (readonly boolean[])[]): string {
  return rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')))
    .join('');
}

export function QrCode({ text, label }: { text: string; label: string }): JSX.Element {
  const { size, data } = encode(text, { ecc: 'M', border: 0 });
  return (
    <svg class="qr" viewBox={`-4 -4 ${size + 8} ${size + 8}`} role="img" aria-label={label}
      shape-rendering="crispEdges">
      <rect x="-4" y="-4" width={size + 8} height={size + 8} fill="#fff" />
      <path d={pathOf(data)} fill="#000" />
    </svg>
  );
}
