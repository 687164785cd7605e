"""The letterbox: the picture scaled to the network's input, centred on grey, and the way back for boxes.

`fit` knows sizes and never pixels; `paint` knows pixels and takes every number from `fit`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.boxes import Floats

PAD_VALUE = 114  # grey; ultralytics 8.4.190 `LetterBox`, data/augment.py
WEIGHT_ONE = 2048  # 1.0 as OpenCV's INTER_LINEAR counts it for 8-bit pictures: 11 bits (imgproc/src/resize.cpp)
BAND = 16  # rows; measured best of 4 to 32


class Letterbox(NamedTuple):
    """Where a picture lies in the network's input; whole pixels only."""

    image_w: int
    image_h: int
    resized_w: int
    resized_h: int
    left: int
    top: int
    input_w: int
    input_h: int


class Inverse(NamedTuple):
    """The way back from the network's input: the sizes and the padding that `scale_boxes` works out for itself.

    It starts from the padded input and not from the ratio that painted. The two differ by a pixel where a resized
    side falls on a multiple of the stride after rounding down, in 0.7 % of all sizes.
    """

    resized_w: int
    resized_h: int
    left: int
    top: int


def inverse(box: Letterbox) -> Inverse:
    """The way back that Ultralytics takes, so that boxes are where `yolo predict` puts them.

    Source: ultralytics 8.4.190 `scale_boxes`, utils/ops.py.
    """
    gain = min(box.input_h / box.image_h, box.input_w / box.image_w)
    resized_w, resized_h = max(round(box.image_w * gain), 1), max(round(box.image_h * gain), 1)
    left, top = round((box.input_w - resized_w) / 2 - 0.1), round((box.input_h - resized_h) / 2 - 0.1)
    return Inverse(resized_w, resized_h, left, top)


def fit(size_wh: tuple[int, int], imgsz_hw: tuple[int, int], stride: int, rectangular: bool) -> Letterbox:
    """The letterbox of a picture.

    Args:
        size_wh: the upright picture, pixels.
        imgsz_hw: the network's input, pixels.
        stride: the largest stride of the network, pixels.
        rectangular: pad only up to the next multiple of the stride, which takes a model with dynamic sides.

    Source: ultralytics 8.4.190 `LetterBox.get_params`, data/augment.py (`auto` is `rectangular`).
    """
    image_w, image_h = size_wh
    imgsz_h, imgsz_w = imgsz_hw
    ratio = min(imgsz_h / image_h, imgsz_w / image_w)
    resized_w, resized_h = max(round(image_w * ratio), 1), max(round(image_h * ratio), 1)
    pad_w, pad_h = imgsz_w - resized_w, imgsz_h - resized_h
    if rectangular:
        pad_w, pad_h = pad_w % stride, pad_h % stride
    # An odd pixel of padding goes to the far side: that is what the 0.1 decides.
    left, top = round(pad_w / 2 - 0.1), round(pad_h / 2 - 0.1)
    return Letterbox(image_w, image_h, resized_w, resized_h, left, top, resized_w + pad_w, resized_h + pad_h)


def paint(pixels: NDArray[np.uint8], box: Letterbox) -> Floats:
    """The network's input.

    Args:
        pixels: (image_h, image_w, 3) uint8, RGB.
        box: where the picture goes.

    Returns:
        (1, 3, input_h, input_w) float32, 0..1, a new array.
    """
    tensor = np.full((1, 3, box.input_h, box.input_w), np.float32(PAD_VALUE) / np.float32(255), dtype=np.float32)
    resized = resize(pixels, (box.resized_w, box.resized_h))
    window = tensor[0, :, box.top : box.top + box.resized_h, box.left : box.left + box.resized_w]
    np.divide(resized.transpose(2, 0, 1), np.float32(255), out=window)
    return tensor


