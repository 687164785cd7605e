"""Box formats, IoU and NMS, in NumPy alone; it knows nothing of models or pictures."""

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats, Ints

CLASS_OFFSET = 7680.0  # px; ultralytics 8.4.190 `max_wh`, utils/nms.py
CHUNK = 128  # candidates at a time; measured best of 64 to 1024, in time and in memory
MAX_CANDIDATES = 30_000  # ultralytics 8.4.190 `max_nms`, utils/nms.py


def xyxy_from_cxcywh(boxes_cxcywh: Floats) -> Floats:
    """Corners from center and size.

    Args:
        boxes_cxcywh: (N, 4) float32.

    Returns:
        (N, 4) float32, a new array.

    Source: ultralytics 8.4.190 `xywh2xyxy`, utils/ops.py.
    """
    center, half = boxes_cxcywh[:, :2], boxes_cxcywh[:, 2:] / 2
    return np.concatenate((center - half, center + half), axis=1)


def iou_one_to_many(box_xyxy: Floats, boxes_xyxy: Floats) -> Floats:
    """IoU of one box with each of many.

    Args:
        box_xyxy: (4,) float32.
        boxes_xyxy: (N, 4) float32.

    Returns:
        (N,) float32, 0..1; 0 where both areas are empty.
    """
    near = np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    far = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:])
    shared: Floats = (far - near).clip(0).prod(axis=1)
    union = _area(box_xyxy[None]) + _area(boxes_xyxy) - shared
    shared /= np.where(union > 0, union, 1)
    return shared


def iou_many_to_many(boxes_xyxy: Floats, others_xyxy: Floats) -> Floats:
    """IoU of each box with each of others: the same numbers as `iou_one_to_many`, many rows at a time.

    Args:
        boxes_xyxy: (N, 4) float32.
        others_xyxy: (M, 4) float32.

    Returns:
        (N, M) float32, 0..1; 0 where both areas are empty.
    """
    left, top, right, bottom = boxes_xyxy.T[:, :, None]  # (N, 1) each
    other_left, other_top, other_right, other_bottom = np.ascontiguousarray(others_xyxy.T)  # (M,) each
    shared: Floats = (np.minimum(right, other_right) - np.maximum(left, other_left)).clip(0)
    shared *= (np.minimum(bottom, other_bottom) - np.maximum(top, other_top)).clip(0)
    union = _area(boxes_xyxy)[:, None] + _area(others_xyxy) - shared
    shared /= np.where(union > 0, union, 1)
    return shared


def nms(boxes_xyxy: Floats, scores: Floats, class_ids: Ints, iou: float, max_det: int) -> NDArray[np.intp]:
    """Greedy per-class non-maximum suppression.

    Candidates are taken best first, a chunk at a time: compared with what was kept before, then with each other. The
    N x N matrix never exists, and what comes after the last kept box is not looked at.

    Args:
        boxes_xyxy: (N, 4) float32, input pixels.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int64.
        iou: a box is dropped when its IoU with a better one of its class is above this.
        max_det: the search ends when this many are kept.

    Returns:
        (K,) indices of the kept boxes, best score first; N = 0 gives K = 0.

    Source: ultralytics 8.4.190 `non_max_suppression`, utils/nms.py.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    # Classes are kept apart by an offset and not by comparing ids: in float32 the offset costs the last bits of a
    # coordinate, and the reference keeps or drops a few boxes by that rounding.
    moved = boxes_xyxy[order] + class_ids[order].astype(np.float32)[:, None] * np.float32(CLASS_OFFSET)
    kept = np.empty(0, dtype=np.intp)  # positions in `order`
    for start in range(0, order.size, CHUNK):
        chunk = np.arange(start, min(start + CHUNK, order.size))
        chunk = chunk[(iou_many_to_many(moved[kept], moved[chunk]) <= iou).all(axis=0)]
        fits = iou_many_to_many(moved[chunk], moved[chunk]) <= iou
        kept = np.concatenate((kept, chunk[_greedy(fits)]))
        if kept.size >= max_det:
            break
    return order[kept[:max_det]]


def _greedy(fits: NDArray[np.bool_]) -> list[int]:
    """Those that are left when each, best first, drops what does not fit beside it.

    Args:
        fits: (N, N), symmetric.
    """
    left, kept = np.ones(len(fits), dtype=np.bool_), []
    for index, row in enumerate(fits):
        if left[index]:
            kept.append(index)
            left &= row  # its own place is behind it already
    return kept


def _area(boxes_xyxy: Floats) -> Floats:
    return (boxes_xyxy[:, 2] - boxes_xyxy[:, 0]) * (boxes_xyxy[:, 3] - boxes_xyxy[:, 1])
