"""Columns of raw outputs, and their comparison."""

import numpy as np
import pytest

from export.verify import raw_outputs
from export.verify.raw_outputs import ANCHORS, END_TO_END, PROBABILITIES, QUERIES, OutputLayout

DETECT = OutputLayout("detect", ANCHORS, classes=2)
DETECT_END_TO_END = OutputLayout("detect", END_TO_END, classes=2)


def rows(*values: list[float]) -> raw_outputs.Array:
    return np.array(values, dtype=np.float32)


def test_differences_are_reported_for_each_kind_of_column() -> None:
    first, second = rows([10, 10, 4, 4, 0.5, 0]), rows([10, 10.5, 4, 4, 0.25, 0])
    assert raw_outputs.differences(DETECT, first, second) == {"boxes px": 0.5, "scores": 0.25}


@pytest.mark.parametrize(
    ("layout", "column", "name"),
    [
        (OutputLayout("segment", ANCHORS, 2), 6, "coefficients"),
        (OutputLayout("segment", END_TO_END, 2), 6, "coefficients"),
        (OutputLayout("obb", ANCHORS, 2), 6, "angles"),
        (OutputLayout("pose", ANCHORS, 2, keypoint_values=3), 6, "keypoints px"),
        (OutputLayout("pose", ANCHORS, 2, keypoint_values=3), 10, "keypoints px"),
        (OutputLayout("pose", END_TO_END, 2, keypoint_values=3), 8, "visibility"),
        (OutputLayout("pose", ANCHORS, 2, keypoint_values=2), 8, "keypoints px"),
        (OutputLayout("detect", END_TO_END, 2), 4, "scores"),
        (OutputLayout("classify", PROBABILITIES, 12), 3, "scores"),
    ],
)
def test_change_is_reported_for_its_own_column_only(layout: OutputLayout, column: int, name: str) -> None:
    first = np.zeros((1, 12), dtype=np.float32)
    second = first.copy()
    second[0, column] = 0.25
    differences = raw_outputs.differences(layout, first, second)
    assert {key for key, value in differences.items() if value} == {name}


def test_every_column_has_a_tolerance() -> None:
    for task in ("detect", "segment", "pose", "obb"):
        for rows_of_head in (ANCHORS, END_TO_END):
            names = {column.name for column in raw_outputs.columns(OutputLayout(task, rows_of_head, 2, 3))} - {"class"}
            assert names <= raw_outputs.TOLERANCES.keys()


def test_outputs_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 5\) and \(2, 5\)"):
        raw_outputs.differences(DETECT, np.zeros((1, 5)), np.zeros((2, 5)))


def test_nan_output_is_not_a_small_difference() -> None:
    broken = rows([np.nan] * 6)
    differences = raw_outputs.differences(DETECT, broken, broken)
    assert not raw_outputs.worst_ratio(differences, dict.fromkeys(differences, 1.0), 20.0) <= 20.0


def test_end_to_end_rows_are_paired_in_any_order() -> None:
    reference = rows([0, 0, 9, 9, 0.9, 0], [20, 20, 40, 40, 0.8, 1], [50, 50, 60, 60, 0.1, 1])
    other = reference[[1, 0]]
    assert np.array_equal(raw_outputs.counterparts(reference, other), other)


def test_row_is_the_counterpart_of_one_row_only() -> None:
    reference, twice = rows([0, 0, 9, 9, 0.9, 0], [50, 50, 60, 60, 0.1, 0]), rows(*[[0, 0, 9, 9, 0.9, 0]] * 2)
    differences = raw_outputs.differences(DETECT_END_TO_END, raw_outputs.counterparts(reference, twice), twice)
    assert differences["boxes px"] == 51


def test_row_of_a_class_without_counterpart_is_infinitely_far() -> None:
    other = rows([0, 0, 9, 9, 0.9, 1])
    differences = raw_outputs.differences(
        DETECT_END_TO_END, raw_outputs.counterparts(rows([0, 0, 9, 9, 0.9, 0]), other), other
    )
    assert differences["boxes px"] == np.inf


def test_queries_are_scaled_to_pixels() -> None:
    scaled = raw_outputs.to_rows(OutputLayout("detect", QUERIES, 2), rows([0.5, 0.5, 0.25, 0.25, 0.9, 1]), (320, 160))
    assert scaled.tolist() == rows([160, 80, 80, 40, 0.9, 1]).tolist()


def test_anchors_and_probabilities_become_rows() -> None:
    assert raw_outputs.to_rows(DETECT, np.zeros((6, 40)), (320, 320)).shape == (40, 6)
    assert raw_outputs.to_rows(OutputLayout("classify", PROBABILITIES, 7), np.zeros(7), (64, 64)).shape == (1, 7)


def test_differences_below_their_tolerance_do_not_count() -> None:
    tiny = {name: tolerance / 2 for name, tolerance in raw_outputs.TOLERANCES.items()}
    assert raw_outputs.worst_ratio(tiny, dict.fromkeys(tiny, 0.0), limit=20.0) <= 20.0
    assert raw_outputs.worst_ratio(tiny | {"angles": 1.0}, dict.fromkeys(tiny, 0.0), limit=20.0) > 20.0
