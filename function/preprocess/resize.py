"""Bilinear resize of 8-bit images in integers, bit-exact with OpenCV's INTER_LINEAR."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Array, Indices

WEIGHT_BITS = 11  # of a weight: 1.0 is 2048 in OpenCV's INTER_LINEAR for 8-bit images (imgproc/src/resize.cpp)
LEVEL_BITS = 8  # of a pixel
ROUNDED_UP = (1, 3, 4)  # channels for which OpenCV has a loop of its own that halves the sides
BAND = 16  # rows; measured best of 4, 8 and 16: the intermediate arrays stay in the CPU's cache
HALVES_BAND = 64  # rows of the means of four pixels; measured best of 8, 16, 32 and 64
EVEN_BYTES, ODD_BYTES = np.uint32(0x00FF00FF), np.uint32(0xFF00FF00)
ROUNDING = np.uint32(0x00020002)  # half of 4, in each 16 bits

Sums = NDArray[np.unsignedinteger[Any]]


class FixedPointInterpolation(NamedTuple):
    """Interpolation along one side: for each target pixel two source pixels and their weights in parts of 2048."""

    before: Indices
    after: Indices
    weight_before: NDArray[np.uint16]
    weight_after: NDArray[np.uint16]
    bits: int  # that the weights need: 1 if all are multiples of 1024, 11 if one is odd


def resize(pixels: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale an image as OpenCV's INTER_LINEAR does: each target pixel is a mix of at most four source pixels.

    Only the rows and columns that are needed are read, one band of rows at a time, so that the intermediate sums stay
    in the CPU's cache.

    Args:
        pixels: (H, W, C) uint8; 4 channels are faster than 3.
        size_wh: the target size, pixels.

    Returns:
        (h, w, C) uint8; the argument itself if it already has the target size.

    Source: OpenCV 5.0, imgproc/src/resize.cpp: linear, 8 bits, fixed-point weights. This function repeats its integer
    steps, so that pixels are equal and not only close.
    """
    width, height = size_wh
    if pixels.shape[:2] == (height, width):
        return pixels
    if pixels.shape[:2] == (2 * height, 2 * width) and pixels.shape[2] not in ROUNDED_UP:
        return _half(pixels)
    columns, rows = _interpolation(pixels.shape[1], width), _interpolation(pixels.shape[0], height)
    if not (columns.weight_after.any() or rows.weight_after.any()):  # by an odd whole number: one pixel of each block
        return pixels[rows.before[0] :: _step(rows), columns.before[0] :: _step(columns)]
    if pixels.shape[2] == 4 and _is_halves(columns) and _is_halves(rows):
        return _mix_halves(pixels, rows, columns)
    narrow = columns.bits + rows.bits + LEVEL_BITS <= 16
    flat, columns = _elements(pixels, columns)
    needed, positions = np.unique(np.concatenate((rows.before, rows.after)), return_inverse=True)
    upper, lower = positions[:height], positions[height:]  # positions among the needed rows
    resized = np.empty((height, width * pixels.shape[2]), dtype=np.uint8)
    for start in range(0, height, BAND):
        band = slice(start, start + BAND)
        first, last = upper[band][0], lower[band][-1] + 1
        source = _rows(flat, needed[first:last])
        mixed = (_mix_columns_narrow if narrow else _mix_columns)(source, columns)
        near, far = mixed.take(upper[band] - first, axis=0), mixed.take(lower[band] - first, axis=0)
        if narrow:
            resized[band] = _mix_rows_narrow(near, far, rows, band, columns.bits)
        else:
            resized[band] = _mix_rows(near, far, rows, band)
    return resized.reshape(height, width, pixels.shape[2])


def _interpolation(source: int, target: int) -> FixedPointInterpolation:
    position = ((np.arange(target, dtype=np.float64) + 0.5) * (source / target) - 0.5).astype(np.float32)
    first = np.floor(position)
    fraction = position - first
    scale = np.float32(1 << WEIGHT_BITS)
    weight_before = np.rint((np.float32(1) - fraction) * scale).astype(np.uint16)
    weight_after = np.rint(fraction * scale).astype(np.uint16)
    used = int(np.bitwise_or.reduce(weight_before | weight_after))
    return FixedPointInterpolation(
        before=np.clip(first, 0, source - 1).astype(np.intp),
        after=np.clip(first + 1, 0, source - 1).astype(np.intp),
        weight_before=weight_before,
        weight_after=weight_after,
        bits=max(1, WEIGHT_BITS + 1 - (used & -used).bit_length()),
    )


