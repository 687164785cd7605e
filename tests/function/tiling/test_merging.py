"""Groups of detections of one object."""

from time import process_time

import numpy as np
import pytest

from function.arrays import Indices
from function.postprocess.boxes import MAX_CANDIDATES
from function.tiling.merging import CHUNK, Group, best_first, groups, merged
from function.tiling.overlaps import UprightBoxes

BOXES = np.array(
    [
        [0, 0, 100, 100],  # the best one
        [60, 0, 160, 100],  # overlaps it by 0.4
        [50, 0, 150, 100],  # overlaps it by 0.5
        [90, 0, 110, 100],  # small: half of it is inside the best one
        [300, 300, 320, 320],
    ],
    dtype=np.float32,
)
SCORES = np.array([0.9, 0.5, 0.8, 0.7, 0.95], dtype=np.float32)


def grouped(class_ids: list[int], is_iou: bool = False) -> list[Group]:
    rows = best_first(BOXES, SCORES)
    return groups(rows, np.array(class_ids), UprightBoxes.of(BOXES), is_iou)


def test_detections_join_the_best_group_that_they_overlap_by_half_of_the_smaller_area() -> None:
    assert grouped([0] * 5) == [Group(4, []), Group(0, [2, 3]), Group(1, [])]


def test_detections_of_other_classes_are_other_objects() -> None:
    assert grouped([0, 0, 1, 0, 0]) == [Group(4, []), Group(0, [3]), Group(2, []), Group(1, [])]


def test_iou_compares_the_area_of_both() -> None:
    assert grouped([0] * 5, is_iou=True) == [Group(4, []), Group(0, []), Group(2, [1]), Group(3, [])]


def test_no_detections_are_no_groups() -> None:
    empty = np.zeros((0, 4), dtype=np.float32)
    rows = best_first(empty, np.zeros(0, dtype=np.float32))
    assert groups(rows, np.zeros(0, dtype=np.int64), UprightBoxes.of(empty), False) == []


def test_equal_scores_are_ordered_by_their_corners() -> None:
    assert best_first(BOXES[[4, 1, 0]], np.ones(3, dtype=np.float32)).tolist() == [2, 1, 0]


def test_groups_of_several_chunks_equal_those_of_a_loop() -> None:
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 400, (3 * CHUNK + 7, 2))
    boxes = np.hstack((corner, corner + rng.uniform(5, 80, corner.shape))).astype(np.float32)
    scores, class_ids = rng.random(len(boxes), dtype=np.float32), rng.integers(0, 2, len(boxes))
    rows, upright = best_first(boxes, scores), UprightBoxes.of(boxes)
    shared = upright.shared(np.arange(len(boxes)), np.arange(len(boxes)))
    expected: list[Group] = []
    for row in rows.tolist():
        for group in expected:
            smaller = min(upright.areas[row], upright.areas[group.best])
            if class_ids[row] == class_ids[group.best] and shared[row, group.best] / smaller >= np.float32(0.5):
                group.others.append(row)
                break
        else:
            expected.append(Group(row, []))
    assert groups(rows, class_ids, upright, False) == expected


@pytest.mark.parametrize("is_iou", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_order_of_the_tiles_changes_nothing_and_merged_boxes_contain_the_best_one(seed: int, is_iou: bool) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 300, (400, 2))
    boxes = np.hstack((corner, corner + rng.uniform(5, 80, corner.shape))).astype(np.float32)
    scores = rng.choice(np.linspace(0.1, 0.9, 20, dtype=np.float32), len(boxes))  # many are equal
    class_ids = rng.integers(0, 3, len(boxes))

    def found(order: Indices) -> list[list[int]]:
        """Return the groups of the detections in another order, as their rows in the first order."""
        moved, rows = boxes[order], best_first(boxes[order], scores[order])
        result = groups(rows, class_ids[order], UprightBoxes.of(moved), is_iou)
        for group in result:
            (x1, y1, x2, y2), _ = merged(group, moved)
            best = moved[group.best]
            assert (x1 <= best[0], y1 <= best[1], x2 >= best[2], y2 >= best[3]) == (True,) * 4
        return [order[[group.best, *group.others]].tolist() for group in result]

    expected = found(np.arange(len(boxes)))
    assert sorted(row for group in expected for row in group) == list(range(len(boxes)))
    assert found(rng.permutation(len(boxes))) == expected


def test_most_detections_of_80_classes_take_little_time() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 8000, (MAX_CANDIDATES, 2))
    boxes = np.hstack((corner, corner + rng.uniform(5, 40, corner.shape))).astype(np.float32)
    rows = best_first(boxes, rng.random(len(boxes), dtype=np.float32))
    began = process_time()
    assert len(groups(rows, rng.integers(0, 80, len(boxes)), UprightBoxes.of(boxes), True)) > 29_000
    assert process_time() - began < 4  # 0.2 s; 16 s if all classes are compared


def test_merged_box_is_the_union() -> None:
    assert merged(Group(0, [2, 3]), BOXES) == ([0, 0, 150, 100], [0, 2, 3])


def test_detection_that_does_not_overlap_the_grown_box_is_left_out() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 105, 100], [0, -95, 100, 5]], dtype=np.float32)
    assert merged(Group(0, [1]), boxes) == ([0, 0, 105, 100], [0, 1])
    assert merged(Group(0, [2]), boxes) == ([0, -95, 100, 10], [0, 2])
    assert merged(Group(0, [1, 2]), boxes) == ([0, 0, 105, 100], [0, 1])
