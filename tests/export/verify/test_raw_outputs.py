"""What the numbers of an output are, and how outputs are compared."""

import numpy as np
import pytest

from export.verify import raw_outputs
from export.verify.raw_outputs import ANCHORS, FINISHED, PROBABILITIES, QUERIES, OutputLayout

DETECT = OutputLayout("detect", ANCHORS, classes=2)
END_TO_END = OutputLayout("detect", FINISHED, classes=2)


def rows(*values: list[float]) -> raw_outputs.Array:
    return np.array(values, dtype=np.float32)


def test_differences_are_told_by_what_they_mean() -> None:
    first, second = rows([10, 10, 4, 4, 0.5, 0]), rows([10, 10.5, 4, 4, 0.25, 0])
    assert raw_outputs.differences(DETECT, first, second) == {"boxes px": 0.5, "scores": 0.25}


@pytest.mark.parametrize(
    ("kind", "place", "name"),
    [
        (OutputLayout("segment", ANCHORS, 2), 6, "coefficients"),
        (OutputLayout("segment", FINISHED, 2), 6, "coefficients"),
        (OutputLayout("obb", ANCHORS, 2), 6, "angles"),
        (OutputLayout("pose", ANCHORS, 2, point_values=3), 6, "points px"),
        (OutputLayout("pose", ANCHORS, 2, point_values=3), 10, "points px"),
        (OutputLayout("pose", FINISHED, 2, point_values=3), 8, "visible"),
        (OutputLayout("pose", ANCHORS, 2, point_values=2), 8, "points px"),
        (OutputLayout("detect", FINISHED, 2), 4, "scores"),
        (OutputLayout("classify", PROBABILITIES, 12), 3, "scores"),
    ],
)
def test_a_change_is_seen_in_its_own_column_and_in_no_other(kind: OutputLayout, place: int, name: str) -> None:
    first = np.zeros((1, 12), dtype=np.float32)
    second = first.copy()
    second[0, place] = 0.25
    found = raw_outputs.differences(kind, first, second)
    assert {one for one, value in found.items() if value} == {name}


def test_every_column_has_a_floor() -> None:
    for task in ("detect", "segment", "pose", "obb"):
        for layout in (ANCHORS, FINISHED):
            names = {column.name for column in raw_outputs.columns(OutputLayout(task, layout, 2, 3))} - {"class"}
            assert names <= raw_outputs.TOLERANCES.keys()


def test_outputs_of_other_shapes_are_not_compared() -> None:
    with pytest.raises(ValueError, match=r"\(1, 5\) and \(2, 5\)"):
        raw_outputs.differences(DETECT, np.zeros((1, 5)), np.zeros((2, 5)))


def test_an_output_that_is_not_a_number_is_no_small_difference() -> None:
    broken = rows([np.nan] * 6)
    found = raw_outputs.differences(DETECT, broken, broken)
    assert not raw_outputs.ratio(found, dict.fromkeys(found, 1.0), 20.0) <= 20.0


def test_finished_rows_are_paired_in_any_order() -> None:
    reference = rows([0, 0, 9, 9, 0.9, 0], [20, 20, 40, 40, 0.8, 1], [50, 50, 60, 60, 0.1, 1])
    other = reference[[1, 0]]
    assert np.array_equal(raw_outputs.pair(reference, other), other)


def test_a_row_is_the_counterpart_of_one_row_only() -> None:
    reference, twice = rows([0, 0, 9, 9, 0.9, 0], [50, 50, 60, 60, 0.1, 0]), rows(*[[0, 0, 9, 9, 0.9, 0]] * 2)
    found = raw_outputs.differences(END_TO_END, raw_outputs.pair(reference, twice), twice)
    assert found["boxes px"] == 51


def test_a_row_of_a_class_that_nothing_has_is_infinitely_far() -> None:
    other = rows([0, 0, 9, 9, 0.9, 1])
    found = raw_outputs.differences(END_TO_END, raw_outputs.pair(rows([0, 0, 9, 9, 0.9, 0]), other), other)
    assert found["boxes px"] == np.inf


def test_queries_are_brought_to_pixels() -> None:
    found = raw_outputs.rows(OutputLayout("detect", QUERIES, 2), rows([0.5, 0.5, 0.25, 0.25, 0.9, 1]), (320, 160))
    assert found.tolist() == rows([160, 80, 80, 40, 0.9, 1]).tolist()


def test_anchors_and_probabilities_become_rows() -> None:
    assert raw_outputs.rows(DETECT, np.zeros((6, 40)), (320, 320)).shape == (40, 6)
    assert raw_outputs.rows(OutputLayout("classify", PROBABILITIES, 7), np.zeros(7), (64, 64)).shape == (1, 7)


def test_differences_below_their_floor_count_for_nothing() -> None:
    tiny = {name: floor / 2 for name, floor in raw_outputs.TOLERANCES.items()}
    assert raw_outputs.ratio(tiny, dict.fromkeys(tiny, 0.0), limit=20.0) <= 20.0
    assert raw_outputs.ratio(tiny | {"angles": 1.0}, dict.fromkeys(tiny, 0.0), limit=20.0) > 20.0
