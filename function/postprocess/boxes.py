"""Box formats, IoU and NMS in NumPy, independent of models and images."""

import numpy as np

from function.arrays import Bools, Floats, Indices, Ints

CLASS_OFFSET = 7680.0  # px; ultralytics 8.4.190 `max_wh`, utils/nms.py
CHUNK = 128  # candidates per step; measured best of 64 to 1024, in time and in memory
MAX_CANDIDATES = 30_000  # ultralytics 8.4.190 `max_nms`, utils/nms.py


def xyxy_from_cxcywh(boxes_cxcywh: Floats) -> Floats:
    """Convert boxes from center and size to corners.

    Args:
        boxes_cxcywh: (N, 4) float32.

    Returns:
        (N, 4) float32, a new array.

    Source: ultralytics 8.4.190 `xywh2xyxy`, utils/ops.py.
    """
    center, half = boxes_cxcywh[:, :2], boxes_cxcywh[:, 2:] / 2
    return np.concatenate((center - half, center + half), axis=1)


def iou_one_to_many(box_xyxy: Floats, boxes_xyxy: Floats) -> Floats:
    """Return the IoU of one box with each of N boxes.

    Args:
        box_xyxy: (4,) float32.
        boxes_xyxy: (N, 4) float32.

    Returns:
        (N,) float32, 0..1; 0 if both areas are empty.
    """
    near = np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    far = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:])
    shared: Floats = (far - near).clip(0).prod(axis=1)
    union = _area(box_xyxy[None]) + _area(boxes_xyxy) - shared
    shared /= np.where(union > 0, union, 1)
    return shared


def iou_many_to_many(boxes_xyxy: Floats, others_xyxy: Floats) -> Floats:
    """Return the IoU of each of N boxes with each of M boxes; the numbers equal those of `iou_one_to_many`.

    Args:
        boxes_xyxy: (N, 4) float32.
        others_xyxy: (M, 4) float32.

    Returns:
        (N, M) float32, 0..1; 0 if both areas are empty.
    """
    left, top, right, bottom = boxes_xyxy.T[:, :, None]  # (N, 1) each
    other_left, other_top, other_right, other_bottom = np.ascontiguousarray(others_xyxy.T)  # (M,) each
    shared: Floats = (np.minimum(right, other_right) - np.maximum(left, other_left)).clip(0)
    shared *= (np.minimum(bottom, other_bottom) - np.maximum(top, other_top)).clip(0)
    union = _area(boxes_xyxy)[:, None] + _area(others_xyxy) - shared
    shared /= np.where(union > 0, union, 1)
    return shared


def nms(boxes_xyxy: Floats, scores: Floats, class_ids: Ints, iou: float, max_det: int) -> Indices:
    """Return the indices that greedy per-class non-maximum suppression keeps.

    Candidates are processed best first, in chunks: each chunk is compared with the boxes kept before, then within
    itself. No N x N matrix is made, and candidates after the last kept box are not processed.

    Args:
        boxes_xyxy: (N, 4) float32, input pixels.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int64.
        iou: drop a box whose IoU with a better box of its class exceeds this.
        max_det: stop after this many.

    Returns:
        (K,) indices, best score first; K = 0 for N = 0.

    Source: ultralytics 8.4.190 `non_max_suppression`, utils/nms.py.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    # An offset separates the classes, not a comparison of ids: in float32 the offset rounds the last bits of a
    # coordinate, and by that rounding Ultralytics keeps or drops a few boxes.
    shifted = boxes_xyxy[order] + class_ids[order].astype(np.float32)[:, None] * np.float32(CLASS_OFFSET)
    kept = np.empty(0, dtype=np.intp)  # positions in `order`
    for start in range(0, order.size, CHUNK):
        chunk = np.arange(start, min(start + CHUNK, order.size))
        chunk = chunk[(iou_many_to_many(shifted[kept], shifted[chunk]) <= iou).all(axis=0)]
        compatible = iou_many_to_many(shifted[chunk], shifted[chunk]) <= iou
        kept = np.concatenate((kept, chunk[_greedy(compatible)]))
        if kept.size >= max_det:
            break
    return order[kept[:max_det]]


def _greedy(compatible: Bools) -> list[int]:
    """Return the rows that remain if each remaining row, best first, removes those that are not compatible with it.

    Args:
        compatible: (N, N), symmetric.
    """
    remaining, kept = np.ones(len(compatible), dtype=np.bool_), []
    for index, row in enumerate(compatible):
        if remaining[index]:
            kept.append(index)
            remaining &= row  # its own entry is not read again
    return kept


def _area(boxes_xyxy: Floats) -> Floats:
    return (boxes_xyxy[:, 2] - boxes_xyxy[:, 0]) * (boxes_xyxy[:, 3] - boxes_xyxy[:, 1])
