"""Case of a gauge or a clock: rim, face, flange, stem, glass, and their outline."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from example.canvas import RIM_FRACTION, Canvas, Color, metal, pick, tube

INKS: tuple[Color, ...] = ((20, 20, 24), (35, 30, 30), (20, 35, 80))
FACES: tuple[Color, ...] = ((250, 250, 246), (240, 234, 214), (226, 230, 232), (250, 246, 190), (196, 214, 226))
DARK_FACES: tuple[Color, ...] = ((24, 25, 28), (18, 32, 54), (60, 62, 66))
RIMS: tuple[Color, ...] = (
    (196, 200, 204),
    (150, 152, 156),
    (40, 41, 44),
    (188, 148, 72),
    (172, 36, 32),
    (30, 70, 140),
    (232, 232, 230),
)


def body(canvas: Canvas, square: bool) -> tuple[Color, Color]:
    """Draw rim and face. Return the colors of the face and of the print on it."""
    rng, side = canvas.rng, canvas.sprite.width
    rim, width = pick(rng, RIMS), rng.uniform(0.06, 0.16)
    dark = rng.random() < 0.2
    face = pick(rng, DARK_FACES if dark else FACES)
    ink: Color = (240, 240, 236) if dark else pick(rng, INKS)
    mask = Image.new("L", (side, side))
    pen = ImageDraw.Draw(mask)
    if square:
        pen.rounded_rectangle(canvas.box(1.0), radius=canvas.px(0.12), fill=255)
    else:
        pen.ellipse(canvas.box(1.0), fill=255)
    canvas.sprite.paste(metal(rng, side, rim, rng.uniform(0.05, 0.3)), (0, 0), mask)
    lip = tuple(round(value * 0.55) for value in rim)
    canvas.draw.ellipse(canvas.box(1 - width), fill=lip)
    canvas.draw.ellipse(canvas.box(1 - width - 0.015), fill=tuple(round(value * 0.86) for value in face))
    canvas.draw.ellipse(canvas.box(1 - width - 0.035), fill=face)
    _depth(canvas, 1 - width - 0.02)
    return face, ink


def _depth(canvas: Canvas, reach: float) -> None:
    """Draw the shadow of the rim on the face below it."""
    small, r = 128, 128 * RIM_FRACTION * reach  # blurred: a small mask is enough
    x, y = 64 + canvas.rng.uniform(-0.07, 0.07) * r, 64 + canvas.rng.uniform(0.0, 0.09) * r
    lit = Image.new("L", (small, small), 255)
    ImageDraw.Draw(lit).ellipse((x - r, y - r, x + r, y + r), fill=0)
    dark = lit.filter(ImageFilter.GaussianBlur(2.2)).resize(canvas.sprite.size, Image.Resampling.BILINEAR)
    _tint(canvas, (0, 0, 0, 255), dark.point([round(value * 0.5) for value in range(256)]), reach)


def _tint(canvas: Canvas, color: tuple[int, int, int, int], mask: Image.Image, reach: float) -> None:
    """Blend a color over a centered disc; the mask is the opacity."""
    disc = Image.new("L", mask.size)
    ImageDraw.Draw(disc).ellipse(canvas.box(reach), fill=255)
    canvas.sprite.paste(color, (0, 0), Image.composite(mask, Image.new("L", mask.size), disc))


def flange(canvas: Canvas) -> float:
    """Draw a mounting plate with screws behind the rim. Return its radius in rim radii."""
    reach = 1.22
    mask = Image.new("L", canvas.sprite.size)
    ImageDraw.Draw(mask).ellipse(canvas.box(reach), fill=255)
    canvas.sprite.paste(metal(canvas.rng, canvas.sprite.width, pick(canvas.rng, RIMS), 0.15), (0, 0), mask)
    for degrees in (90, 210, 330):
        x, y = canvas.at(degrees, 1.11)
        r = canvas.radius * 0.045
        canvas.draw.ellipse(
            (x - r, y - r, x + r, y + r), fill=(40, 40, 42), outline=(120, 120, 122), width=canvas.px(0.01)
        )
    return reach


def stem(canvas: Canvas) -> None:
    """Draw the pipe below, its nut, and often the pipe that it stands on."""
    rng, side, c, r = canvas.rng, canvas.sprite.width, canvas.center, canvas.radius
    brass: Color = pick(rng, ((186, 150, 80), (150, 152, 156), (110, 112, 116), (90, 60, 44)))
    half = r * rng.uniform(0.1, 0.2)
    tube(canvas.sprite, (c - half, c + r * 0.9, c + half, side), brass)
    nut = c + r * rng.uniform(1.08, 1.2)
    tube(canvas.sprite, (c - half * 1.7, nut, c + half * 1.7, nut + r * 0.16), brass)
    if rng.random() < 0.5:
        tube(canvas.sprite, (c - r, side - r * 0.24, c + r, side), brass, upright=False)


def glass(canvas: Canvas) -> None:
    """Draw a soft reflection on the glass."""
    if canvas.rng.random() < 0.45:
        return
    rng, small = canvas.rng, 128  # the reflection is blurred: a small mask is enough
    mask = Image.new("L", (small, small))
    pen = ImageDraw.Draw(mask)
    r = small * RIM_FRACTION * 0.84
    first, last = np.sort(rng.uniform(150, 330, size=2))
    box = (small / 2 - r, small / 2 - r, small / 2 + r, small / 2 + r)
    pen.pieslice(box, float(first), float(last), fill=int(rng.integers(30, 130)))
    soft = mask.filter(ImageFilter.GaussianBlur(float(rng.uniform(2, 5))))
    _tint(canvas, (255, 255, 255, 255), soft.resize(canvas.sprite.size, Image.Resampling.BILINEAR), 0.86)


def round_outline(canvas: Canvas, fraction: float) -> NDArray[np.float64]:
    """Return (72, 2) points of a circle in sprite pixels; its radius is a fraction of the rim's."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return canvas.center + canvas.radius * fraction * points


def square_outline(canvas: Canvas) -> NDArray[np.float64]:
    """Return the (4, 2) corners of a square case in sprite pixels."""
    reach = canvas.radius * 0.99  # rounded corners stay a little inside
    return canvas.center + reach * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float64)
