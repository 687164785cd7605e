"""Agreement of the predictions of two models: pairs of the same class that overlap. Arithmetic only."""

from typing import NamedTuple

import numpy as np

from export.compress.predictions import Array, Predictions
from function.postprocess import obb
from function.postprocess.boxes import iou_one_to_many

MIN_IOU = 0.5  # of a pair: the usual threshold of detectors
MAX_KEYPOINT_DISTANCE = 0.1  # mean over the keypoints of a pair, relative to the square root of the box's area


class Agreement(NamedTuple):
    """Agreement over all images."""

    counts: tuple[int, int]  # predictions of the reference, of the other
    pairs: int
    mean_iou: float  # of the pairs; of masks where there are masks
    mean_conf_diff: float  # of the pairs

    @property
    def f1(self) -> float:
        """The F1 measure: pairs relative to the predictions of both, 0..1."""
        return 2 * self.pairs / sum(self.counts)


def f1_agreement(reference: list[Predictions], other: list[Predictions]) -> Agreement:
    """Compare the predictions image by image; the reference must have at least one.

    Args:
        reference: one for each image.
        other: of the same images.
    """
    pairs = [pair for one, two in zip(reference, other, strict=True) for pair in _pairs(one, two)]
    ious, differences = zip(*pairs, strict=True) if pairs else ((0.0,), (0.0,))
    counts = sum(len(image.scores) for image in reference), sum(len(image.scores) for image in other)
    return Agreement(counts, len(pairs), float(np.mean(ious)), float(np.mean(differences)))


def _pairs(reference: Predictions, other: Predictions) -> list[tuple[float, float]]:
    """Return IoU and confidence difference of each pair; the best-scored first takes the closest unpaired one."""
    unpaired = np.ones(len(other.scores), dtype=bool)
    pairs = []
    for row in range(len(reference.scores)):
        candidates = np.flatnonzero(unpaired & (other.class_ids == reference.class_ids[row]))
        if not candidates.size:
            continue
        overlaps = _overlaps(reference, row, other, candidates)
        closest = candidates[int(np.argmax(overlaps))]
        iou = min(float(overlaps.max()), _shape_agreement(reference, row, other, closest))
        if iou >= MIN_IOU:
            unpaired[closest] = False
            pairs.append((iou, abs(float(reference.scores[row] - other.scores[closest]))))
    return pairs


def _overlaps(reference: Predictions, row: int, other: Predictions, candidates: Array) -> Array:
    if reference.boxes_cxcywhr is None or other.boxes_cxcywhr is None:
        return iou_one_to_many(reference.boxes_xyxy[row], other.boxes_xyxy[candidates])
    one, others = obb.gaussians(reference.boxes_cxcywhr[row : row + 1]), obb.gaussians(other.boxes_cxcywhr[candidates])
    return obb.probiou(one, others)


def _shape_agreement(reference: Predictions, row: int, other: Predictions, closest: int) -> float:
    """Return the IoU of masks; 1 or 0 for keypoints that are near each other or not; 1 if there are neither."""
    if reference.masks is not None and other.masks is not None:
        one, two = (_pixels(masks) for masks in (reference.masks[row], other.masks[closest]))
        return float((one & two).sum() / max(int((one | two).sum()), 1))
    if reference.keypoints is not None and other.keypoints is not None:
        distance = np.linalg.norm(reference.keypoints[row] - other.keypoints[closest], axis=1).mean()
        left, top, right, bottom = reference.boxes_xyxy[row]
        return float(distance <= MAX_KEYPOINT_DISTANCE * np.sqrt((right - left) * (bottom - top)))
    return 1.0


def _pixels(run_lengths: list[int]) -> Array:
    """Return COCO's run lengths, which begin with the pixels outside the mask, as flat booleans."""
    return np.repeat(np.arange(len(run_lengths)) % 2 == 1, run_lengths)
