"""Maps of pixels over an image: the color of each class, or warm colors for what is near and cold ones for the rest."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OPACITY = {"semantic": 0.5, "depth": 0.6}  # ultralytics 8.4.190 `Annotator`, utils/plotting.py
RANGE = (2, 98)  # percentiles of 1 / distance from the coldest to the warmest color; the same source
SAMPLES = 1000  # of each side, for the percentiles
LEAST_DISTANCE = 1e-6  # in place of smaller ones, which have no inverse


def draw(annotated: Image.Image, field: str, content: dict[str, Any]) -> None:
    """Draw a map on an image, in place.

    Args:
        annotated: RGB.
        field: `semantic` or `depth`.
        content: the field `map` of the response.
    """
    decoded = Image.open(io.BytesIO(base64.b64decode(content["png"])), formats=("PNG",))
    if field == "depth":
        steps = np.asarray(decoded, dtype=np.float32)
        colored = Image.fromarray(_colored(steps * content["scale"] + content["offset"]))
    elif decoded.mode == "P":
        colored = decoded.convert("RGB")
    else:  # more than 256 classes
        colored = _palette(np.asarray(decoded))
    if colored.size != annotated.size:
        colored = colored.resize(annotated.size, Image.Resampling.NEAREST)
    annotated.paste(Image.blend(annotated, colored, OPACITY[field]))


def _palette(ids: NDArray[Any]) -> Image.Image:
    from function.draw.colors import of_class

    colors = np.array([of_class(class_id) for class_id in range(int(ids.max()) + 1)], dtype=np.uint8)
    return Image.fromarray(colors[ids])


def _colored(distances: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return (H, W, 3) colors of (H, W) distances: dark blue, cyan, yellow, dark red from far to near."""
    nearness = 1 / np.maximum(distances, LEAST_DISTANCE)
    steps = [max(1, side // SAMPLES) for side in nearness.shape]
    low, high = np.percentile(nearness[:: steps[0], :: steps[1]], RANGE)
    relative = ((nearness - low) / max(float(high - low), LEAST_DISTANCE)).clip(0, 1)
    level = np.arange(256) / 255
    ramps = [(1.5 - np.abs(4 * level - middle)).clip(0, 1) for middle in (3, 2, 1)]  # red, green, blue
    colors = np.rint(255 * np.stack(ramps, axis=1)).astype(np.uint8)
    return np.asarray(colors[(relative * 255).astype(np.uint8)])
