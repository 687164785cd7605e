"""How the boxes that two models find in one picture compare. Arithmetic only; nothing runs here."""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

CONF = 0.25  # ultralytics' default for predict
IOU = 0.7  # ultralytics' default for predict
MIN_IOU = 0.998  # of each pair of boxes; the function promises 0.995 against `predict` and has its own share to spend
ALIKE = 1e-6  # scores closer than this are one score, rounded
SAME_PX = 0.01  # corners of boxes without an area
MAX_CONF_DIFF = 0.001  # of each pair; half of what the function promises


class BoxComparison(NamedTuple):
    """How the boxes after NMS compare."""

    counts: tuple[int, int]
    paired: int  # same class, and no closer partner
    min_iou: float  # over the pairs; 1 if there are none
    max_conf_diff: float  # over the pairs; 0 if there are none

    @property
    def agrees(self) -> bool:
        """The same boxes, but for rounding."""
        same = self.counts[0] == self.counts[1] == self.paired
        return same and self.min_iou >= MIN_IOU and self.max_conf_diff <= MAX_CONF_DIFF


def threshold(scores: Array) -> float:
    """CONF, or where the reference finds nothing above it, a lower one that makes boxes.

    Untrained weights score everything low. The threshold then goes into the widest gap between neighboring scores
    among the best few dozen, so that rounding does not carry a box over it; where those are all alike, below them.

    Args:
        scores: (N,) float; of each anchor, or row, its best.
    """
    best = np.sort(scores)[::-1].astype(np.float64)
    if best[0] > CONF or not np.isfinite(best[0]):
        return CONF
    few = best[10:80] if best.size > 20 else best
    if few[0] - few[-1] < ALIKE:
        return float(few[-1]) / 2
    gap = int(np.argmax(few[:-1] - few[1:]))
    return float(few[gap] + few[gap + 1]) / 2


def final(reference: Array, other: Array) -> BoxComparison:
    """Pairs boxes of the same class, the best-scored first, each with the closest one left.

    Args:
        reference: (N, 6 or more) x1, y1, x2, y2, score, class; N may be 0.
        other: (M, 6 or more).
    """
    left = np.ones(len(other), dtype=bool)
    ious, differences = [], []
    for row in reference:
        candidates = np.flatnonzero(left & (other[:, 5] == row[5]))
        if candidates.size:
            overlaps = _iou(row[:4], other[candidates, :4])
            closest = candidates[int(np.argmax(overlaps))]
            left[closest] = False
            ious.append(float(overlaps.max()))
            differences.append(abs(float(row[4] - other[closest, 4])))
    counts = (len(reference), len(other))
    return BoxComparison(counts, len(ious), min(ious, default=1.0), max(differences, default=0.0))


def _iou(box_xyxy: Array, boxes_xyxy: Array) -> Array:
    """(4,) and (N, 4) -> (N,). Untrained weights make boxes without an area; those are the same or not."""
    near = np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    far = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:])
    inner = np.prod(np.clip(far - near, 0, None), axis=1)
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    if not np.all(box_xyxy[2:] > box_xyxy[:2]):
        return np.asarray(np.abs(boxes_xyxy - box_xyxy).max(axis=1) < SAME_PX, dtype=np.float64)
    return np.asarray(inner / np.maximum(np.prod(box_xyxy[2:] - box_xyxy[:2]) + areas - inner, 1e-12))
