"""Drawing surface of one dial, and the materials of dials: colors, type, machined metal and tubes."""

from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]

RIM_FRACTION = 0.34  # radius of the rim / side of the sprite; the rest is space for the stem


class Canvas(NamedTuple):
    """Drawing state that the parts of one dial share."""

    sprite: Image.Image
    draw: ImageDraw.ImageDraw
    center: float  # px, x and y alike
    radius: float  # px, of the rim
    rng: np.random.Generator

    def at(self, degrees: float, fraction: float) -> tuple[float, float]:
        """Return the point at a fraction of the radius, in pixels; degrees count counterclockwise from the right."""
        angle = np.deg2rad(degrees)
        reach = self.radius * fraction
        return float(self.center + reach * np.cos(angle)), float(self.center - reach * np.sin(angle))

    def box(self, fraction: float) -> tuple[float, float, float, float]:
        """Return the square around a centered circle, as (left, top, right, bottom) in pixels."""
        reach = self.radius * fraction
        return self.center - reach, self.center - reach, self.center + reach, self.center + reach

    def px(self, fraction: float) -> int:
        """Return a line width in pixels, at least 1."""
        return max(1, round(self.radius * fraction))


def blank(rng: np.random.Generator, side: int) -> Canvas:
    """Return a transparent square canvas."""
    sprite = Image.new("RGBA", (side, side))
    return Canvas(sprite, ImageDraw.Draw(sprite), side / 2, side * RIM_FRACTION, rng)


def pick(rng: np.random.Generator, colors: tuple[Color, ...]) -> Color:
    """Return a random color of several."""
    return colors[int(rng.integers(len(colors)))]


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the built-in font of Pillow, so that no font file is needed."""
    return ImageFont.load_default(size)


def metal(rng: np.random.Generator, side: int, color: Color, contrast: float) -> Image.Image:
    """Return a machined metal disc, whose brightness changes with the angle: RGB, side x side."""
    grid = np.linspace(-1, 1, 96)
    angle = np.arctan2(grid[:, None], grid[None, :]) + rng.uniform(0, 2 * np.pi)
    shade = 1 + contrast * (0.6 * np.sin(2 * angle) + 0.4 * np.sin(angle))
    pixels = np.clip(shade[..., None] * np.array(color), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)


def tube(image: Image.Image, box: tuple[float, float, float, float], color: Color, upright: bool = True) -> None:
    """Draw a cylinder with a highlight along it, in place."""
    left, top, right, bottom = (round(value) for value in box)
    size = max(1, right - left), max(1, bottom - top)
    across = np.linspace(-1, 1, size[0] if upright else size[1])
    shade = 0.45 + 0.75 * np.exp(-(((across + 0.25) / 0.55) ** 2))
    line = np.clip(shade[:, None] * np.array(color), 0, 255).astype(np.uint8)  # (across, 3)
    pixels = np.broadcast_to(line[None] if upright else line[:, None], (size[1], size[0], 3))
    image.paste(Image.fromarray(np.ascontiguousarray(pixels)), (left, top))
