"""IoU and NMS of rotated boxes, in NumPy alone.

Overlap is measured between the Gaussians that the boxes stand for (probabilistic IoU), and a box is dropped when any
better one overlaps it, kept or not: so does the reference.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats, Ints
from function.postprocess.boxes import CLASS_OFFSET, MAX_CANDIDATES
from function.preprocess.letterbox import Letterbox, inverse

EPSILON = np.float32(1e-7)  # ultralytics 8.4.190 `batch_probiou`, utils/metrics.py
BLOCK = 32  # boxes that are compared with all better ones at a time; 30,000 in one heap took 23 MB
SLACK = 1.05  # on a bound that rounding must not cut into


class Gaussians(NamedTuple):
    """Boxes as normal distributions: mean, and covariance [[a, c], [c, b]]; each (N,) float32."""

    x: Floats
    y: Floats
    a: Floats
    b: Floats
    c: Floats

    def take(self, rows: NDArray[np.intp] | slice) -> "Gaussians":
        """Some of them, in that order."""
        return Gaussians(*(column[rows] for column in self))


def gaussians(boxes_cxcywhr: Floats) -> Gaussians:
    """(N, 5) float32 boxes, rotation in radians, as distributions.

    Source: ultralytics 8.4.190 `_get_covariance_matrix`, utils/metrics.py; arXiv 2106.06072.
    """
    x, y, width, height, angle = boxes_cxcywhr.T
    along, across = width**2 / 12, height**2 / 12
    cosine, sine = np.cos(angle), np.sin(angle)
    a, b = along * cosine**2 + across * sine**2, along * sine**2 + across * cosine**2
    return Gaussians(x, y, a, b, (along - across) * cosine * sine)


def probiou(ones: Gaussians, others: Gaussians) -> Floats:
    """Probabilistic IoU, pair by pair; columns that broadcast against each other do.

    Returns:
        float32, 0..1.

    Source: ultralytics 8.4.190 `batch_probiou`, utils/metrics.py.
    """
    a, b, c = ones.a + others.a, ones.b + others.b, ones.c + others.c
    right, down = others.x - ones.x, ones.y - others.y
    spread = a * b - c**2
    apart = (a * down**2 + b * right**2) / (spread + EPSILON) * np.float32(0.25)
    apart += c * right * down / (spread + EPSILON) * np.float32(0.5)
    own = (ones.a * ones.b - ones.c**2).clip(0) * (others.a * others.b - others.c**2).clip(0)
    apart += np.log(spread / (4 * np.sqrt(own) + EPSILON) + EPSILON) * np.float32(0.5)
    distance = np.sqrt(np.float32(1) - np.exp(-apart.clip(EPSILON, 100)) + EPSILON)
    overlap: Floats = np.float32(1) - distance
    return overlap


def nms(boxes_cxcywhr: Floats, scores: Floats, class_ids: Ints, iou: float, max_det: int) -> NDArray[np.intp]:
    """Per-class suppression of rotated boxes.

    Memory is O(N): a block of boxes at a time is compared with the better ones near it, and the search ends when
    enough are kept.

    Args:
        boxes_cxcywhr: (N, 5) float32, input pixels and radians.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int64.
        iou: a box is dropped when its probabilistic IoU with any better one of its class is above this.
        max_det: the search ends when this many are kept.

    Returns:
        (K,) indices of the kept boxes, best score first; N = 0 gives K = 0.

    Source: ultralytics 8.4.190 `TorchNMS.fast_nms`, utils/nms.py.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    moved = boxes_cxcywhr[order]
    # In float32, as for upright boxes: the offset costs the last bits of a coordinate.
    moved[:, :2] += class_ids[order].astype(np.float32)[:, None] * np.float32(CLASS_OFFSET)
    blobs = gaussians(moved)
    reach = _reach(blobs, iou)
    kept: list[int] = []
    for start in range(0, order.size, BLOCK):
        rows = np.arange(start, min(start + BLOCK, order.size))
        kept += rows[~_overlapped(blobs, reach, rows, iou)].tolist()
        if len(kept) >= max_det:
            break
    return order[kept[:max_det]]


def _overlapped(blobs: Gaussians, reach: Floats, rows: NDArray[np.intp], iou: float) -> NDArray[np.bool_]:
    """Which of these rows a better row overlaps; rows are best first."""
    end = int(rows[-1]) + 1
    right = blobs.x[None, :end] - blobs.x[rows, None]
    down = blobs.y[None, :end] - blobs.y[rows, None]
    near = right * right + down * down <= reach[rows, None] + reach[None, :end]
    near &= np.arange(end) < rows[:, None]
    one, other = np.nonzero(near)
    overlapping = one[probiou(blobs.take(rows[one]), blobs.take(other)) > iou]
    found = np.zeros(rows.size, dtype=bool)
    found[overlapping] = True
    return found


def _reach(blobs: Gaussians, iou: float) -> Floats:
    """A share of the squared distance beyond which two boxes cannot overlap by more than `iou`.

    Of the distance measure -ln(1 - (1 - iou)^2) a quarter of the squared distance over the sum of the widest spreads
    is at most the whole.
    """
    most = -np.log(max(1 - (1 - iou) ** 2, 1e-30))
    widest = (blobs.a + blobs.b) / 2 + np.hypot((blobs.a - blobs.b) / 2, blobs.c)
    reach: Floats = (4 * SLACK * most * widest + 1).astype(np.float32)
    return reach


def undo(boxes_cxcywhr: Floats, box: Letterbox) -> Floats:
    """Rotated boxes of the network's input, as boxes of the picture.

    Args:
        boxes_cxcywhr: (K, 5) float32: center, width and height in input pixels, rotation in radians, clockwise.
        box: the letterbox that painted the input.

    Returns:
        (K, 5) float32, not clipped; a new array. The rotation stays as the network gave it.

    Source: ultralytics 8.4.190 `scale_boxes` with xywh, utils/ops.py.
    """
    back = inverse(box)
    gain = (back.resized_w / box.image_w, back.resized_h / box.image_h)
    restored = boxes_cxcywhr.copy()
    restored[:, :2] -= np.array((back.left, back.top), dtype=np.float32)
    restored[:, :4] /= np.array(gain * 2, dtype=np.float32)
    return restored


def corners(boxes_cxcywhr: Floats) -> Floats:
    """The four corners.

    Args:
        boxes_cxcywhr: (K, 5) float32.

    Returns:
        (K, 4, 2) float32, x and y, one after the other around the box; the first is at (+width/2, +height/2) of the
        box that is not turned.

    Source: ultralytics 8.4.190 `xywhr2xyxyxyxy`, utils/ops.py.
    """
    cosine, sine = np.cos(boxes_cxcywhr[:, 4:]), np.sin(boxes_cxcywhr[:, 4:])  # (K, 1)
    along = boxes_cxcywhr[:, 2:3] / 2 * np.hstack((cosine, sine))
    across = boxes_cxcywhr[:, 3:4] / 2 * np.hstack((-sine, cosine))
    center = boxes_cxcywhr[:, :2]
    return np.stack(
        (center + along + across, center + along - across, center - along - across, center - along + across), axis=1
    )


def enclosing(corner_points: Floats) -> Floats:
    """(K, 4, 2) corners to (K, 4) upright boxes, xyxy; not clipped to the picture."""
    return np.concatenate((corner_points.min(axis=1), corner_points.max(axis=1)), axis=1)
