"""Camera simulation: room light, lens blur and sensor noise."""

import numpy as np
from PIL import Image, ImageFilter

from example.backgrounds import clouds


def expose(rng: np.random.Generator, image: Image.Image, degrade: float) -> Image.Image:
    """Return the image with room light, lens blur and sensor noise.

    Args:
        rng: source of the random values.
        image: RGB.
        degrade: strength of blur, noise and exposure errors; 0 gives a clean image.
    """
    width, height = image.size
    long_side = max(width, height)
    if rng.random() < 0.3 * degrade:
        image = image.filter(ImageFilter.GaussianBlur(float(long_side * rng.uniform(0.0008, 0.005) * degrade)))
    pixels = np.asarray(image, np.float32) / 255
    x, y = np.linspace(-1, 1, width, dtype=np.float32)[None], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slope = rng.normal(0, 0.16, size=2)
    light = 1 + np.float32(slope[0]) * x + np.float32(slope[1]) * y - np.float32(rng.uniform(0, 0.22)) * (x**2 + y**2)
    if rng.random() < 0.25:  # the edge of a shadow across the scene
        angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4)
        edge = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y + np.float32(offset)
        light *= 1 - np.float32(rng.uniform(0.2, 0.55)) * np.clip(edge * 12, 0, 1)
    if rng.random() < 0.3:
        light *= 1 + np.float32(0.15) * clouds(rng, width, height)
    exposure = np.exp(rng.normal(0.06, 0.2 * (0.3 + 0.7 * degrade)))
    cast = rng.normal(1, 0.04, size=3).astype(np.float32)
    pixels = pixels * (light[..., None] * cast * np.float32(exposure))
    noise = rng.choice([0.0, 0.015, 0.045]) * degrade
    if noise > 0:
        pixels = pixels + rng.standard_normal(pixels.shape, np.float32) * np.float32(noise)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
