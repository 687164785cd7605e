"""Bilinear sampling of one plane of numbers, as torch's `interpolate` does it; only what is asked for is computed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.boxes import Floats


class Taps(NamedTuple):
    """Along one side: for each wanted sample the two it is mixed from, and the share of the second."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    share: Floats


def taps(source: int, wanted: int, start: int, stop: int) -> Taps:
    """Where the samples from `start` to `stop` of `wanted` lie among `source` numbers.

    Source: torch 2.13.0 `interpolate` with mode bilinear and align_corners False.
    """
    scale = np.float32(source / wanted)
    position = ((np.arange(start, stop, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)).clip(0)
    before = np.minimum(position.astype(np.intp), source - 1)
    return Taps(before, np.minimum(before + 1, source - 1), position - before.astype(np.float32))


def sample(plane: Floats, rows: Taps, columns: Taps) -> Floats:
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
