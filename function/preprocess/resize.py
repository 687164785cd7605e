"""OpenCV's bilinear resize for 8-bit pictures, in integers, so that pixels are equal and not merely close."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WEIGHT_BITS = 11  # of a weight: 1.0 is 2048 in OpenCV's INTER_LINEAR for 8-bit pictures (imgproc/src/resize.cpp)
LEVEL_BITS = 8  # of a pixel
BAND = 16  # rows; measured best of 4, 8 and 16: what is worked on stays in the CPU's cache

Across = NDArray[np.unsignedinteger[Any]]


class FixedPointInterpolation(NamedTuple):
    """Along one side: for each wanted pixel the two it is mixed from, and their weights in parts of 2048."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    weight_before: NDArray[np.uint16]
    weight_after: NDArray[np.uint16]
    bits: int  # that the weights need: 1 where all are multiples of 1024, 11 where one is odd


def resize(pixels: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale a picture as OpenCV's INTER_LINEAR does, which looks at four pixels and never at more.

    Only the rows and columns that are looked at are touched, a band of rows at a time, so that the sums stay in the
    CPU's cache.

    Args:
        pixels: (H, W, C) uint8; C is 3, or 4, which is faster.
        size_wh: the wanted size, pixels.

    Returns:
        (h, w, C) uint8; the argument itself where it has that size already.

    Source: OpenCV 5.0, imgproc/src/resize.cpp: linear, 8 bits, fixed-point weights. Its integer steps are repeated
    here, so that pixels are equal and not merely close.
    """
    width, height = size_wh
    if pixels.shape[:2] == (height, width):
        return pixels
    columns, rows = _taps(pixels.shape[1], width), _taps(pixels.shape[0], height)
    if not (columns.weight_after.any() or rows.weight_after.any()):  # by an odd whole number: one pixel of each block
        return pixels[rows.before[0] :: _step(rows), columns.before[0] :: _step(columns)]
    narrow = columns.bits + rows.bits + LEVEL_BITS <= 16
    flat, columns = _elements(pixels, columns)
    needed, where = np.unique(np.concatenate((rows.before, rows.after)), return_inverse=True)
    above, below = where[:height], where[height:]  # positions among the needed rows
    resized = np.empty((height, width * pixels.shape[2]), dtype=np.uint8)
    for start in range(0, height, BAND):
        band = slice(start, start + BAND)
        first, last = above[band][0], below[band][-1] + 1
        source = _rows(flat, needed[first:last])
        across = (_across_narrow if narrow else _across)(source, columns)
        near, far = across.take(above[band] - first, axis=0), across.take(below[band] - first, axis=0)
        if narrow:
            resized[band] = _down_narrow(near, far, rows, band, columns.bits)
        else:
            resized[band] = _down(near, far, rows, band)
    return resized.reshape(height, width, pixels.shape[2])


def _taps(source: int, wanted: int) -> FixedPointInterpolation:
    position = ((np.arange(wanted, dtype=np.float64) + 0.5) * (source / wanted) - 0.5).astype(np.float32)
    first = np.floor(position)
    fraction = position - first
    one = np.float32(1 << WEIGHT_BITS)
    weight_before = np.rint((np.float32(1) - fraction) * one).astype(np.uint16)
    weight_after = np.rint(fraction * one).astype(np.uint16)
    used = int(np.bitwise_or.reduce(weight_before | weight_after))
    return FixedPointInterpolation(
        before=np.clip(first, 0, source - 1).astype(np.intp),
        after=np.clip(first + 1, 0, source - 1).astype(np.intp),
        weight_before=weight_before,
        weight_after=weight_after,
        bits=max(1, WEIGHT_BITS + 1 - (used & -used).bit_length()),
    )


def _step(taps: FixedPointInterpolation) -> int:
    return int(taps.before[1] - taps.before[0]) if len(taps.before) > 1 else int(taps.before[0]) + 1


def _elements(
    pixels: NDArray[np.uint8], columns: FixedPointInterpolation
) -> tuple[NDArray[Any], FixedPointInterpolation]:
    """What is picked along a row, (H, N), and the taps for it: four channels go as one number, three one by one.

    The weights are in parts of 2 ** bits then, and there is one for every byte.
    """
    channels, spare = pixels.shape[2], WEIGHT_BITS - columns.bits
    columns = columns._replace(
        weight_before=np.right_shift(columns.weight_before, spare, dtype=np.uint16).repeat(channels),
        weight_after=np.right_shift(columns.weight_after, spare, dtype=np.uint16).repeat(channels),
    )
    if channels == 4:
        return pixels.view(np.uint32)[..., 0], columns
    before, after = ((place[:, None] * channels + np.arange(channels)).ravel() for place in columns[:2])
    return pixels.reshape(len(pixels), -1), columns._replace(before=before, after=after)


def _rows(flat: NDArray[Any], needed: NDArray[np.intp]) -> NDArray[Any]:
    """The rows of a band; not copied where they follow each other."""
    if needed[-1] - needed[0] == len(needed) - 1:
        return flat[needed[0] : needed[-1] + 1]
    return flat[needed]


def _pick(source: NDArray[Any], places: NDArray[np.intp]) -> NDArray[np.uint16]:
    return source.take(places, axis=1, mode="clip").view(np.uint8).astype(np.uint16)


def _across_narrow(source: NDArray[Any], columns: FixedPointInterpolation) -> NDArray[np.uint16]:
    """(R, N) to (R, w*C), in parts of 2 ** columns.bits; exact, so that nothing needs cutting off yet."""
    across = _pick(source, columns.before)
    across *= columns.weight_before
    after = _pick(source, columns.after)
    after *= columns.weight_after
    across += after
    return across


def _down_narrow(near: Across, far: Across, rows: FixedPointInterpolation, band: slice, column_bits: int) -> Across:
    """The mix of two rows; `(product >> 16)` of `_down`, where the lower bits of both weights are known to be 0."""
    spare = WEIGHT_BITS - rows.bits
    cut = column_bits + rows.bits - 2
    near *= (rows.weight_before[band] >> spare)[:, None]
    near >>= cut
    far *= (rows.weight_after[band] >> spare)[:, None]
    far >>= cut
    near += far
    near += 2
    near >>= 2
    return near


def _across(source: NDArray[Any], columns: FixedPointInterpolation) -> NDArray[np.uint16]:
    """(R, N) to (R, w*C), in parts of 128.

    That is `(before * weight_before + after * weight_after) >> 4`, in 16 bits by splitting the weights at their fourth
    bit: the upper parts come out whole, and only the lower ones are cut off.
    """
    spare = WEIGHT_BITS - columns.bits
    weight_before, weight_after = columns.weight_before << spare, columns.weight_after << spare
    before, after = _pick(source, columns.before), _pick(source, columns.after)
    lower_before, lower_after = weight_before & 15, weight_after & 15
    across = before * (weight_before >> 4)
    across += after * (weight_after >> 4)
    if lower_before.any() or lower_after.any():
        before *= lower_before
        after *= lower_after
        before += after
        before >>= 4
        across += before
    return across


def _down(near: Across, far: Across, rows: FixedPointInterpolation, band: slice) -> NDArray[np.uint32]:
    """The mix of two rows, in 32 bits; each side is cut off before the sum, as OpenCV does it."""
    above, below = near.astype(np.uint32), far.astype(np.uint32)
    above *= rows.weight_before[band, None]
    above >>= 16
    below *= rows.weight_after[band, None]
    below >>= 16
    above += below
    above += 2
    above >>= 2
    return above
