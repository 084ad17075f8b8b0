"""Joins pictures of two pages, `<milliseconds>-<0|1>.png`, into one animated WebP, side by side.
Called by e2e/film.mjs with the folder and the file; needs Pillow (scripts/requirements.txt)."""

import sys
from pathlib import Path

from PIL import Image

GAP = 16
LAST = 2000
LARGEST = 1_500_000


def frame(folder: Path, at: str) -> Image.Image:
    """What both pages showed at one moment."""
    sides = [Image.open(folder / f"{at}-{side}.png").convert("RGB") for side in (0, 1)]
    width = sum(one.width for one in sides) + GAP
    whole = Image.new("RGB", (width, sides[0].height), "#888888")
    whole.paste(sides[0], (0, 0))
    whole.paste(sides[1], (sides[0].width + GAP, 0))
    return whole


folder, file = Path(sys.argv[1]), Path(sys.argv[2])
moments = sorted({one.name.split("-")[0] for one in folder.glob("*.png")})
frames, lasting = [], []
for at, after in zip(moments, [*moments[1:], None]):
    lasts = int(after) - int(at) if after else LAST
    now = frame(folder, at)
    if frames and frames[-1].tobytes() == now.tobytes():
        lasting[-1] += lasts
        continue
    frames.append(now)
    lasting.append(lasts)
frames[0].save(
    file, save_all=True, append_images=frames[1:], duration=lasting, loop=0,
    quality=55, method=6, minimize_size=True,
)
size = file.stat().st_size
print(f"{file}: {len(frames)} pictures, {sum(lasting) / 1000:.1f} s, {size / 1000:.0f} kB")
if size > LARGEST:
    sys.exit(f"larger than {LARGEST} bytes: shorten the scene or lower the quality")
