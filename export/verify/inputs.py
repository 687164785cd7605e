"""Inputs of the verification: drawn images, equal on every machine, and the sample images of the example.

Pixels and sizes only; nothing here knows a model.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from export.checkpoint import CROP, STRETCH, Checkpoint
from export.convert import Shape, max_detections
from export.images import SAMPLES

MAX_SAMPLES = 4  # each costs three runs of the network
DRAWN_HW = ((480, 640), (640, 480), (500, 500), (120, 900))  # landscape, portrait, square, a strip

FLAGS = {1: 0, 3: 1}  # of OpenCV: IMREAD_GRAYSCALE, IMREAD_COLOR
SEEDS = 100  # between the images whose bands are joined

Array = np.ndarray[Any, Any]


class ModelInput(NamedTuple):
    """One image as the network sees it."""

    name: str
    tensor: Array  # (1, C, H, W) float32, 0..1: RGB, gray or bands


def model_inputs(shape: Shape, checkpoint: Checkpoint) -> Iterator[ModelInput]:
    """Yield the letterboxed images: rectangular for a dynamic model, the full shape for a static one.

    A dynamic model gets two more shapes that the letterbox of its own size never makes: the full square, and half of
    it, if that has as many anchors as an end-to-end head outputs rows.

    Args:
        shape: the input of the model.
        checkpoint: how its images become the input, and its strides.
    """
    images = list(_images(checkpoint.channels))
    full_hw, stride = (shape.height, shape.width), checkpoint.stride
    for name, bgr in images:
        yield ModelInput(name, _tensor(bgr, full_hw, stride, checkpoint.fit, rectangular=not shape.static))
    if not shape.static:
        name, bgr = images[0]
        yield ModelInput(f"{name}, full shape", _tensor(bgr, full_hw, stride, checkpoint.fit, rectangular=False))
        half = shape._replace(height=_half(shape.height, stride), width=_half(shape.width, stride))
        rows, half_rows = (
            max_detections(one, stride, checkpoint.strides) for one in (shape, half._replace(static=True))
        )
        if rows <= half_rows or not shape.end2end:
            tensor = _tensor(bgr, (half.height, half.width), stride, checkpoint.fit, rectangular=False)
            yield ModelInput(f"{name}, half size", tensor)


def _half(side: int, stride: int) -> int:
    return max(side // 2 // stride * stride, stride)


def _images(channels: int) -> Iterator[tuple[str, Array]]:
    """Yield names and images, (H, W, channels) uint8; the samples have no more bands than colors."""
    import cv2

    for seed, (height, width) in enumerate(DRAWN_HW):
        yield f"drawn {width}x{height}", draw_bands(height, width, seed, channels)
    if channels not in FLAGS:
        return
    for path in sorted(SAMPLES.glob("*.jpg"))[:MAX_SAMPLES]:
        bgr = cv2.imdecode(np.fromfile(path, np.uint8), FLAGS[channels])
        if bgr is None:
            raise ValueError(f"{path} must be an image that OpenCV reads")
        yield path.name, bgr.reshape(*bgr.shape[:2], channels)


def draw_bands(height: int, width: int, seed: int, channels: int) -> Array:
    """Draw as `draw` does, with any number of bands: (height, width, channels) uint8."""
    parts = [draw(height, width, seed + SEEDS * part) for part in range(-(-channels // 3))]
    return np.concatenate(parts, axis=2)[..., :channels]


def draw(height: int, width: int, seed: int) -> Array:
    """Draw discs and squares on a color ramp with a little noise.

    Args:
        height: pixels.
        width: pixels.
        seed: of the random numbers.

    Returns:
        (height, width, 3) uint8, the same for the same arguments on every machine.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.stack([x * 160 // width, y * 160 // height, (x + y) * 160 // (width + height)], axis=-1)
    image: Array = (ramp + random.integers(0, 24, (height, width, 3))).astype(np.uint8)
    for _ in range(12):
        radius = int(random.integers(8, max(min(height, width) // 3, 9)))
        center_x, center_y = int(random.integers(0, width)), int(random.integers(0, height))
        color = random.integers(0, 256, 3, dtype=np.uint8)
        disc = (x - center_x) ** 2 + (y - center_y) ** 2 < radius**2
        square = np.maximum(abs(x - center_x), abs(y - center_y)) < radius
        image[disc if random.random() < 0.5 else square] = color
    return image


def _tensor(bgr: Array, shape_hw: tuple[int, int], stride: int, fit: str, *, rectangular: bool) -> Array:
    """Return the input that Ultralytics' own letterbox makes: the network is judged here, not our preprocessing."""
    from ultralytics.data.augment import CenterCrop, LetterBox

    if fit == CROP:
        boxed = CenterCrop(shape_hw)(bgr)
    else:
        boxed = LetterBox(shape_hw, auto=rectangular, scale_fill=fit == STRETCH, stride=stride)(image=bgr)
    ordered = boxed[..., ::-1] if boxed.shape[2] == 3 else boxed
    return np.ascontiguousarray(ordered.transpose(2, 0, 1)[None], dtype=np.float32) / 255
