"""Bilinear sampling of one plane of numbers, as torch's `interpolate` does it; only what is asked for is computed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats

NONE, SOME, ALL = 0, 1, 2  # of the four numbers around a sample


class Interpolation(NamedTuple):
    """Along one side: for each wanted sample the two it is mixed from, and the share of the second."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    share: Floats


def taps(source: int, wanted: int, start: int, stop: int) -> Interpolation:
    """Where the samples from `start` to `stop` of `wanted` lie among `source` numbers.

    Source: torch 2.13.0 `interpolate` with mode bilinear and align_corners False.
    """
    scale = np.float32(source / wanted)
    position = ((np.arange(start, stop, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)).clip(0)
    before = np.minimum(position.astype(np.intp), source - 1)
    return Interpolation(before, np.minimum(before + 1, source - 1), position - before.astype(np.float32))


def sample(plane: Floats, rows: Interpolation, columns: Interpolation) -> Floats:
    """A window of the plane at another scale.

    Args:
        plane: (H, W) float32.
        rows: from `taps`, R of them.
        columns: from `taps`, S of them.

    Returns:
        (R, S) float32.
    """
    left, right = (int(columns.before[0]), int(columns.after[-1]) + 1) if columns.before.size else (0, 1)
    band = plane[:, left:right]
    lower = band[rows.before]  # (R, needed columns)
    down = lower + (band[rows.after] - lower) * rows.share[:, None]
    first = down.take(columns.before - left, axis=1)
    across: Floats = first + (down.take(columns.after - left, axis=1) - first) * columns.share
    return across


def above(plane: Floats, rows: Interpolation, columns: Interpolation) -> NDArray[np.bool_]:
    """Where `sample` would be above 0, computed only where the four numbers around a sample do not agree.

    Args:
        plane: (H, W) float32.
        rows: from `taps`, R of them.
        columns: from `taps`, S of them.

    Returns:
        (R, S) bool.
    """
    if not (rows.before.size and columns.before.size):
        return np.zeros((rows.before.size, columns.before.size), dtype=bool)
    top, left = int(rows.before[0]), int(columns.before[0])
    window = plane[top : int(rows.after[-1]) + 1, left : int(columns.after[-1]) + 1]
    # Columns first, while there are few rows: a row is then copied as a whole.
    agreed = _agreement(window > 0).take(columns.before - left, axis=1).take(rows.before - top, axis=0)
    found: NDArray[np.bool_] = agreed == ALL
    row, column = np.divmod(np.flatnonzero(agreed == SOME), columns.before.size)
    upper, lower = rows.before[row] - top, rows.after[row] - top
    near, far = columns.before[column] - left, columns.after[column] - left
    down = rows.share[row]
    first = window[upper, near] + (window[lower, near] - window[upper, near]) * down
    second = window[upper, far] + (window[lower, far] - window[upper, far]) * down
    found[row, column] = first + (second - first) * columns.share[column] > 0
    return found


def _agreement(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """For each number and its neighbors to the right and below: NONE, SOME or ALL of the four are inside."""
    every, some = inside.copy(), inside.copy()
    every[:-1] &= inside[1:]
    some[:-1] |= inside[1:]
    above_every, above_some = every.copy(), some.copy()
    every[:, :-1] &= above_every[:, 1:]
    some[:, :-1] |= above_some[:, 1:]
    return every.view(np.uint8) + some.view(np.uint8)
