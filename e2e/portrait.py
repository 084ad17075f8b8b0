"""Draws somebody before a camera, who nods and blinks, as a file of JPEG pictures that Chromium
plays as its camera. Called by e2e/film.mjs with the file and three colours (wall, skin, clothes);
needs Pillow (scripts/requirements.txt)."""

import io
import math
import sys
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 480
PICTURES = 60
# Drawn larger and made smaller again, so that the edges are smooth.
FINE = 3
HAIR, EYES = "#3a2a20", "#2b2b2b"


def round_at(draw: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, fill: str):
    """An ellipse by its middle and radii, in the picture's own pixels."""
    draw.ellipse([(x - rx) * FINE, (y - ry) * FINE, (x + rx) * FINE, (y + ry) * FINE], fill=fill)


def portrait(turn: float, wall: str, skin: str, clothes: str) -> Image.Image:
    """The person at one moment; `turn` goes round from 0 to 1."""
    sway, nod = 14 * math.sin(2 * math.pi * turn), 6 * math.sin(4 * math.pi * turn)
    x, y = WIDTH / 2 + sway, 210 + nod
    image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), wall)
    draw = ImageDraw.Draw(image)
    round_at(draw, WIDTH / 2 + sway / 2, 520, 190, 170, clothes)
    round_at(draw, x, 300 + nod, 40, 70, skin)
    round_at(draw, x, y - 28, 104, 112, HAIR)
    round_at(draw, x, y, 88, 108, skin)
    open_eye = 1.5 if 0.45 < turn < 0.5 else 9
    for side in (-1, 1):
        round_at(draw, x + side * 34, y - 14, 8, open_eye, EYES)
    smile = [(x - 36) * FINE, (y + 10) * FINE, (x + 36) * FINE, (y + 62) * FINE]
    draw.arc(smile, 25, 155, fill="#9c4a3c", width=6 * FINE)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


file, *colours = sys.argv[1:]
pictures = io.BytesIO()
for at in range(PICTURES):
    portrait(at / PICTURES, *colours).save(pictures, "JPEG", quality=90)
Path(file).write_bytes(pictures.getvalue())
