"""Comparison of the boxes that two models predict in one image. Arithmetic only; no model runs here."""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

CONF = 0.25  # ultralytics' default for predict
IOU = 0.7  # ultralytics' default for predict
MIN_IOU = 0.998  # of each pair of boxes; the function promises 0.995 against `predict`, and adds its own rounding
SAME_SCORE = 1e-6  # scores closer than this are equal but for rounding
SAME_PX = 0.01  # corners of boxes without an area
MAX_CONF_DIFF = 0.001  # of each pair; half of the function's tolerance


class BoxComparison(NamedTuple):
    """Boxes after NMS, paired."""

    counts: tuple[int, int]  # of the reference, of the other
    paired: int  # same class, and no closer partner
    min_iou: float  # over the pairs; 1 if there are none
    max_conf_diff: float  # over the pairs; 0 if there are none

    @property
    def agrees(self) -> bool:
        """True if the boxes are the same but for rounding."""
        same = self.counts[0] == self.counts[1] == self.paired
        return same and self.min_iou >= MIN_IOU and self.max_conf_diff <= MAX_CONF_DIFF


def confidence_threshold(scores: Array) -> float:
    """Return CONF, or a lower threshold if no score is above it.

    Untrained weights score everything low. The threshold then goes into the widest gap between neighboring scores
    among the best few dozen, so that rounding does not carry a box over it; if those are all equal, below them.

    Args:
        scores: (N,) float; the best of each anchor or row.
    """
    best = np.sort(scores)[::-1].astype(np.float64)
    if best[0] > CONF or not np.isfinite(best[0]):
        return CONF
    few = best[10:80] if best.size > 20 else best
    if few[0] - few[-1] < SAME_SCORE:
        return float(few[-1]) / 2
    gap = int(np.argmax(few[:-1] - few[1:]))
    return float(few[gap] + few[gap + 1]) / 2


def compare_boxes(reference: Array, other: Array) -> BoxComparison:
    """Pair boxes of the same class, the best-scored first, each with the closest one that has no partner yet.

    Args:
        reference: (N, 6 or more) x1, y1, x2, y2, score, class; N may be 0.
        other: (M, 6 or more), the same columns; M may be 0.
    """
    unpaired = np.ones(len(other), dtype=bool)
    ious, differences = [], []
    for row in reference:
        candidates = np.flatnonzero(unpaired & (other[:, 5] == row[5]))
        if candidates.size:
            overlaps = _iou(row[:4], other[candidates, :4])
            closest = candidates[int(np.argmax(overlaps))]
            unpaired[closest] = False
            ious.append(float(overlaps.max()))
            differences.append(abs(float(row[4] - other[closest, 4])))
    counts = (len(reference), len(other))
    return BoxComparison(counts, len(ious), min(ious, default=1.0), max(differences, default=0.0))


def _iou(box_xyxy: Array, boxes_xyxy: Array) -> Array:
    """Return the IoU of (4,) with each of (N, 4), (N,); for a box without an area 1 if it is the same, else 0."""
    near = np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    far = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:])
    inner = np.prod(np.clip(far - near, 0, None), axis=1)
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    if not np.all(box_xyxy[2:] > box_xyxy[:2]):  # untrained weights make such boxes
        return np.asarray(np.abs(boxes_xyxy - box_xyxy).max(axis=1) < SAME_PX, dtype=np.float64)
    return np.asarray(inner / np.maximum(np.prod(box_xyxy[2:] - box_xyxy[:2]) + areas - inner, 1e-12))
