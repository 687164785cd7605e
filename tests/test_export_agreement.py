"""The arithmetic that judges an exported model."""

import numpy as np
import pytest

from export import agreement, cases
from export.agreement import Array, Final
from export.convert import Shape, shape


def output(*anchors: list[float]) -> Array:
    """(1, 4+C, A) from one row per anchor."""
    return np.array(anchors, dtype=np.float32).T[None]


def test_no_boxes_agree_with_no_boxes() -> None:
    assert agreement.final(np.zeros((0, 6)), np.zeros((0, 6))) == Final((0, 0), 0, 1.0, 0.0)
    assert agreement.final(np.zeros((0, 6)), np.zeros((0, 6))).agrees


def test_a_box_without_area_agrees_with_itself() -> None:
    boxes = np.array([[10, 10, 5, 20, 0.9, 0], [3, 3, 3, 3, 0.8, 0]])
    assert agreement.final(boxes, boxes).agrees
    assert not agreement.final(boxes, boxes + 1).agrees


def test_boxes_agree_in_any_order() -> None:
    boxes = np.array([[0, 0, 10, 10, 0.9, 0], [20, 20, 40, 40, 0.8, 1]])
    assert agreement.final(boxes, boxes[::-1]).agrees


@pytest.mark.parametrize(
    "other",
    [
        [],
        [[0, 0, 10, 10, 0.9, 1]],  # another class
        [[0, 0, 10, 10.1, 0.9, 0]],  # an edge moved
        [[0, 0, 10, 10, 0.898, 0]],  # another confidence
        [[0, 0, 10, 10, 0.9, 0], [0, 0, 10, 10, 0.9, 0]],  # one too many
    ],
)
def test_boxes_that_differ_do_not_agree(other: list[list[float]]) -> None:
    box = np.array([[0, 0, 10, 10, 0.9, 0]])
    assert not agreement.final(box, np.array(other).reshape(-1, 6)).agrees


def test_raw_differences_are_told_by_boxes_and_scores() -> None:
    first, second = output([10, 10, 4, 4, 0.5]), output([10, 10.5, 4, 4, 0.25])
    assert agreement.raw(first, second) == agreement.Raw(box=0.5, score=0.25, relative=0.5)


def test_outputs_of_other_shapes_are_not_compared() -> None:
    with pytest.raises(ValueError, match=r"\(1, 5, 1\) and \(1, 5, 2\)"):
        agreement.raw(output([0] * 5), output([0] * 5, [0] * 5))


def test_the_usual_threshold_holds_where_something_is_found() -> None:
    assert agreement.threshold(output([0, 0, 1, 1, 0.3])) == agreement.CONF


def test_low_scores_lower_the_threshold_into_their_widest_gap() -> None:
    scores = [*np.linspace(0.02, 0.019, 40), *np.linspace(0.01, 0.009, 60)]
    found = agreement.threshold(output(*([0, 0, 1, 1, score] for score in scores)))
    assert 0.0101 < found < 0.0189


def test_scores_that_are_all_alike_are_all_above_the_threshold() -> None:
    assert 0 < agreement.threshold(output(*[[0, 0, 1, 1, 1e-4]] * 30)) < 1e-4


def test_an_output_that_is_not_a_number_does_not_agree_with_itself() -> None:
    broken = output([np.nan] * 5)
    assert agreement.threshold(broken) == agreement.CONF
    assert np.isnan(agreement.raw(broken, broken).box)


@pytest.mark.parametrize(
    ("imgsz", "wanted"), [((640,), (640, 640)), ((600,), (608, 608)), ((1,), (32, 32)), ((480, 650), (480, 672))]
)
def test_sides_are_rounded_up_to_the_stride(imgsz: tuple[int, ...], wanted: tuple[int, int]) -> None:
    assert shape(imgsz, 32, static=False) == Shape(*wanted, False)


def test_the_pictures_are_the_same_every_time() -> None:
    assert np.array_equal(cases.draw(120, 160, 3), cases.draw(120, 160, 3))
    assert not np.array_equal(cases.draw(120, 160, 3), cases.draw(120, 160, 4))
