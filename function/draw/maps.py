"""Maps of pixels over an image: the color of each class, or warm colors for what is near and cold ones for the rest."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from function.draw.colors import BLACK, RGB

OPACITY = {"semantic": 0.5, "depth": 0.6}  # ultralytics 8.4.190 `Annotator`, utils/plotting.py
RANGE = (2, 98)  # percentiles of 1 / distance from the coldest to the warmest color; the same source
SAMPLES = 1000  # of each side at most, for the percentiles
BAND_PIXELS = 1_000_000  # of the image that are drawn at a time
VALUES = 65536  # of a PNG with 16 bits
LEAST_DISTANCE = 1e-6  # in place of smaller ones, which have no inverse


def draw(annotated: Image.Image, field: str, content: dict[str, Any]) -> None:
    """Draw a map on an image, in place.

    Args:
        annotated: RGB.
        field: `semantic` or `depth`.
        content: the field `map` of the response.
    """
    decoded = Image.open(io.BytesIO(base64.b64decode(content["png"])), formats=("PNG",))
    decoded.load()
    colors = _distance_colors(decoded, content) if field == "depth" else _class_colors(decoded)
    width, height = annotated.size
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        drawn = annotated.crop(box)
        part = decoded.resize(drawn.size, Image.Resampling.NEAREST, _in_map(box, annotated, decoded))
        annotated.paste(Image.blend(drawn, Image.fromarray(colors[np.asarray(part)]), OPACITY[field]), box)


def _in_map(
    box: tuple[int, int, int, int], annotated: Image.Image, decoded: Image.Image
) -> tuple[float, float, float, float]:
    """Return a box of the image in the pixels of the map, which is smaller if the response had no room for it."""
    scale_x, scale_y = decoded.width / annotated.width, decoded.height / annotated.height
    return box[0] * scale_x, box[1] * scale_y, box[2] * scale_x, min(box[3] * scale_y, decoded.height)


def _class_colors(decoded: Image.Image) -> NDArray[np.uint8]:
    """Return the (N, 3) color of each value of a class map: its palette, or the colors of more than 255 classes."""
    if decoded.mode == "P":
        return np.array(decoded.getpalette(), dtype=np.uint8).reshape(-1, 3)
    palette = np.array(RGB, dtype=np.uint8)[np.arange(VALUES) % len(RGB)]
    palette[-1] = BLACK  # pixels whose class was not requested
    return palette


def _distance_colors(decoded: Image.Image, content: dict[str, Any]) -> NDArray[np.uint8]:
    """Return the (65536, 3) color of each value of a depth map: dark blue, cyan, yellow, dark red from far to near."""
    sampled_wh = min(decoded.width, SAMPLES), min(decoded.height, SAMPLES)
    sampled = np.asarray(decoded.resize(sampled_wh, Image.Resampling.NEAREST))
    distances = np.arange(VALUES, dtype=np.float32) * content["scale"] + content["offset"]
    nearness = 1 / np.maximum(distances, LEAST_DISTANCE)
    low, high = np.percentile(nearness[sampled], RANGE)
    relative = ((nearness - low) / max(float(high - low), LEAST_DISTANCE)).clip(0, 1)
    level = np.arange(256) / 255
    ramps = [(1.5 - np.abs(4 * level - middle)).clip(0, 1) for middle in (3, 2, 1)]  # red, green, blue
    colors = np.rint(255 * np.stack(ramps, axis=1)).astype(np.uint8)
    return np.asarray(colors[(relative * 255).astype(np.uint8)])
