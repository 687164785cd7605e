"""Readings of dials: from four points to a text. Expected values follow from the angles at which the points are put."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import ReadingFailed
from function.reading_settings import Scale
from function.readings import scale

BAR = Scale(0, 10, "bar")


def dial(needle: float, start: float = 225, end: float = 135, confidence: float = 0.9) -> np.ndarray:
    """Return the four points of a dial with hands at clockwise degrees from 12 o'clock."""
    rows = [(200.0, 100.0, confidence)]
    for degrees, length in ((needle, 60), (start, 80), (end, 80)):
        turned = math.radians(degrees)
        rows.append((200 + length * math.sin(turned), 100 - length * math.cos(turned), confidence))
    return np.array(rows, dtype=np.float32)


@pytest.mark.parametrize(
    ("needle", "text"),
    [(225, "0.0 bar"), (0, "5.0 bar"), (135, "10.0 bar"), (270, "1.7 bar"), (338.4, "4.2 bar"), (45, "6.7 bar")],
)
def test_reading_follows_the_needle_clockwise(needle: float, text: str) -> None:
    assert scale.read(dial(needle), BAR) == text


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        (None, "0.50"),
        (Scale(0, 1, ""), "0.50"),
        (Scale(0, 400, "psi"), "200 psi"),
        (Scale(0, 16, "bar"), "8.0 bar"),
        (Scale(0, 1.6, "MPa"), "0.80 MPa"),
        (Scale(-1, 3, "bar"), "1.00 bar"),
        (Scale(-1, 1, "bar"), "0.00 bar"),
        (Scale(100, 0, "%"), "50 %"),
        (Scale(0, 1e6, "Pa"), "500000 Pa"),
    ],
)
def test_decimals_show_a_hundredth_of_the_scale(ends: Scale | None, text: str) -> None:
    assert scale.read(dial(0), ends) == text


@pytest.mark.parametrize(("needle", "text"), [(224, "0.0 bar"), (200, "0.0 bar"), (136, "10.0 bar"), (160, "10.0 bar")])
def test_needle_near_an_end_reads_as_this_end(needle: float, text: str) -> None:
    assert scale.read(dial(needle), BAR) == text


@pytest.mark.parametrize("needle", [180, 170, 190])
def test_needle_far_off_the_scale_is_an_error(needle: float) -> None:
    with pytest.raises(ReadingFailed, match="degrees outside of it"):
        scale.read(dial(needle), BAR)


def test_small_gap_has_no_needle_far_off() -> None:
    assert scale.share(dial(needle=181, start=190, end=170)) == 0
    assert scale.share(dial(needle=179, start=190, end=170)) == 1


@given(st.floats(0, 360), st.floats(30, 350), st.floats(0, 1), st.floats(0, 360))
def test_rotated_dial_has_the_same_reading(start: float, sweep: float, share: float, turned: float) -> None:
    points = dial(start + share * sweep + turned, start + turned, start + sweep + turned)
    assert scale.share(points) == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("row", range(4))
def test_point_that_is_not_visible_is_an_error(row: int) -> None:
    points = dial(0)
    points[row, 2] = 0.49
    with pytest.raises(ReadingFailed, match=rf"confidence of {scale.POINTS[row]} must be at least 0.5, got 0.49"):
        scale.read(points, BAR)


def test_points_without_confidence_are_read() -> None:
    assert scale.read(dial(0)[:, :2], BAR) == "5.0 bar"


@pytest.mark.parametrize("row", [1, 2, 3])
def test_point_on_the_center_is_an_error(row: int) -> None:
    points = dial(0)
    points[row, :2] = points[0, :2]
    with pytest.raises(ReadingFailed, match="away from the center"):
        scale.read(points, BAR)


def test_ends_of_the_scale_at_one_place_are_an_error() -> None:
    with pytest.raises(ReadingFailed, match="at least 15 degrees apart"):
        scale.read(dial(0, start=100, end=101), BAR)


def test_all_points_at_one_place_are_an_error() -> None:
    with pytest.raises(ReadingFailed):
        scale.read(np.full((4, 3), 7, np.float32), BAR)