def undo(boxes_xyxy: Floats, box: Letterbox) -> Floats:
    """Boxes of the network's input, as boxes of the picture.

    Args:
        boxes_xyxy: (N, 4) float32, input pixels.
        box: the letterbox that painted the input.

    Returns:
        (N, 4) float32, pixels of the picture, clipped to it; a new array.

    Source: ultralytics 8.4.190 `scale_boxes`, utils/ops.py: one gain per axis, of the sides as they were rounded.
    """
    back = inverse(box)
    gain = np.array([back.resized_w / box.image_w, back.resized_h / box.image_h] * 2, dtype=np.float32)
    moved = (boxes_xyxy - np.array([back.left, back.top] * 2, dtype=np.float32)) / gain
    return moved.clip(0, np.array([box.image_w, box.image_h] * 2, dtype=np.float32))


def resize(pixels: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale a picture as OpenCV's INTER_LINEAR does, which looks at four pixels and never at more.

    Only the rows and columns that are looked at are touched, a band of rows at a time, so that the 32-bit sums stay
    in the CPU's cache.

    Args:
        pixels: (H, W, 3) uint8.
        size_wh: the wanted size, pixels.

    Returns:
        (h, w, 3) uint8; the argument itself where it has that size already.

    Source: OpenCV 5.0, imgproc/src/resize.cpp: linear, 8 bits, fixed-point weights. Its integer steps are repeated
    here, so that pixels are equal and not merely close.
    """
    width, height = size_wh
    if pixels.shape[:2] == (height, width):
        return pixels
    columns, rows = _channel_taps(_taps(pixels.shape[1], width)), _taps(pixels.shape[0], height)
    needed, where = np.unique(np.concatenate((rows.before, rows.after)), return_inverse=True)
    above, below = where[:height], where[height:]  # positions among the needed rows
    flat = pixels.reshape(pixels.shape[0], -1)  # (H, W*3)
    resized = np.empty((height, width * 3), dtype=np.uint8)
    for start in range(0, height, BAND):
        band = slice(start, start + BAND)
        first, last = above[band][0], below[band][-1] + 1
        across = _blend_columns(flat[needed[first:last]], columns)
        near = _weigh(across[above[band] - first], rows.weight_before[band])
        far = _weigh(across[below[band] - first], rows.weight_after[band])
        resized[band] = (near + far + 2) >> 2
    return resized.reshape(height, width, 3)


class Taps(NamedTuple):
    """Along one side: for each wanted pixel the two it is mixed from, and their weights in parts of 2048."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    weight_before: NDArray[np.int32]
    weight_after: NDArray[np.int32]


def _taps(source: int, wanted: int) -> Taps:
    position = ((np.arange(wanted, dtype=np.float64) + 0.5) * (source / wanted) - 0.5).astype(np.float32)
    first = np.floor(position)
    fraction = position - first
    return Taps(
        before=np.clip(first, 0, source - 1).astype(np.intp),
        after=np.clip(first + 1, 0, source - 1).astype(np.intp),
        weight_before=np.rint((np.float32(1) - fraction) * np.float32(WEIGHT_ONE)).astype(np.int32),
        weight_after=np.rint(fraction * np.float32(WEIGHT_ONE)).astype(np.int32),
    )


def _channel_taps(taps: Taps) -> Taps:
    """The same for rows that are three interleaved channels: one long inner loop instead of many of three."""
    channels = np.arange(3)
    return Taps(
        before=(taps.before[:, None] * 3 + channels).ravel(),
        after=(taps.after[:, None] * 3 + channels).ravel(),
        weight_before=taps.weight_before.repeat(3),
        weight_after=taps.weight_after.repeat(3),
    )


def _blend_columns(rows: NDArray[np.uint8], columns: Taps) -> NDArray[np.int32]:
    """(R, W*3) to (R, w*3), in parts of 128."""
    across = np.multiply(rows.take(columns.before, axis=1), columns.weight_before, dtype=np.int32)
    across += np.multiply(rows.take(columns.after, axis=1), columns.weight_after, dtype=np.int32)
    across >>= 4
    return across


def _weigh(across: NDArray[np.int32], weights: NDArray[np.int32]) -> NDArray[np.int32]:
    """One side of the mix of two rows, in parts of 4; changes and returns its argument, a fresh gather."""
    across *= weights[:, None]
    across >>= 16
    return across
