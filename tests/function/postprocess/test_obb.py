import tracemalloc

import numpy as np
import pytest

from function.postprocess.obb import gaussians, nms, probiou


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def simple_nms(boxes_cxcywhr: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, iou: float) -> list[int]:
    """Compare every box with every better one."""
    order = np.argsort(-scores, kind="stable")
    shifted = boxes_cxcywhr[order]
    shifted[:, :2] += (class_ids[order] * 7680).astype(np.float32)[:, None]
    distributions = gaussians(shifted)
    rows = np.arange(order.size)
    overlaps = probiou(distributions.take(rows.repeat(rows.size)), distributions.take(np.tile(rows, rows.size)))
    better = np.triu(overlaps.reshape(rows.size, -1), 1)
    return order[~(better > iou).any(axis=0)].tolist()


def random_boxes(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 300, (count, 2))
    sides = rng.uniform(2, 120, (count, 2))
    rotated = np.column_stack((centers, sides, rng.uniform(-0.8, 2.4, count))).astype(np.float32)
    return rotated, rng.random(count).astype(np.float32), rng.integers(0, 3, count)


def test_nms_of_no_boxes_is_empty() -> None:
    assert nms(boxes(), np.zeros(0, np.float32), np.zeros(0, np.int64), 0.5, 10).tolist() == []


def test_overlap_is_one_with_itself_and_zero_with_a_distant_box() -> None:
    same = gaussians(boxes((50, 50, 40, 10, 0.3), (500, 50, 40, 10, 0.3)))
    overlaps = probiou(same.take(np.array([0, 0])), same)
    np.testing.assert_allclose(overlaps, [1, 0], atol=1e-3)


def test_rotation_by_90_degrees_with_exchanged_sides_is_the_same_box() -> None:
    first, second = gaussians(boxes((50, 50, 40, 10, 0.3))), gaussians(boxes((50, 50, 10, 40, 0.3 + np.pi / 2)))
    assert probiou(first, second)[0] > 0.999


def test_suppressed_box_suppresses_other_boxes() -> None:
    chain = boxes((50, 50, 40, 20, 0), (60, 50, 40, 20, 0), (70, 50, 40, 20, 0))
    distributions = gaussians(chain)
    first, second = probiou(distributions.take(np.array([0, 0])), distributions.take(np.array([1, 2])))
    scores = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    between = (float(first) + float(second)) / 2
    assert nms(chain, scores, np.zeros(3, dtype=np.int64), between, 10).tolist() == [0]


def test_nms_keeps_overlapping_boxes_of_other_classes() -> None:
    twins = boxes((50, 50, 40, 20, 0.5), (50, 50, 40, 20, 0.5))
    assert nms(twins, np.array([0.8, 0.9], dtype=np.float32), np.array([0, 1]), 0.5, 10).tolist() == [1, 0]


@pytest.mark.parametrize("iou", [0.0, 0.1, 0.45, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_bound_on_the_distance_does_not_change_the_result(seed: int, iou: float) -> None:
    rotated, scores, class_ids = random_boxes(seed)
    kept = nms(rotated, scores, class_ids, iou, 10_000)
    assert kept.tolist() == simple_nms(rotated, scores, class_ids, iou)


def test_nms_stops_at_max_det() -> None:
    rotated, scores, class_ids = random_boxes(0)
    assert nms(rotated, scores, class_ids, 0.7, 7).tolist() == nms(rotated, scores, class_ids, 0.7, 10_000).tolist()[:7]


def test_box_without_area_is_kept_and_suppresses_no_other() -> None:
    rotated = boxes((50, 50, 0, 0, 0), (50, 50, 40, 20, 0))
    kept = nms(rotated, np.array([0.9, 0.8], dtype=np.float32), np.zeros(2, dtype=np.int64), 0.5, 10)
    assert kept.tolist() == [0, 1]


def test_nms_does_not_allocate_the_table_of_all_pairs() -> None:
    rotated, scores, class_ids = random_boxes(0, count=6000)
    tracemalloc.start()
    try:
        kept = nms(rotated, scores, class_ids, 0.7, 6000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept.size > 100
    assert peak < 6000 * 6000 * 4 / 4  # bytes: a quarter of one float32 table
