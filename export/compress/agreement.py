"""How far what two models find agrees: pairs of the same class that lie on each other. Arithmetic only."""

from typing import NamedTuple

import numpy as np

from export.compress.predictions import Array, Predictions
from function.postprocess import obb
from function.postprocess.boxes import iou_one_to_many

MIN_IOU = 0.5  # of a pair: the usual measure of detectors
MAX_POINT_SHARE = 0.1  # of the square root of the box's area: how far keypoints of a pair may be apart on average


class Agreement(NamedTuple):
    """Over all pictures."""

    counts: tuple[int, int]
    pairs: int
    mean_iou: float  # of the pairs; of masks where there are masks
    mean_conf_diff: float  # of the pairs

    @property
    def share(self) -> float:
        """The F1 measure: pairs among all that either found, 0..1."""
        return 2 * self.pairs / sum(self.counts)


def f1_agreement(reference: list[Predictions], other: list[Predictions]) -> Agreement:
    """Compares picture by picture; the reference has to have found something.

    Args:
        reference: one for each picture.
        other: of the same pictures.
    """
    pairs = [pair for one, two in zip(reference, other, strict=True) for pair in _pairs(one, two)]
    ious, differences = zip(*pairs, strict=True) if pairs else ((0.0,), (0.0,))
    counts = sum(len(one.scores) for one in reference), sum(len(one.scores) for one in other)
    return Agreement(counts, len(pairs), float(np.mean(ious)), float(np.mean(differences)))


def _pairs(reference: Predictions, other: Predictions) -> list[tuple[float, float]]:
    """IoU and difference of confidence of each pair; the best-scored first takes the closest that is left."""
    left = np.ones(len(other.scores), dtype=bool)
    found = []
    for row in range(len(reference.scores)):
        candidates = np.flatnonzero(left & (other.class_ids == reference.class_ids[row]))
        if not candidates.size:
            continue
        overlaps = _overlaps(reference, row, other, candidates)
        closest = candidates[int(np.argmax(overlaps))]
        iou = min(float(overlaps.max()), _same_inside(reference, row, other, closest))
        if iou >= MIN_IOU:
            left[closest] = False
            found.append((iou, abs(float(reference.scores[row] - other.scores[closest]))))
    return found


def _overlaps(reference: Predictions, row: int, other: Predictions, candidates: Array) -> Array:
    if reference.turned is None or other.turned is None:
        return iou_one_to_many(reference.boxes_xyxy[row], other.boxes_xyxy[candidates])
    one, others = obb.gaussians(reference.turned[row : row + 1]), obb.gaussians(other.turned[candidates])
    return obb.probiou(one, others)


def _same_inside(reference: Predictions, row: int, other: Predictions, closest: int) -> float:
    """What a box holds: the IoU of masks; 1 or 0 for keypoints that are near each other or not; else 1."""
    if reference.masks is not None and other.masks is not None:
        one, two = (_pixels(masks) for masks in (reference.masks[row], other.masks[closest]))
        return float((one & two).sum() / max(int((one | two).sum()), 1))
    if reference.points is not None and other.points is not None:
        apart = np.linalg.norm(reference.points[row] - other.points[closest], axis=1).mean()
        left, top, right, bottom = reference.boxes_xyxy[row]
        return float(apart <= MAX_POINT_SHARE * np.sqrt((right - left) * (bottom - top)))
    return 1.0


def _pixels(run_lengths: list[int]) -> Array:
    """COCO's run lengths, which begin with what is not in the mask, as flat booleans."""
    return np.repeat(np.arange(len(run_lengths)) % 2 == 1, run_lengths)
