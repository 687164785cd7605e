"""What the two models are shown: bundled pictures, drawn the same everywhere, and the samples of the example.

Pixels and sizes only; nothing here knows a model.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from export.checkpoint import CROP, STRETCH, Checkpoint
from export.convert import Shape, finished_rows
from export.files import SAMPLES

MAX_SAMPLES = 4  # each costs three runs of the network
DRAWN_HW = ((480, 640), (640, 480), (500, 500), (120, 900))  # landscape, portrait, square, a strip

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """One picture, as the network sees it."""

    name: str
    tensor: Array  # (1, 3, H, W) float32, RGB, 0..1


def cases(wanted: Shape, checkpoint: Checkpoint) -> Iterator[Case]:
    """The letterboxed pictures: rectangular for a dynamic model, the full shape for a static one.

    A dynamic model is shown two more shapes that the letterbox of its own size never makes: the full square, and half
    of it, if that has as many anchors as an end-to-end head gives rows.

    Args:
        wanted: the shape of the model.
        checkpoint: how its pictures are made to fit, and its strides.
    """
    pictures = list(_pictures())
    full, stride = (wanted.height, wanted.width), checkpoint.stride
    for name, bgr in pictures:
        yield Case(name, _tensor(bgr, full, stride, checkpoint.fit, rectangular=not wanted.static))
    if not wanted.static:
        name, bgr = pictures[0]
        yield Case(f"{name}, full shape", _tensor(bgr, full, stride, checkpoint.fit, rectangular=False))
        half = wanted._replace(height=_half(wanted.height, stride), width=_half(wanted.width, stride))
        rows = [finished_rows(one, stride, checkpoint.strides) for one in (wanted, half._replace(static=True))]
        if rows[0] <= rows[1] or not wanted.end2end:
            tensor = _tensor(bgr, (half.height, half.width), stride, checkpoint.fit, rectangular=False)
            yield Case(f"{name}, half size", tensor)


def _half(side: int, stride: int) -> int:
    return max(side // 2 // stride * stride, stride)


def _pictures() -> Iterator[tuple[str, Array]]:
    import cv2

    for seed, (height, width) in enumerate(DRAWN_HW):
        yield f"drawn {width}x{height}", draw(height, width, seed)
    for path in sorted(SAMPLES.glob("*.jpg"))[:MAX_SAMPLES]:
        bgr = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            raise ValueError(f"{path} is not a picture that OpenCV reads")
        yield path.name, bgr


def draw(height: int, width: int, seed: int) -> Array:
    """A picture of discs and boxes on a ramp, under a little noise.

    Returns:
        (height, width, 3) uint8, the same for the same arguments on every machine.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.stack([x * 160 // width, y * 160 // height, (x + y) * 160 // (width + height)], axis=-1)
    picture: Array = (ramp + random.integers(0, 24, (height, width, 3))).astype(np.uint8)
    for _ in range(12):
        radius = int(random.integers(8, max(min(height, width) // 3, 9)))
        center_x, center_y = int(random.integers(0, width)), int(random.integers(0, height))
        color = random.integers(0, 256, 3, dtype=np.uint8)
        disc = (x - center_x) ** 2 + (y - center_y) ** 2 < radius**2
        square = np.maximum(abs(x - center_x), abs(y - center_y)) < radius
        picture[disc if random.random() < 0.5 else square] = color
    return picture


def _tensor(bgr: Array, shape_hw: tuple[int, int], stride: int, fit: str, *, rectangular: bool) -> Array:
    """Ultralytics' own letterbox: this side judges the network, not our pixels."""
    from ultralytics.data.augment import CenterCrop, LetterBox

    if fit == CROP:
        boxed = CenterCrop(shape_hw)(bgr)
    else:
        boxed = LetterBox(shape_hw, auto=rectangular, scale_fill=fit == STRETCH, stride=stride)(image=bgr)
    rgb = boxed[..., ::-1].transpose(2, 0, 1)  # (3, H, W)
    return np.ascontiguousarray(rgb[None], dtype=np.float32) / 255
