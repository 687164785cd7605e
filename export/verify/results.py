"""Comparison of the results of `yolo predict` with those of the function, for one image. Arithmetic only.

The tolerances are those that the function promises against `predict` (docs/accuracy.md).
"""

from typing import Any, NamedTuple

import numpy as np

from export.verify.boxes import CONF, IOU, SAME_SCORE
from function.postprocess import obb
from function.postprocess.boxes import iou_many_to_many, iou_one_to_many

Array = np.ndarray[Any, Any]

MAX_CANDIDATES = 80  # above the confidence threshold, so that an end-to-end head outputs all of them
MIN_CANDIDATES = 10
SAME_PX = 0.01  # corners of boxes without an area
IOU_RANGE = (0.6, 0.8)  # in which the threshold of NMS is chosen
TOLERANCES = {  # largest difference; of overlaps from 1
    "input": 1e-4,  # relative to the largest value; one of 255 levels is 4e-3, and the inputs were measured as equal
    "iou": 0.005,
    "confidence": 0.002,
    "keypoints px": 0.1,
    "angles": 0.001,  # rad
    "masks": 0.05,  # a pixel of the border of a small mask
}


class Detections(NamedTuple):
    """Results for one image, best first."""

    boxes_xyxy: Array  # (N, 4), pixels of the image
    scores: Array  # (N,)
    class_ids: Array  # (N,)
    keypoints: Array | None = None  # (N, K, 2 or 3)
    angles: Array | None = None  # (N,), rad
    masks: Array | None = None  # (N, H, W) bool, pixels of the image


def confidence_threshold(scores: Array) -> float:
    """Return CONF, or where no or too many scores are above it, or one is close to it, the middle of a wide gap.

    Args:
        scores: (N,) of candidates before NMS, N >= 1.
    """
    ranked = np.sort(scores)[::-1].astype(np.float64)
    count = int((ranked > CONF).sum())
    if 0 < count <= MAX_CANDIDATES and np.abs(ranked - CONF).min() > TOLERANCES["confidence"]:
        return CONF
    few = ranked[min(MIN_CANDIDATES, ranked.size // 2) : MAX_CANDIDATES]
    if few[0] - few[-1] < SAME_SCORE:
        return float(few[-1]) / 2
    gap = int(np.argmax(few[:-1] - few[1:]))
    return float(few[gap] + few[gap + 1]) / 2


def iou_threshold(boxes: Array, class_ids: Array, rotated: Array | None) -> float:
    """Return a threshold for NMS that is far from the overlap of every two candidates of a class.

    Args:
        boxes: (N, 4) xyxy.
        class_ids: (N,).
        rotated: (N, 5) of oriented boxes, else None.
    """
    same = np.triu(class_ids[:, None] == class_ids, 1)
    if rotated is None:
        overlaps = iou_many_to_many(boxes, boxes)[same]
    else:
        pairs = np.argwhere(same)
        if not len(pairs):
            return IOU
        overlaps = obb.probiou(obb.gaussians(rotated[pairs[:, 0]]), obb.gaussians(rotated[pairs[:, 1]])).ravel()
    low, high = IOU_RANGE
    between = np.sort(overlaps[(overlaps > low) & (overlaps < high)])
    edges = np.concatenate(([low], between, [high]))
    if not between.size:
        return IOU
    widest = int(np.diff(edges).argmax())
    return float(edges[widest] + edges[widest + 1]) / 2


def compare(expected: Detections, actual: Detections) -> tuple[dict[str, float], list[str]]:
    """Return the largest differences by name, and what is outside of the tolerances.

    Args:
        expected: of `predict`; N may be 0.
        actual: of the function.
    """
    counts = len(expected.scores), len(actual.scores)
    if counts[0] != counts[1]:
        return {}, [f"{counts[1]} results instead of {counts[0]}"]
    pairs = _paired(expected, actual)
    overlaps = [_iou(box, actual.boxes_xyxy[pair]) for box, pair in zip(expected.boxes_xyxy, pairs, strict=True)]
    differences = {
        "iou": 1 - min(overlaps, default=1.0),
        "confidence": _largest(expected.scores, actual.scores[pairs]),
    }
    if expected.keypoints is not None and actual.keypoints is not None:
        differences["keypoints px"] = _largest(expected.keypoints[..., :2], actual.keypoints[pairs][..., :2])
        visibility = _largest(expected.keypoints[..., 2:], actual.keypoints[pairs][..., 2:])
        differences["confidence"] = max(differences["confidence"], visibility)
    if expected.angles is not None and actual.angles is not None:
        differences["angles"] = _largest(expected.angles, actual.angles[pairs])
    if expected.masks is not None and actual.masks is not None:
        differences["masks"] = _mask_difference(expected.masks, actual.masks[pairs])
    violations = outside(differences)
    if (expected.class_ids != actual.class_ids[pairs]).any():
        violations.append("other classes")
    return differences, violations


def compare_masks(expected: Detections, actual: Detections) -> dict[str, float]:
    """Return the largest difference of masks at the size of the image, for boxes that both have.

    Args:
        expected: of `predict` with retina_masks: at that size it leaves out other empty masks, so N can differ.
        actual: of the function.
    """
    if expected.masks is None or actual.masks is None or len(expected.scores) > len(actual.scores):
        return {}
    pairs = _paired(expected, actual)
    ious = [_iou(box, actual.boxes_xyxy[pair]) for box, pair in zip(expected.boxes_xyxy, pairs, strict=True)]
    same = np.flatnonzero(np.array(ious) >= 1 - TOLERANCES["iou"])
    return {"masks": _mask_difference(expected.masks[same], actual.masks[np.array(pairs)[same]])}


def outside(differences: dict[str, float]) -> list[str]:
    """Return a text for each difference that is outside of its tolerance."""
    return [f"{name} {value:.2g}" for name, value in differences.items() if not value <= TOLERANCES[name]]


def _paired(expected: Detections, actual: Detections) -> list[int]:
    """Return for each expected box the nearest unused one of its class by IoU and confidence, else of any class."""
    unused = list(range(len(actual.scores)))
    pairs = []
    for box, class_id, score in zip(expected.boxes_xyxy, expected.class_ids, expected.scores, strict=True):
        same = [index for index in unused if actual.class_ids[index] == class_id] or unused
        distance = np.abs(actual.scores[same] - score) / TOLERANCES["confidence"]
        pairs.append(same[int((iou_one_to_many(box, actual.boxes_xyxy[same]) - distance).argmax())])
        unused.remove(pairs[-1])
    return pairs


def _iou(box: Array, other: Array) -> float:
    """Return the IoU; 1 for equal boxes without an area, which untrained weights predict."""
    return 1.0 if np.abs(box - other).max() < SAME_PX else float(iou_one_to_many(box, other[None])[0])


def _largest(expected: Array, actual: Array) -> float:
    return float(np.abs(expected.astype(np.float64) - actual).max(initial=0))


def _mask_difference(expected: Array, actual: Array) -> float:
    """Return 1 minus the least IoU of two masks; a pair of empty masks has the IoU 1."""
    union = (expected | actual).sum(axis=(1, 2))
    overlap = (expected & actual).sum(axis=(1, 2))
    return float(1 - (overlap[union > 0] / union[union > 0]).min(initial=1))
