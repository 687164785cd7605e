"""Bilinear interpolation of a 2-D array, as torch's `interpolate` computes it, limited to the requested samples."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Bools, Floats, Indices

NONE, SOME, ALL = 0, 1, 2  # of the four numbers around a sample are above 0
# Bound of the rounding error of `sample` relative to the largest of four numbers: 25 roundings of 2 ** -24, rounded up.
ROUNDING = 2.0**-19


class Interpolation(NamedTuple):
    """Interpolation along one side: for each sample two source positions and the weight of the second."""

    before: Indices
    after: Indices
    weight_after: Floats


class Steps(NamedTuple):
    """Where values may change, column by column: each holds from its position up to the next one."""

    positions: Indices  # column * rows + row, ascending
    inside: Bools


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
    inside[row, column] = _sample_at(window, rows, columns, row, column) > 0
    return inside


def steps_above_zero(plane: Floats, rows: Interpolation, columns: Interpolation) -> Steps:
    """Return the values of `above_zero` column by column, without an array of all samples.

    Between two rows of the plane the samples of a column are linear in the row. They change their sign once, and only
    those so close to 0 that rounding decides are computed.

    Args:
        plane: (H, W) float32.
        rows: from `interpolation`, R samples; R > 0.
        columns: from `interpolation`, S samples; S > 0.
    """
    top, left = int(rows.before[0]), int(columns.before[0])
    window = plane[top : int(rows.after[-1]) + 1, left : int(columns.after[-1]) + 1]
    count = rows.before.size
    cells, starts = np.unique(rows.before, return_index=True)  # the rows of samples between two rows of the plane
    ends = np.append(starts[1:], count)
    states = _agreement(window > 0).T.take(cells - top, axis=1).take(columns.before - left, axis=0)  # (S, cells)
    relevant = states == SOME
    relevant[:, 0] = True
    relevant[:, 1:] |= states[:, 1:] != states[:, :-1]
    flat = np.flatnonzero(relevant)
    mixed = states.ravel()[flat] == SOME
    column, cell = np.divmod(flat[~mixed], cells.size)
    plain = Steps(column * count + starts[cell], states[column, cell] == ALL)
    column, cell = np.divmod(flat[mixed], cells.size)
    found = _crossings(window, rows, columns, cells[cell], (column, starts[cell], ends[cell]))
    positions, inside = (np.concatenate(parts) for parts in zip(plain, *found, strict=True))
    order = np.argsort(positions, kind="stable")
    return Steps(positions[order], inside[order])


def _crossings(
    window: Floats,
    rows: Interpolation,
    columns: Interpolation,
    cells: Indices,
    pieces: tuple[Indices, Indices, Indices],
) -> list[Steps]:
    """Return the steps in pieces of columns, each between two rows of the plane: its start, some samples, its rest."""
    column, start, end = pieces
    top, left = rows.before[0], columns.before[0]
    upper, lower = cells - top, rows.after[start] - top
    near, far = columns.before[column] - left, columns.after[column] - left
    corners = [window[row, side].astype(np.float64) for row in (upper, lower) for side in (near, far)]
    weight = columns.weight_after[column].astype(np.float64)
    with np.errstate(all="ignore"):  # equal ends, infinities
        first = corners[0] + (corners[1] - corners[0]) * weight
        slope = corners[2] + (corners[3] - corners[2]) * weight - first
        error = np.abs(corners).max(axis=0) * ROUNDING
        bounds: Any = np.sort([(-error - first) / slope, (error - first) / slope], axis=0)  # NaN is last
    flat = slope == 0
    bounds[:, flat] = np.inf
    unknown = np.isnan(bounds).any(axis=0) | (flat & (np.abs(first) <= error))
    bounds[0, unknown], bounds[1, unknown] = -np.inf, np.inf
    positions = rows.before + rows.weight_after.astype(np.float64)
    begin = np.searchsorted(positions, cells + bounds[0], "left").clip(start, end)
    stop = np.searchsorted(positions, cells + bounds[1], "right").clip(begin, end)
    count = rows.before.size
    before, after = begin > start, stop < end
    piece = np.repeat(np.arange(column.size), stop - begin)
    row = np.arange(piece.size) + (begin - np.cumsum(stop - begin) + (stop - begin))[piece]
    return [
        Steps((column * count + start)[before], np.where(flat, first > 0, slope < 0)[before]),
        Steps(column[piece] * count + row, _sample_at(window, rows, columns, row, column[piece]) > 0),
        Steps((column * count + stop)[after], (slope > 0)[after]),
    ]


def _sample_at(window: Floats, rows: Interpolation, columns: Interpolation, row: Indices, column: Indices) -> Floats:
    """Return single samples of the window that begins at the first source row and column; the numbers of `sample`."""
    top, left = rows.before[0], columns.before[0]
    upper, lower = rows.before[row] - top, rows.after[row] - top
    near, far = columns.before[column] - left, columns.after[column] - left
    weight = rows.weight_after[row]
    first = window[upper, near] + (window[lower, near] - window[upper, near]) * weight
    second = window[upper, far] + (window[lower, far] - window[upper, far]) * weight
    sampled: Floats = first + (second - first) * columns.weight_after[column]
    return sampled


def _agreement(inside: Bools) -> NDArray[np.uint8]:
    """Return for each number whether NONE, SOME or ALL of it and its neighbors to the right and below are inside."""
    every, some = inside.copy(), inside.copy()
    every[:-1] &= inside[1:]
    some[:-1] |= inside[1:]
    every_pair, some_pair = every.copy(), some.copy()  # of two rows
    every[:, :-1] &= every_pair[:, 1:]
    some[:, :-1] |= some_pair[:, 1:]
    return every.view(np.uint8) + some.view(np.uint8)
