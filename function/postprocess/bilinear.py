"""Bilinear interpolation of a 2-D array, as torch's `interpolate` computes it, limited to the requested samples."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Bools, Floats, Indices

NONE, SOME, ALL = 0, 1, 2  # of the four numbers around a sample are above 0


class Interpolation(NamedTuple):
    """Interpolation along one side: for each sample two source positions and the weight of the second."""

    before: Indices
    after: Indices
    weight_after: Floats


def interpolation(source: int, target: int, start: int, stop: int) -> Interpolation:
    """Return the interpolation for the samples `start` to `stop`, when `source` numbers are scaled to `target`.

    Source: torch 2.13.0 `interpolate` with mode bilinear and align_corners False.
    """
    scale = np.float32(source / target)
    position = ((np.arange(start, stop, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)).clip(0)
    before = np.minimum(position.astype(np.intp), source - 1)
    return Interpolation(before, np.minimum(before + 1, source - 1), position - before.astype(np.float32))


def sample(plane: Floats, rows: Interpolation, columns: Interpolation) -> Floats:
    """Return a window of the plane at another scale.

    Args:
        plane: (H, W) float32.
        rows: from `interpolation`, R samples.
        columns: from `interpolation`, S samples.

    Returns:
        (R, S) float32.
    """
    left, right = (int(columns.before[0]), int(columns.after[-1]) + 1) if columns.before.size else (0, 1)
    band = plane[:, left:right]
    upper = band[rows.before]  # (R, needed columns)
    mixed = upper + (band[rows.after] - upper) * rows.weight_after[:, None]
    first = mixed.take(columns.before - left, axis=1)
    sampled: Floats = first + (mixed.take(columns.after - left, axis=1) - first) * columns.weight_after
    return sampled


def above_zero(plane: Floats, rows: Interpolation, columns: Interpolation) -> Bools:
    """Return where `sample` is above 0; only samples between numbers of different sign are computed.

    Args:
        plane: (H, W) float32.
        rows: from `interpolation`, R samples.
        columns: from `interpolation`, S samples.

    Returns:
        (R, S) bool.
    """
    if not (rows.before.size and columns.before.size):
        return np.zeros((rows.before.size, columns.before.size), dtype=bool)
    top, left = int(rows.before[0]), int(columns.before[0])
    window = plane[top : int(rows.after[-1]) + 1, left : int(columns.after[-1]) + 1]
    # Columns first, while there are few rows: whole rows are copied after that.
    agreement = _agreement(window > 0).take(columns.before - left, axis=1).take(rows.before - top, axis=0)
    inside: Bools = agreement == ALL
    row, column = np.divmod(np.flatnonzero(agreement == SOME), columns.before.size)
    upper, lower = rows.before[row] - top, rows.after[row] - top
    near, far = columns.before[column] - left, columns.after[column] - left
    weight = rows.weight_after[row]
    first = window[upper, near] + (window[lower, near] - window[upper, near]) * weight
    second = window[upper, far] + (window[lower, far] - window[upper, far]) * weight
    inside[row, column] = first + (second - first) * columns.weight_after[column] > 0
    return inside


def _agreement(inside: Bools) -> NDArray[np.uint8]:
    """Return for each number whether NONE, SOME or ALL of it and its neighbors to the right and below are inside."""
    every, some = inside.copy(), inside.copy()
    every[:-1] &= inside[1:]
    some[:-1] |= inside[1:]
    every_pair, some_pair = every.copy(), some.copy()  # of two rows
    every[:, :-1] &= every_pair[:, 1:]
    some[:, :-1] |= some_pair[:, 1:]
    return every.view(np.uint8) + some.view(np.uint8)
