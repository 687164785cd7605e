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
    ids=["empty", "one", "same box", "apart", "no area"],
)
def test_nms_keeps_the_best_of_overlapping_boxes(rows: list[tuple[float, ...]], kept: list[int]) -> None:
    assert nms(rows) == kept


def test_nms_keeps_overlapping_boxes_of_other_classes() -> None:
    assert nms([(0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 1)]) == [0, 1]


def test_nms_keeps_a_box_whose_iou_is_exactly_the_threshold() -> None:
    half = (0, 0, 10, 5, 0.8, 0)
    assert nms([(0, 0, 10, 10, 0.9, 0), half], iou=0.5) == [0, 1]
    assert nms([(0, 0, 10, 10, 0.9, 0), half], iou=0.499) == [0]


def test_suppressed_box_suppresses_no_other_box() -> None:
    chain = [(0, 0, 10, 10, 0.9, 0), (4, 0, 14, 10, 0.8, 0), (8, 0, 18, 10, 0.7, 0)]
    assert nms(chain, iou=0.4) == [0, 2]


def test_nms_stops_at_max_det() -> None:
    assert nms([(20 * i, 0, 20 * i + 10, 10, 0.9 - i / 100, 0) for i in range(9)], max_det=3) == [0, 1, 2]


def test_nms_keeps_the_order_of_equal_scores() -> None:
    assert nms([(20 * i, 0, 20 * i + 10, 10, 0.5, 0) for i in range(5)]) == [0, 1, 2, 3, 4]


def test_nms_does_not_change_its_arguments() -> None:
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


def simple_nms(
    boxes_xyxy: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, iou: float, max_det: int
) -> list[int]:
    """Compare one kept box at a time with all that remain."""
    remaining = np.argsort(-scores, kind="stable")[: boxes.MAX_CANDIDATES]
    shifted = boxes_xyxy + class_ids.astype(np.float32)[:, None] * np.float32(boxes.CLASS_OFFSET)
    kept: list[int] = []
    while remaining.size and len(kept) < max_det:
        best, remaining = remaining[0], remaining[1:]
        kept.append(int(best))
        remaining = remaining[boxes.iou_one_to_many(shifted[best], shifted[remaining]) <= iou]
    return kept


@pytest.mark.parametrize("max_det", [1, 100, 128, 300, 3000])
@pytest.mark.parametrize("iou", [0.0, 0.45, 0.7, 1.0])
@pytest.mark.parametrize("kind", ["apart", "clustered", "equal scores", "no area", "not finite"])
def test_nms_in_chunks_equals_the_simple_loop(kind: str, iou: float, max_det: int) -> None:
    rng = np.random.default_rng(17)
    count = 1500
    clusters = rng.random((25, 2)) * 600
    centers = rng.random((count, 2)) * 600 if kind == "apart" else clusters[rng.integers(0, 25, count)]
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
        kept = boxes.nms(boxes_xyxy, scores, class_ids, iou, max_det).tolist()
        assert kept == simple_nms(boxes_xyxy, scores, class_ids, iou, max_det)


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 256, 257])
def test_nms_is_correct_at_chunk_boundaries(count: int) -> None:
    rng = np.random.default_rng(count)
    corners = rng.random((count, 2)) * 50
    boxes_xyxy = np.concatenate((corners, corners + 20), axis=1).astype(np.float32)
    scores, class_ids = rng.random(count).astype(np.float32), np.zeros(count, dtype=np.int64)
    kept = boxes.nms(boxes_xyxy, scores, class_ids, 0.5, 300).tolist()
    assert kept == simple_nms(boxes_xyxy, scores, class_ids, 0.5, 300)


def test_iou_many_to_many_equals_iou_one_to_many_row_by_row() -> None:
    rng = np.random.default_rng(4)
    corners = rng.random((60, 2)) * 50
    some = np.concatenate((corners, corners + rng.random((60, 2)) * 30), axis=1).astype(np.float32)
    others = np.concatenate((some[::2] + 3, some[:5], np.zeros((3, 4)))).astype(np.float32)
    np.testing.assert_array_equal(
        boxes.iou_many_to_many(some, others), np.stack([boxes.iou_one_to_many(box, others) for box in some])
    )
    assert boxes.iou_many_to_many(EMPTY, others).shape == (0, len(others))


def test_nms_of_the_most_candidates_uses_little_memory() -> None:
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
