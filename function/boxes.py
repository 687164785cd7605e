"""Box formats, IoU and NMS, in NumPy alone; it knows nothing of models or pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CLASS_OFFSET = 7680.0  # px; ultralytics 8.4.190 `max_wh`, utils/nms.py
MAX_CANDIDATES = 30_000  # ultralytics 8.4.190 `max_nms`, utils/nms.py


def xyxy_from_cxcywh(boxes_cxcywh: Floats) -> Floats:
    """Corners from centre and size.

    Args:
        boxes_cxcywh: (N, 4) float32.

    Returns:
        (N, 4) float32, a new array.

    Source: ultralytics 8.4.190 `xywh2xyxy`, utils/ops.py.
    """
    centre, half = boxes_cxcywh[:, :2], boxes_cxcywh[:, 2:] / 2
    return np.concatenate((centre - half, centre + half), axis=1)


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


def nms(boxes_xyxy: Floats, scores: Floats, class_ids: Ints, iou: float, max_det: int) -> NDArray[np.intp]:
    """Greedy per-class non-maximum suppression.

    Memory is O(N): each kept box is compared with what is left, and the N x N matrix never exists.

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
    left = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    # Classes are kept apart by an offset and not by comparing ids: in float32 the offset costs the last bits of a
    # coordinate, and the reference keeps or drops a few boxes by that rounding.
    moved = boxes_xyxy + class_ids.astype(np.float32)[:, None] * np.float32(CLASS_OFFSET)
    kept: list[Any] = []
    while left.size and len(kept) < max_det:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[iou_one_to_many(moved[best], moved[left]) <= iou]
    return np.array(kept, dtype=np.intp)


def _area(boxes_xyxy: Floats) -> Floats:
    return (boxes_xyxy[:, 2] - boxes_xyxy[:, 0]) * (boxes_xyxy[:, 3] - boxes_xyxy[:, 1])
