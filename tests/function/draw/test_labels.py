"""Positions of labels: inside the image, and apart from each other and from the objects where there is room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from function.draw import labels

Boxes = list[tuple[float, float, float, float]]
IMAGE = (640, 480)
LABEL = (90, 20)


def place(boxes: Boxes, size_wh: tuple[int, int] = LABEL, image_wh: tuple[int, int] = IMAGE) -> list:
    boxes_xyxy = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    ends_xy = boxes_xyxy[:, [0, 1, 0, 3]]
    return labels.place([size_wh] * len(boxes), boxes_xyxy, ends_xy, image_wh)


def shared(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """The pixels that two boxes share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(width, 0) * max(height, 0)


def frame(corner: tuple[int, int]) -> tuple[int, int, int, int]:
    return (*corner, corner[0] + LABEL[0], corner[1] + LABEL[1])


@st.composite
def boxes_in(draw: st.DrawFn, count: int, low: float = 0, spread: float = 1) -> Boxes:
    """Boxes in the image, or a part of them outside if `low` is negative."""
    rows = []
    for _ in range(draw(st.integers(1, count))):
        xs = sorted(draw(st.floats(low, spread)) * IMAGE[0] for _ in range(2))
        ys = sorted(draw(st.floats(low, spread)) * IMAGE[1] for _ in range(2))
        rows.append((xs[0], ys[0], xs[1], ys[1]))
    return rows


@given(boxes_in(12, low=-1, spread=2))
@settings(max_examples=200, deadline=None)
def test_labels_are_inside_the_image(boxes: Boxes) -> None:
    for corner in filter(None, place(boxes)):
        assert 0 <= corner[0] <= IMAGE[0] - LABEL[0]
        assert 0 <= corner[1] <= IMAGE[1] - LABEL[1]


@given(boxes_in(30))
@settings(max_examples=200, deadline=None)
def test_labels_hide_no_more_of_each_other_than_allowed(boxes: Boxes) -> None:
    frames = [frame(corner) for corner in place(boxes) if corner]
    for number, own in enumerate(frames):
        hidden = sum(shared(own, other) for other in frames[:number])
        assert hidden <= labels.MAX_HIDDEN * LABEL[0] * LABEL[1]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12, unique=True))
@settings(max_examples=100, deadline=None)
def test_labels_of_separate_boxes_cover_no_box_and_no_label(cells: list[tuple[int, int]]) -> None:
    """In a cell of 213 x 120 pixels a box of 150 x 80 has room for its label."""
    boxes = [(213.3 * x + 20.4, 120 * y + 25.5, 213.3 * x + 170.7, 120 * y + 105.2) for x, y in cells]
    corners = place(boxes)
    assert None not in corners
    frames = [frame(corner) for corner in corners]
    for number, own in enumerate(frames):
        assert sum(shared(own, box) for box in boxes) == 0
        assert sum(shared(own, other) for other in frames[:number]) == 0


@given(boxes_in(1))
@settings(max_examples=200, deadline=None)
def test_label_of_a_single_box_does_not_cover_it_where_there_is_room(boxes: Boxes) -> None:
    (left, top, right, bottom), (corner,) = boxes[0], place(boxes)
    fits_above_or_below = top >= LABEL[1] or bottom + 1 <= IMAGE[1] - LABEL[1]
    if fits_above_or_below:
        assert shared(frame(corner), (left, top, right, bottom)) == 0


def test_label_is_above_the_left_corner_of_its_box() -> None:
    assert place([(100, 100, 300, 300)]) == [(100, 80)]


def test_label_of_a_box_at_the_upper_edge_is_below_it() -> None:
    assert place([(100, 0, 300, 300)]) == [(100, 300)]


def test_label_of_a_box_that_fills_the_image_is_in_its_corner() -> None:
    assert place([(0, 0, *IMAGE)]) == [(0, 0)]


def test_labels_of_equal_boxes_do_not_cover_each_other() -> None:
    corners = place([(100, 100, 300, 300)] * 6)
    frames = [frame(corner) for corner in corners]
    assert sum(shared(a, b) for number, a in enumerate(frames) for b in frames[:number]) == 0


def test_labels_cover_at_most_half_of_a_small_image() -> None:
    corners = place([(10, 10, 50, 50)] * 8, (50, 11), (64, 64))
    placed = [corner for corner in corners if corner]
    assert corners[0]
    assert 0.35 < len(placed) * 50 * 11 / 64**2 <= labels.MAX_COVERED


@pytest.mark.parametrize("size", [(64, 64), (300, 225), (640, 480), (4000, 3000), (5000, 64), (64, 5000)])
@pytest.mark.parametrize("name", ["gauge", "x" * 5000, "圧力計", ""])
def test_label_fits_into_the_image(name: str, size: tuple[int, int]) -> None:
    label = labels.make(name, 0.95, (0, 0, 0), size)
    assert label
    assert label.size_wh[0] <= size[0]
    assert label.size_wh[1] <= size[1] / 2
    assert label.text.endswith("0.95")


@pytest.mark.parametrize("size", [(1, 1), (20, 200), (200, 12)])
def test_image_without_room_for_a_text_has_no_label(size: tuple[int, int]) -> None:
    assert labels.make("gauge", 0.95, (0, 0, 0), size) is None


def test_long_name_is_shortened_and_the_confidence_stays() -> None:
    label = labels.make("pressure gauge", 0.953, (0, 0, 0), (64, 64))
    assert label
    assert label.text.startswith("pre")
    assert label.text.endswith("… 0.95")


@pytest.mark.parametrize(("size", "x_height"), [((64, 64), 5), ((640, 480), 8), ((1920, 1080), 17), ((4000, 3000), 35)])
def test_lowercase_letters_have_a_whole_number_of_pixels(size: tuple[int, int], x_height: int) -> None:
    assert labels.em_size(size) * 560 / 1024 == pytest.approx(x_height)
