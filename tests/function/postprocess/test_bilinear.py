"""Interpolation at the edges: windows without a sample, and samples up to the last pixel."""

import numpy as np
import pytest

from function.postprocess.bilinear import above_zero, interpolation, sample

PLANE = np.arange(-6, 6, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(("rows", "columns"), [((0, 0), (0, 8)), ((0, 6), (8, 8)), ((6, 6), (8, 8))])
def test_window_without_samples_is_an_empty_mask(rows: tuple[int, int], columns: tuple[int, int]) -> None:
    window = interpolation(3, 6, *rows), interpolation(4, 8, *columns)
    inside = above_zero(PLANE, *window)
    assert (inside.dtype, inside.shape) == (np.bool_, (rows[1] - rows[0], columns[1] - columns[0]))
    assert sample(PLANE, *window).shape == inside.shape


@pytest.mark.parametrize(("source", "target"), [(3, 6), (160, 640), (16, 64), (7, 5), (1, 9), (160, 4999)])
def test_samples_stay_within_the_source(source: int, target: int) -> None:
    made = interpolation(source, target, 0, target)
    assert (made.before.min(), made.after.max()) == (0, source - 1)
    assert (made.before <= made.after).all()
    assert ((made.weight_after >= 0) & (made.weight_after < 1)).all()
