"""Fittings: type plates and levers of ball valves, as horizontal sprites that fill their image from edge to edge."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from example.canvas import Color, font, metal, pick
from example.distractors import shift

NAMES = ("plate", "lever")  # by class id
SHEETS: tuple[Color, ...] = ((204, 206, 208), (226, 222, 206), (196, 168, 92), (240, 240, 238), (236, 204, 60))
HEADS: tuple[Color, ...] = ((28, 30, 34), (20, 60, 130), (150, 28, 28), (24, 96, 60))
GRIPS: tuple[Color, ...] = ((196, 30, 30), (230, 180, 20), (24, 70, 160), (30, 32, 36), (30, 120, 70))
WORDS = ("TYPE", "PN 16", "DN 50", "No. 4711", "230 V", "IP 65", "bar max", "kW 5.5", "50 Hz", "2019")
MAKERS = ("PUMPE", "VALVE", "MOTOR", "BOILER", "FILTER")
ASPECTS = ((1.5, 2.4), (3.2, 5.0))  # length / height of each class, from and to


def plate(rng: np.random.Generator, wide: int, tall: int) -> Image.Image:
    """Return a type plate: a sheet with a dark head, lines of text and four screws. RGBA, wide x tall."""
    sheet = pick(rng, SHEETS)
    sprite, pen = _rounded(wide, tall, radius=tall * 0.06)
    face = metal(rng, max(wide, tall), sheet, 0.05).crop((0, 0, wide, tall))
    sprite.paste(face, (0, 0), sprite.getchannel("A"))
    edge = max(1, round(tall * 0.03))
    inset = tall * 0.05
    frame = (inset, inset, wide - inset, tall - inset)
    pen.rounded_rectangle(frame, tall * 0.04, outline=shift(sheet, -110), width=edge)
    head = tall * rng.uniform(0.24, 0.32)
    pen.rectangle((inset, inset, wide - inset, head), fill=pick(rng, HEADS))
    _write(pen, wide * 0.5, (inset + head) / 2, str(rng.choice(MAKERS)), head * 0.62, (244, 244, 240), "mm")
    rows = int(rng.integers(2, 5))
    for i in range(rows):
        y, height = head + (tall - inset - head) * (i + 0.5) / rows, (tall - head) / rows * 0.55
        for x in (0.14, 0.54):
            _write(pen, wide * x, y, str(rng.choice(WORDS)), height, (24, 24, 28), "lm")
    r = tall * 0.045
    for x in (inset * 1.9, wide - inset * 1.9):
        for y in (inset * 1.9, tall - inset * 1.9):
            pen.ellipse((x - r, y - r, x + r, y + r), fill=(90, 92, 96), outline=(30, 30, 32))
    return sprite


def lever(rng: np.random.Generator, wide: int, tall: int) -> Image.Image:
    """Return the lever of a ball valve: a hub with a nut at the left, a neck, and a colored grip at the right end.

    RGBA, wide x tall.
    """
    sprite = Image.new("RGBA", (wide, tall))
    pen = ImageDraw.Draw(sprite)
    steel: Color = pick(rng, ((180, 184, 188), (140, 142, 148), (92, 94, 100)))
    grip, middle = pick(rng, GRIPS), tall / 2
    neck, thick = tall * rng.uniform(0.16, 0.26), tall * rng.uniform(0.28, 0.4)
    start = tall + (wide - tall) * rng.uniform(0.1, 0.3)
    pen.rectangle((middle, middle - neck, start + thick, middle + neck), fill=steel)
    pen.rounded_rectangle((start, middle - thick, wide - 1, middle + thick), thick, grip, shift(grip, -50))
    pen.line(
        (start + thick, middle - thick * 0.4, wide - thick, middle - thick * 0.4), shift(grip, 60), round(thick / 3)
    )
    pen.ellipse((0, 0, tall - 1, tall - 1), fill=steel, outline=shift(steel, -70), width=max(1, tall // 24))
    nut, rotation = tall * 0.25, int(rng.integers(0, 60))
    pen.regular_polygon((middle, middle, nut), 6, rotation, fill=shift(steel, -60), outline=shift(steel, -110))
    return sprite


def _rounded(wide: int, tall: int, radius: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sprite = Image.new("RGBA", (wide, tall))
    pen = ImageDraw.Draw(sprite)
    pen.rounded_rectangle((0, 0, wide - 1, tall - 1), radius, fill=(255, 255, 255, 255))
    return sprite, pen


def _write(pen: ImageDraw.ImageDraw, x: float, y: float, text: str, height: float, ink: Color, anchor: str) -> None:
    pen.text((x, y), text, ink, font(max(4, round(height))), anchor=anchor)


DRAW: tuple[Callable[[np.random.Generator, int, int], Image.Image], ...] = (plate, lever)
