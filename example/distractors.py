"""Objects on a wall that are not dials, some of them round: a detector must learn not to report them.

Lengths are fractions of the longer side of the image, so that small and large images look alike.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from example.canvas import Color, metal, tube


def draw_distractor(rng: np.random.Generator, image: Image.Image) -> None:
    """Draw one random distractor, in place."""
    DISTRACTORS[int(rng.integers(len(DISTRACTORS)))](rng, image)


def dull_color(rng: np.random.Generator, low: int = 70, high: int = 225) -> Color:
    """Return a grayish color: bright pure colors are rare on walls."""
    base = rng.uniform(low, high)
    red, green, blue = np.clip(base + rng.normal(0, rng.choice([6, 20]), size=3), 5, 250)
    return int(red), int(green), int(blue)


def shift(color: Color, amount: float) -> Color:
    """Return a lighter color, or a darker color if the amount is negative; in levels of 0..255."""
    red, green, blue = (int(np.clip(value + amount, 0, 255)) for value in color)
    return red, green, blue


def _pipe(rng: np.random.Generator, image: Image.Image) -> None:
    unit, upright = max(image.size), rng.random() < 0.5
    thick = unit * rng.uniform(0.015, 0.09)
    at = rng.uniform(0, image.width if upright else image.height)
    box = (at, 0, at + thick, image.height) if upright else (0, at, image.width, at + thick)
    tube(image, box, dull_color(rng), upright)


def _plate(rng: np.random.Generator, image: Image.Image) -> None:
    """Draw a box or a sign, sometimes with lines of text."""
    draw, unit = ImageDraw.Draw(image), max(image.size)
    left, top = rng.uniform(-0.1, 0.9) * image.width, rng.uniform(-0.1, 0.9) * image.height
    wide, tall = rng.uniform(0.05, 0.35, size=2) * unit
    fill = dull_color(rng, 30, 235)
    draw.rounded_rectangle(
        (left, top, left + wide, top + tall), unit * 0.01, fill, shift(fill, -50), max(1, unit // 250)
    )
    for line in range(int(rng.integers(0, 5))):
        y = top + tall * (0.2 + 0.15 * line)
        draw.line(
            (left + wide * 0.12, y, left + wide * rng.uniform(0.3, 0.9), y), shift(fill, -90), max(1, unit // 220)
        )


def _disc(rng: np.random.Generator, image: Image.Image) -> None:
    """Draw a round object that is neither a gauge nor a clock: a lid, a button, a lamp, a hand wheel."""
    unit = max(image.size)
    r = unit * rng.uniform(0.02, 0.12)
    x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
    side = max(4, round(2 * r))
    mask = Image.new("L", (2 * side, 2 * side))
    pen = ImageDraw.Draw(mask)
    pen.ellipse((0, 0, 2 * side - 1, 2 * side - 1), fill=255)
    if rng.random() < 0.4:  # a wheel: holes between the spokes
        spokes, turn = int(rng.integers(3, 7)), rng.uniform(0, 90)
        for i in range(spokes):
            inset = side * 0.25
            box = (inset, inset, 2 * side - inset, 2 * side - inset)
            pen.pieslice(box, turn + 360 * i / spokes + 8, turn + 360 * (i + 1) / spokes - 8, fill=0)
        pen.ellipse((side * 0.7, side * 0.7, side * 1.3, side * 1.3), fill=255)
    image.paste(metal(rng, side, dull_color(rng), 0.2), (round(x - r), round(y - r)), mask.reduce(2))
    if rng.random() < 0.5:
        edge, inner = dull_color(rng, 20, 120), r * rng.uniform(0.5, 0.9)
        ImageDraw.Draw(image).ellipse(
            (x - inner, y - inner, x + inner, y + inner), outline=edge, width=max(1, round(r * 0.08))
        )


def _shape(rng: np.random.Generator, image: Image.Image) -> None:
    unit = max(image.size)
    middle = rng.uniform(0, 1, size=2) * image.size
    points = middle + rng.normal(0, unit * 0.07, size=(int(rng.integers(3, 7)), 2))
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in points], fill=dull_color(rng, 20, 235))


def _cable(rng: np.random.Generator, image: Image.Image) -> None:
    steps = np.linspace(0, 1, 30)
    x = steps * image.width * 1.1
    y = image.height * (
        rng.uniform(0, 1) + rng.uniform(-0.3, 0.3) * steps + rng.uniform(0, 0.2) * np.sin(np.pi * steps)
    )
    thick = max(1, round(max(image.size) * rng.uniform(0.003, 0.012)))
    ImageDraw.Draw(image).line(
        [(float(a), float(b)) for a, b in zip(x, y, strict=True)], dull_color(rng, 10, 120), thick, "curve"
    )


DISTRACTORS: tuple[Callable[[np.random.Generator, Image.Image], None], ...] = (_pipe, _plate, _disc, _shape, _cable)