def _half(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mean of each 2 x 2 pixels; halves become even, as in OpenCV's loop for any number of channels."""
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // 2, 2, width // 2, 2, channels)
    return np.rint(blocks.sum(axis=(1, 3), dtype=np.uint16) / np.float32(4)).astype(np.uint8)


def _step(side: FixedPointInterpolation) -> int:
    return int(side.before[1] - side.before[0]) if len(side.before) > 1 else int(side.before[0]) + 1


def _is_halves(side: FixedPointInterpolation) -> bool:
    """Return whether each target pixel is the mean of two source pixels, as for an even whole number."""
    half = 1 << WEIGHT_BITS - 1
    return bool((side.weight_before == half).all() and (side.weight_after == half).all())


def _mix_halves(
    pixels: NDArray[np.uint8], rows: FixedPointInterpolation, columns: FixedPointInterpolation
) -> NDArray[np.uint8]:
    """Return the rounded means of four pixels each, two channels of a pixel in one 32-bit addition.

    The result is that of `_mix_rows_narrow`, in half the time.
    """
    flat, across = pixels.view(np.uint32)[..., 0], _step(columns)
    height, width = len(rows.before), len(columns.before)
    mixed = np.empty((height, width), dtype=np.uint32)
    for start in range(0, height, HALVES_BAND):
        upper = rows.before[start : start + HALVES_BAND]
        band = slice(int(upper[0]), int(upper[-1]) + 1, _step(rows))
        even = np.full((len(upper), width), ROUNDING, dtype=np.uint32)  # bytes 0 and 2 of each pixel
        odd = even.copy()  # bytes 1 and 3
        for source in (flat[band], flat[band.start + 1 : band.stop + 1 : band.step]):
            for first in (columns.before[0], columns.after[0]):
                corner = source[:, first::across][:, :width].copy()
                even += corner & EVEN_BYTES
                corner >>= LEVEL_BITS
                corner &= EVEN_BYTES
                odd += corner
        even >>= 2
        even &= EVEN_BYTES
        odd <<= LEVEL_BITS - 2
        odd &= ODD_BYTES
        np.bitwise_or(even, odd, out=mixed[start : start + HALVES_BAND])
    return mixed.view(np.uint8).reshape(height, width, 4)


def _elements(pixels: NDArray[np.uint8], columns: FixedPointInterpolation) -> tuple[Array, FixedPointInterpolation]:
    """Return the elements that are selected along a row, (H, N), and the interpolation for them.

    Four channels are selected as one 32-bit number, other numbers of channels byte by byte. The returned weights are in
    parts of 2 ** bits, one for every byte.
    """
    channels, spare = pixels.shape[2], WEIGHT_BITS - columns.bits
    columns = columns._replace(
        weight_before=np.right_shift(columns.weight_before, spare, dtype=np.uint16).repeat(channels),
        weight_after=np.right_shift(columns.weight_after, spare, dtype=np.uint16).repeat(channels),
    )
    if channels == 4:
        return pixels.view(np.uint32)[..., 0], columns
    before, after = ((index[:, None] * channels + np.arange(channels)).ravel() for index in columns[:2])
    return pixels.reshape(len(pixels), -1), columns._replace(before=before, after=after)


def _rows(flat: Array, needed: Indices) -> Array:
    """Return the rows of a band; consecutive rows are not copied."""
    if needed[-1] - needed[0] == len(needed) - 1:
        return flat[needed[0] : needed[-1] + 1]
    return flat[needed]


def _select(source: Array, indices: Indices) -> NDArray[np.uint16]:
    return source.take(indices, axis=1, mode="clip").view(np.uint8).astype(np.uint16)


def _mix_columns_narrow(source: Array, columns: FixedPointInterpolation) -> NDArray[np.uint16]:
    """Interpolate (R, N) to (R, w*C), in parts of 2 ** columns.bits; exact, because no bits are cut off."""
    mixed = _select(source, columns.before)
    mixed *= columns.weight_before
    after = _select(source, columns.after)
    after *= columns.weight_after
    mixed += after
    return mixed


def _mix_rows_narrow(near: Sums, far: Sums, rows: FixedPointInterpolation, band: slice, column_bits: int) -> Sums:
    """Mix two rows: `(product >> 16)` of `_mix_rows`, for weights whose lower bits are 0."""
    spare = WEIGHT_BITS - rows.bits
    shift = column_bits + rows.bits - 2
    near *= (rows.weight_before[band] >> spare)[:, None]
    near >>= shift
    far *= (rows.weight_after[band] >> spare)[:, None]
    far >>= shift
    near += far
    near += 2
    near >>= 2
    return near


def _mix_columns(source: Array, columns: FixedPointInterpolation) -> NDArray[np.uint16]:
    """Interpolate (R, N) to (R, w*C), in parts of 128.

    The result is `(before * weight_before + after * weight_after) >> 4`, in 16 bits. The weights are split at their
    fourth bit: the products with the upper parts are exact, and only those with the lower parts are shifted.
    """
    spare = WEIGHT_BITS - columns.bits
    weight_before, weight_after = columns.weight_before << spare, columns.weight_after << spare
    before, after = _select(source, columns.before), _select(source, columns.after)
    lower_before, lower_after = weight_before & 15, weight_after & 15
    mixed = before * (weight_before >> 4)
    mixed += after * (weight_after >> 4)
    if lower_before.any() or lower_after.any():
        before *= lower_before
        after *= lower_after
        before += after
        before >>= 4
        mixed += before
    return mixed


def _mix_rows(near: Sums, far: Sums, rows: FixedPointInterpolation, band: slice) -> NDArray[np.uint32]:
    """Mix two rows in 32 bits; each product is shifted before the sum, as in OpenCV."""
    upper, lower = near.astype(np.uint32), far.astype(np.uint32)
    upper *= rows.weight_before[band, None]
    upper >>= 16
    lower *= rows.weight_after[band, None]
    lower >>= 16
    upper += lower
    upper += 2
    upper >>= 2
    return upper
