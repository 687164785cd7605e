"""OpenCV's bilinear resize for 8-bit pictures, in integers, so that pixels are equal and not merely close."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WEIGHT_ONE = 2048  # 1.0 as OpenCV's INTER_LINEAR counts it for 8-bit pictures: 11 bits (imgproc/src/resize.cpp)
BAND = 16  # rows; measured best of 4 to 32


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
