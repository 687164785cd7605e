import tracemalloc

import numpy as np
import pytest

from function.postprocess import boxes

EMPTY = np.zeros((0, 4), dtype=np.float32)


def nms(rows: list[tuple[float, ...]], iou: float = 0.5, max_det: int = 300) -> list[int]:
    """Rows are x_min, y_min, x_max, y_max, score, class."""
    table = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return boxes.nms(table[:, :4], table[:, 4], table[:, 5].astype(np.int64), iou, max_det).tolist()


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([], []),
        ([(0, 0, 10, 10, 0.5, 0)], [0]),
        ([(0, 0, 10, 10, 0.5, 0), (0, 0, 10, 10, 0.9, 0)], [1]),
        ([(0, 0, 10, 10, 0.9, 0), (20, 20, 30, 30, 0.95, 0)], [1, 0]),
        ([(0, 0, 0, 0, 0.9, 0), (0, 0, 0, 0, 0.8, 0)], [0, 1]),
    ],
    ids=["empty", "one", "same place", "apart", "no area"],
)
def test_nms_keeps_the_best_of_each_place(rows: list[tuple[float, ...]], kept: list[int]) -> None:
    assert nms(rows) == kept


def test_nms_keeps_overlapping_boxes_of_other_classes() -> None:
    assert nms([(0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 1)]) == [0, 1]


def test_nms_keeps_a_box_whose_iou_is_exactly_the_threshold() -> None:
    half = (0, 0, 10, 5, 0.8, 0)
    assert nms([(0, 0, 10, 10, 0.9, 0), half], iou=0.5) == [0, 1]
    assert nms([(0, 0, 10, 10, 0.9, 0), half], iou=0.499) == [0]


def test_nms_suppresses_nothing_by_a_box_that_was_itself_suppressed() -> None:
    chain = [(0, 0, 10, 10, 0.9, 0), (4, 0, 14, 10, 0.8, 0), (8, 0, 18, 10, 0.7, 0)]
    assert nms(chain, iou=0.4) == [0, 2]


def test_nms_stops_at_max_det() -> None:
    assert nms([(20 * i, 0, 20 * i + 10, 10, 0.9 - i / 100, 0) for i in range(9)], max_det=3) == [0, 1, 2]


def test_nms_keeps_the_first_of_equal_scores_first() -> None:
    assert nms([(20 * i, 0, 20 * i + 10, 10, 0.5, 0) for i in range(5)]) == [0, 1, 2, 3, 4]


def test_nms_leaves_its_arguments_as_they_were() -> None:
    rows = np.array([[0, 0, 10, 10], [1, 1, 11, 11]], dtype=np.float32)
    before = rows.copy()
    boxes.nms(rows, np.array([0.9, 0.8], dtype=np.float32), np.array([3, 3]), 0.5, 300)
    np.testing.assert_array_equal(rows, before)


def test_iou_of_a_box_with_itself_is_one_and_with_a_neighbor_zero() -> None:
    box = np.array([0, 0, 10, 10], dtype=np.float32)
    others = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [0, 0, 5, 10]], dtype=np.float32)
    np.testing.assert_allclose(boxes.iou_one_to_many(box, others), [1, 0, 0.5])


def test_xyxy_from_cxcywh_puts_half_the_size_on_each_side() -> None:
    assert boxes.xyxy_from_cxcywh(np.array([[10, 20, 4, 6]], dtype=np.float32)).tolist() == [[8, 17, 12, 23]]
    assert boxes.xyxy_from_cxcywh(EMPTY).shape == (0, 4)


def plain_nms(boxes_xyxy: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, iou: float, max_det: int) -> list[int]:
    """One kept box at a time against all that are left."""
    left = np.argsort(-scores, kind="stable")[: boxes.MAX_CANDIDATES]
    moved = boxes_xyxy + class_ids.astype(np.float32)[:, None] * np.float32(boxes.CLASS_OFFSET)
    kept: list[int] = []
    while left.size and len(kept) < max_det:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[boxes.iou_one_to_many(moved[best], moved[left]) <= iou]
    return kept


@pytest.mark.parametrize("max_det", [1, 100, 128, 300, 3000])
@pytest.mark.parametrize("iou", [0.0, 0.45, 0.7, 1.0])
@pytest.mark.parametrize("kind", ["apart", "clustered", "equal scores", "no area", "not finite"])
def test_nms_in_chunks_keeps_what_the_plain_loop_keeps(kind: str, iou: float, max_det: int) -> None:
    rng = np.random.default_rng(17)
    count = 1500
    places = rng.random((25, 2)) * 600
    centers = rng.random((count, 2)) * 600 if kind == "apart" else places[rng.integers(0, 25, count)]
    centers += rng.normal(size=(count, 2)) * 5
    half = np.zeros((count, 2)) if kind == "no area" else rng.random((count, 2)) * 30 + 5
    boxes_xyxy = np.concatenate((centers - half, centers + half), axis=1).astype(np.float32)
    scores = rng.random(count).astype(np.float32)
    if kind == "equal scores":
        scores = scores.round(1)
    if kind == "not finite":
        boxes_xyxy[rng.integers(0, count, 30), rng.integers(0, 4, 30)] = rng.choice([np.nan, np.inf, -np.inf], 30)
    class_ids = rng.integers(0, 80, count)
    with np.errstate(invalid="ignore"):
        found = boxes.nms(boxes_xyxy, scores, class_ids, iou, max_det).tolist()
        assert found == plain_nms(boxes_xyxy, scores, class_ids, iou, max_det)


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 256, 257])
def test_no_chunk_boundary_shows(count: int) -> None:
    rng = np.random.default_rng(count)
    corners = rng.random((count, 2)) * 50
    boxes_xyxy = np.concatenate((corners, corners + 20), axis=1).astype(np.float32)
    scores, class_ids = rng.random(count).astype(np.float32), np.zeros(count, dtype=np.int64)
    found = boxes.nms(boxes_xyxy, scores, class_ids, 0.5, 300).tolist()
    assert found == plain_nms(boxes_xyxy, scores, class_ids, 0.5, 300)


def test_iou_of_many_with_many_is_that_of_one_with_many_row_by_row() -> None:
    rng = np.random.default_rng(4)
    corners = rng.random((60, 2)) * 50
    some = np.concatenate((corners, corners + rng.random((60, 2)) * 30), axis=1).astype(np.float32)
    others = np.concatenate((some[::2] + 3, some[:5], np.zeros((3, 4)))).astype(np.float32)
    np.testing.assert_array_equal(
        boxes.iou_many_to_many(some, others), np.stack([boxes.iou_one_to_many(one, others) for one in some])
    )
    assert boxes.iou_many_to_many(EMPTY, others).shape == (0, len(others))


def test_the_most_candidates_take_little_memory() -> None:
    rng = np.random.default_rng(0)
    corners = (rng.random((boxes.MAX_CANDIDATES, 2)) * 5000).astype(np.float32)
    boxes_xyxy = np.concatenate((corners, corners + 10), axis=1)
    scores, class_ids = rng.random(len(corners)).astype(np.float32), rng.integers(0, 80, len(corners))
    tracemalloc.start()
    try:
        boxes.nms(boxes_xyxy, scores, class_ids, 0.7, 3000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000  # bytes; the N x N matrix would be 3.6 GB
