"""Areas that boxes share."""

from typing import Any

import numpy as np
import pytest

from function.tiling.overlaps import RotatedBoxes, UprightBoxes

QUARTER = np.pi / 2
SQUARE = [10.0, 10.0, 8.0, 8.0, 0.0]
PAIRS: dict[str, tuple[Any, Any, float]] = {  # two rotated boxes and the area that they share
    "equal": (SQUARE, SQUARE, 64),
    "equal after a quarter turn": (SQUARE, [10, 10, 8, 8, QUARTER], 64),
    "octagon": (SQUARE, [10, 10, 8, 8, QUARTER / 2], 128 * (2**0.5 - 1)),
    "one inside the other": (SQUARE, [11, 9, 2, 3, 0.7], 6),
    "side by side": (SQUARE, [18, 10, 8, 8, 0], 0),
    "apart though their enclosing boxes overlap": ([0, 0, 40, 2, QUARTER / 2], [6, -6, 40, 2, QUARTER / 2], 0),
    "cross": ([0, 0, 20, 4, 0.3], [0, 0, 20, 4, 0.3 + QUARTER], 16),
    "shifted by a half": (SQUARE, [14, 10, 8, 8, 0], 32),
    "without area": (SQUARE, [10, 10, 0, 0, 0], 0),
}


@pytest.mark.parametrize("name", PAIRS)
def test_rotated_boxes_share_the_area_of_their_intersection(name: str) -> None:
    first, second, area = PAIRS[name]
    boxes = RotatedBoxes.of(np.array([first, second], dtype=np.float32))
    rows = np.arange(2)
    shared = boxes.shared(rows, rows)
    assert shared[0, 1] == pytest.approx(area, abs=1e-3)
    assert shared[1, 0] == pytest.approx(area, abs=1e-3)


def test_rotated_boxes_share_the_area_of_upright_boxes_at_angle_zero() -> None:
    rng = np.random.default_rng(3)
    center, sides = rng.uniform(0, 100, (40, 2)), rng.uniform(1, 60, (40, 2))
    rotated = np.hstack((center, sides, np.zeros((40, 1)))).astype(np.float32)
    upright = np.hstack((center - sides / 2, center + sides / 2)).astype(np.float32)
    rows = np.arange(40)
    expected = UprightBoxes.of(upright).shared(rows, rows)
    np.testing.assert_allclose(RotatedBoxes.of(rotated).shared(rows, rows), expected, atol=0.02)


def test_no_boxes_share_nothing() -> None:
    empty = np.arange(0)
    assert RotatedBoxes.of(np.zeros((0, 5), dtype=np.float32)).shared(empty, empty).shape == (0, 0)
    assert UprightBoxes.of(np.zeros((0, 4), dtype=np.float32)).shared(empty, empty).shape == (0, 0)
