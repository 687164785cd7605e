"""Crops of detections: the part of the upright image at full resolution, with a margin."""

import math
from io import BytesIO

from PIL import Image

from function.arrays import Floats
from function.metadata import RGB_CHANNELS
from function.preprocess import multiband

MARGIN = 0.1  # of the longer side of a box, on each side: a detector may cut the rim of an object
MAX_SIDE = 1568  # px; Anthropic reduces larger images, and Converse takes at most 8000 px and 3.75 MB
QUALITY = 95  # of the JPEG


def cut(
    data: bytes, boxes_xyxy: Floats, max_pixels: int, memory_mb: int | None, channels: int = RGB_CHANNELS
) -> list[Image.Image]:
    """Return the crop of each box, RGB, at most `MAX_SIDE` pixels long.

    Args:
        data: the encoded image.
        boxes_xyxy: (K, 4) pixels of the upright image; K = 0 gives an empty list.
        max_pixels: limit on width x height.
        memory_mb: of the function; None: not checked.
        channels: of the model that found the boxes.

    Raises:
        UnsupportedImage: the image is broken.
        TooLarge: more pixels than the limit, or than the memory has room for.
    """
    whole = multiband.as_rgb(data, channels, max_pixels, memory_mb)
    return [_crop(whole, box) for box in boxes_xyxy.tolist()]


def to_jpeg(crop: Image.Image) -> bytes:
    """Return a crop as JPEG, without reduced colors: a thin red needle would lose its color."""
    buffer = BytesIO()
    crop.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def to_bmp(crop: Image.Image) -> bytes:
    """Return a crop as BMP, which is exact and needs no time to compress."""
    buffer = BytesIO()
    crop.save(buffer, "BMP")
    return buffer.getvalue()


def frame(box_xyxy: list[float], size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a crop: the box and its margin, within the image, at least one pixel."""
    x_min, y_min, x_max, y_max = box_xyxy
    margin = MARGIN * max(x_max - x_min, y_max - y_min)
    left, right = _span(x_min - margin, x_max + margin, size_wh[0])
    top, bottom = _span(y_min - margin, y_max + margin, size_wh[1])
    return left, top, right, bottom


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    start = min(max(math.floor(low), 0), size - 1)
    return start, min(max(math.ceil(high), start + 1), size)


def _crop(whole: Image.Image, box_xyxy: list[float]) -> Image.Image:
    crop = whole.crop(frame(box_xyxy, whole.size))
    crop.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return crop
