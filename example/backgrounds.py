"""Wall surfaces with distractors on them: the background of every generated image.

Lengths are fractions of the longer side of the image, so that small and large images look alike.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from example.distractors import draw_distractor, dull_color, shift

Surface = Callable[[np.random.Generator, int, int], Image.Image]

SUPERSAMPLING = 2  # scale at which everything is drawn before it is averaged down, to avoid jagged edges


def wall(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a random surface with up to six distractors on it: RGB, width x height."""
    surface = SURFACES[int(rng.integers(len(SURFACES)))](rng, SUPERSAMPLING * width, SUPERSAMPLING * height)
    _grain(rng, surface)
    for _ in range(int(rng.integers(0, 7))):
        draw_distractor(rng, surface)
    return surface.reduce(SUPERSAMPLING)


def clouds(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Return smooth noise of several scales: (height, width) float32, about -1..1."""
    total = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 0.5), (8, 0.3), (24, 0.2)):
        coarse = Image.fromarray(rng.uniform(-1, 1, size=(cells, cells)).astype(np.float32))
        total += weight * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    return total


def _grain(rng: np.random.Generator, image: Image.Image) -> None:
    """Add stains and unevenness to the whole surface, in place."""
    strength = rng.uniform(0, 34)
    pixels = np.asarray(image, np.float32) + strength * clouds(rng, *image.size)[..., None]
    image.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def _gradient(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    corners = np.array([[dull_color(rng) for _ in range(2)] for _ in range(2)], np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)


def _plaster(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    noise = clouds(rng, width, height)[..., None]
    pixels = np.array(dull_color(rng)) + noise * np.array(dull_color(rng, 20, 70))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _bricks(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    brick = dull_color(rng) if rng.random() < 0.4 else (int(rng.integers(140, 195)), int(rng.integers(80, 120)), 80)
    image = Image.new("RGB", (width, height), dull_color(rng, 120, 200))
    draw = ImageDraw.Draw(image)
    tall = max(6.0, max(width, height) * rng.uniform(0.025, 0.08))
    wide, joint = tall * rng.uniform(1.0, 3.0), max(1, round(tall * 0.08))
    for row in range(int(height / tall) + 1):
        for column in range(-1, int(width / wide) + 1):
            left, top = (column + 0.5 * (row % 2)) * wide, row * tall
            fill = shift(brick, rng.normal(0, 10))
            draw.rectangle((left + joint, top + joint, left + wide, top + tall), fill=fill)
    return image


def _panels(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return sheet metal in plates, with rivets."""
    base = dull_color(rng)
    image = Image.new("RGB", (width, height), base)
    draw = ImageDraw.Draw(image)
    unit = max(width, height)
    step, dot = unit * rng.uniform(0.15, 0.45), max(1.0, unit * 0.004)
    for left in np.arange(-step * rng.random(), width, step):
        for top in np.arange(-step * rng.random(), height, step):
            fill, edge = shift(base, rng.normal(0, 9)), shift(base, -45)
            draw.rectangle((left, top, left + step, top + step), fill=fill, outline=edge, width=max(1, unit // 300))
            for x in (left + 3 * dot, left + step - 3 * dot):
                for y in (top + 3 * dot, top + step - 3 * dot):
                    draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=shift(base, 50), outline=edge)
    return image


def _planks(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    red, warmth = rng.uniform(120, 215), rng.uniform(0.7, 0.9)
    base = np.array([red, red * warmth, red * warmth**2.2])
    along = clouds(rng, 64, max(2, height))[:, :1] * 26 + rng.normal(0, 5, size=(height, 1))
    pixels = np.broadcast_to(base + along[:, :, None], (height, width, 3)).copy()
    plank = max(4, round(max(width, height) * rng.uniform(0.06, 0.16)))
    for top in range(0, height, plank):
        pixels[top : top + plank] += rng.normal(0, 14)
        pixels[top : top + max(1, plank // 25)] -= 60
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


SURFACES: tuple[Surface, ...] = (_gradient, _plaster, _bricks, _panels, _planks)
