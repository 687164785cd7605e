import tracemalloc

import numpy as np
import pytest

from function.postprocess.obb import gaussians, nms, probiou


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def plain(boxes_cxcywhr: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, iou: float) -> list[int]:
    """Every box against every better one."""
    order = np.argsort(-scores, kind="stable")
    moved = boxes_cxcywhr[order]
    moved[:, :2] += (class_ids[order] * 7680).astype(np.float32)[:, None]
    blobs = gaussians(moved)
    rows = np.arange(order.size)
    overlaps = probiou(blobs.take(rows.repeat(rows.size)), blobs.take(np.tile(rows, rows.size)))
    better = np.triu(overlaps.reshape(rows.size, -1), 1)
    return order[~(better > iou).any(axis=0)].tolist()


def crowd(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 300, (count, 2))
    sides = rng.uniform(2, 120, (count, 2))
    turned = np.column_stack((centers, sides, rng.uniform(-0.8, 2.4, count))).astype(np.float32)
    return turned, rng.random(count).astype(np.float32), rng.integers(0, 3, count)


def test_nothing_gives_nothing() -> None:
    assert nms(boxes(), np.zeros(0, np.float32), np.zeros(0, np.int64), 0.5, 10).tolist() == []


def test_a_box_overlaps_itself_whole_and_one_far_away_not_at_all() -> None:
    same = gaussians(boxes((50, 50, 40, 10, 0.3), (500, 50, 40, 10, 0.3)))
    overlaps = probiou(same.take(np.array([0, 0])), same)
    np.testing.assert_allclose(overlaps, [1, 0], atol=1e-3)


def test_a_turn_by_a_right_angle_with_the_sides_exchanged_is_the_same_box() -> None:
    ones, others = gaussians(boxes((50, 50, 40, 10, 0.3))), gaussians(boxes((50, 50, 10, 40, 0.3 + np.pi / 2)))
    assert probiou(ones, others)[0] > 0.999


def test_a_box_is_dropped_by_a_better_one_that_was_dropped_itself() -> None:
    chain = boxes((50, 50, 40, 20, 0), (60, 50, 40, 20, 0), (70, 50, 40, 20, 0))
    blobs = gaussians(chain)
    first, second = probiou(blobs.take(np.array([0, 0])), blobs.take(np.array([1, 2])))
    scores = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    between = (float(first) + float(second)) / 2
    assert nms(chain, scores, np.zeros(3, dtype=np.int64), between, 10).tolist() == [0]


def test_boxes_of_other_classes_stay() -> None:
    twins = boxes((50, 50, 40, 20, 0.5), (50, 50, 40, 20, 0.5))
    assert nms(twins, np.array([0.8, 0.9], dtype=np.float32), np.array([0, 1]), 0.5, 10).tolist() == [1, 0]


@pytest.mark.parametrize("iou", [0.0, 0.1, 0.45, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_bound_on_the_distance_loses_nothing(seed: int, iou: float) -> None:
    turned, scores, class_ids = crowd(seed)
    kept = nms(turned, scores, class_ids, iou, 10_000)
    assert kept.tolist() == plain(turned, scores, class_ids, iou)


def test_the_search_ends_when_enough_are_kept() -> None:
    turned, scores, class_ids = crowd(0)
    assert nms(turned, scores, class_ids, 0.7, 7).tolist() == nms(turned, scores, class_ids, 0.7, 10_000).tolist()[:7]


def test_a_box_without_area_is_kept_and_disturbs_none() -> None:
    turned = boxes((50, 50, 0, 0, 0), (50, 50, 40, 20, 0))
    kept = nms(turned, np.array([0.9, 0.8], dtype=np.float32), np.zeros(2, dtype=np.int64), 0.5, 10)
    assert kept.tolist() == [0, 1]


def test_the_table_of_all_pairs_is_never_made() -> None:
    turned, scores, class_ids = crowd(0, count=6000)
    tracemalloc.start()
    try:
        kept = nms(turned, scores, class_ids, 0.7, 6000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept.size > 100
    assert peak < 6000 * 6000 * 4 / 4  # bytes: a quarter of one float32 table
