"""Masks that reach into the padding of the model input: labels have the points of the mask before it was clipped."""

import numpy as np
import pytest

from function.arrays import Bools
from scripts.predictions import contours, input_masks, padding, yolo_labels
from scripts.predictions.input_masks import Point
from tests.scripts.predictions.test_input_masks import MODEL, response_polygons

SQUARE = {**MODEL, "is_rectangular": False}  # input: 160 x 160
WIDE, TALL = (160, 100), (100, 160)  # image: 30 pixels of padding above and below, or on the left and the right
ROWS, COLUMNS = np.mgrid[:160, :160]


def label_points(mask: Bools, size_wh: tuple[int, int]) -> list[Point]:
    """Return the line of a mask as `save_txt` writes it, in pixels of the image."""
    points = yolo_labels.join(contours.find(mask))
    return input_masks.points_to_image(points, input_masks.geometry_of(size_wh, SQUARE))


def restored(mask: Bools, size_wh: tuple[int, int]) -> Bools:
    """Return the mask that the clipped polygons of a response give."""
    geometry = input_masks.geometry_of(size_wh, SQUARE)
    return input_masks.fill(response_polygons(mask, geometry), geometry)


def ellipse(center: tuple[float, float], radii: tuple[float, float], angle: float) -> Bools:
    x, y = COLUMNS - center[0], ROWS - center[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside: Bools = (along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1
    return inside


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("size_wh", [WIDE, TALL])
@pytest.mark.parametrize("border", [30.0, 130.0])
def test_ellipse_over_a_border_has_the_points_of_the_whole_mask(
    seed: int, size_wh: tuple[int, int], border: float
) -> None:
    random = np.random.default_rng(seed)
    place, aside = border + random.uniform(-6, 6), random.uniform(40, 120)
    center = (aside, place) if size_wh == WIDE else (place, aside)
    mask = ellipse(center, (random.uniform(8, 40), random.uniform(8, 25)), random.uniform(0, np.pi))
    assert label_points(restored(mask, size_wh), size_wh) == label_points(mask, size_wh)


@pytest.mark.parametrize(
    "mask",
    [
        (ROWS >= 110) & (ROWS < 130) & (COLUMNS >= 20) & (COLUMNS < 50),
        (ROWS >= 110) & (ROWS < 131) & (COLUMNS >= 20) & (COLUMNS < 50),
        (ROWS >= 20) & (ROWS < 140) & (COLUMNS >= 20) & (COLUMNS < 50),
        (abs(COLUMNS - 60) < 140 - ROWS) & (ROWS >= 110),
        (abs(COLUMNS - 60) <= 140 - ROWS) & (ROWS >= 110),
    ],
    ids=["to the border", "one row outside", "over both borders", "triangle", "triangle with a tip of one pixel"],
)
def test_shape_with_straight_edges_has_the_points_of_the_whole_mask(mask: Bools) -> None:
    assert label_points(restored(mask, WIDE), WIDE) == label_points(mask, WIDE)


@pytest.mark.parametrize("rows", [(10, 11), (140, 150)])
def test_part_in_the_padding_alone_is_part_of_the_line(rows: tuple[int, int]) -> None:
    inside = (ROWS >= 60) & (ROWS < 90) & (COLUMNS >= 20) & (COLUMNS < 50)
    outside = (rows[0] <= ROWS) & (rows[1] > ROWS) & (COLUMNS >= 30) & (COLUMNS < 40)
    assert label_points(restored(inside | outside, WIDE), WIDE) == label_points(inside | outside, WIDE)


def test_part_without_a_possible_place_stays_clipped() -> None:
    slit = np.array([[10.0, 120.5], [20.5, 130.0], [20.5, 110.0]])  # straight to the border at half a pixel
    assert (padding.restore(slit, 1, 130.0, 1, 30.0) == slit).all()


def test_polygon_within_the_image_is_the_same() -> None:
    polygon = np.array([[10.5, 50.0], [19.5, 50.0], [20.0, 50.5], [20.0, 59.5]])
    assert (padding.restore(polygon, 1, 130.0, 1, 30.0) == polygon).all()


def test_no_place_is_deeper_than_the_padding() -> None:
    mask = (ROWS >= 60) & (COLUMNS >= ROWS - 50) & (COLUMNS < 120)  # down to the last row
    assert label_points(restored(mask, WIDE), WIDE) == label_points(mask, WIDE)
