"""Reads a QR code as a phone would: rows of 0 (light) and 1 (dark) on standard input, its text on
standard output. Called by e2e/web.mjs; needs zxing-cpp (scripts/requirements.txt)."""

import sys

import zxingcpp

SCALE = 4
BORDER = 4


def image(rows: list[str]) -> memoryview:
    """The code as grey pixels, with the white border that it must have."""
    side = len(rows[0])
    blank = ["0" * (side + 2 * BORDER)] * BORDER
    framed = blank + ["0" * BORDER + row + "0" * BORDER for row in rows] + blank
    lines = [bytes(0 if one == "1" else 255 for one in row for _ in range(SCALE)) for row in framed]
    pixels = b"".join(line * SCALE for line in lines)
    return memoryview(pixels).cast("B", shape=[len(framed) * SCALE, len(framed[0]) * SCALE])


found = zxingcpp.read_barcodes(image(sys.stdin.read().split()))
print("\n".join(one.text for one in found))
