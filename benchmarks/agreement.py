"""Comparison of the detections in two responses for one image; a time counts only if the detections agree."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks import NotMeasured

MATCH_IOU = 0.9  # two boxes match above this
MATCH_SHARE = 0.9  # of the longer list of boxes that must have a match: boxes with almost equal scores change order


class Box(NamedTuple):
    """A detection: pixels of the image, confidence 0..1."""

    class_id: int
    confidence: float
    xyxy: tuple[float, float, float, float]


class Agreement(NamedTuple):
    """Comparison of two lists of boxes.

    Attributes:
        reference: number of boxes of the first contender.
        candidate: number of boxes of the other contender.
        matched: number of pairs of matching boxes.
        min_iou: smallest IoU of the pairs; 1 without pairs.
        max_confidence_difference: largest difference in confidence of the pairs; 0 without pairs.
    """

    reference: int
    candidate: int
    matched: int
    min_iou: float
    max_confidence_difference: float


def boxes(response: Any) -> list[Box]:
    """Return the boxes in the response to a Function URL event.

    Raises:
        NotMeasured: the response is an error, or has no detections.
    """
    body = _body(response)
    if "detections" not in body:
        raise NotMeasured(f"the response must have detections, got {str(response)[:500]}")
    corners = ("x_min", "y_min", "x_max", "y_max")
    return [
        Box(row["class_id"], row["confidence"], tuple(row["box_2d"][corner] for corner in corners))
        for row in body["detections"]
    ]


def timing(response: Any) -> dict[str, float] | None:
    """Return `timing_ms` of a response, milliseconds by step; None if the response does not have it."""
    reported: dict[str, float] | None = json.loads(response["body"]).get("timing_ms")
    return reported


def iou(first: Box, second: Box) -> float:
    """Return the IoU of two boxes, 0..1; 0 if both are empty."""
    a, b = first.xyxy, second.xyxy
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = _area(a) + _area(b) - width * height
    return width * height / union if union > 0 else 0.0


def compare(reference: Sequence[Box], candidate: Sequence[Box]) -> Agreement:
    """Match the boxes of the same class, in the order of decreasing IoU; each box has at most one match."""
    pairs = sorted(
        ((iou(box, other), i, j) for i, box in enumerate(reference) for j, other in enumerate(candidate)
         if box.class_id == other.class_id), reverse=True,
    )  # fmt: skip
    matches: dict[int, tuple[int, float]] = {}  # index in reference -> index in candidate, IoU
    used: set[int] = set()  # indices in candidate
    for overlap, i, j in pairs:
        if overlap > MATCH_IOU and i not in matches and j not in used:
            matches[i] = (j, overlap)
            used.add(j)
    differences = [abs(reference[i].confidence - candidate[j].confidence) for i, (j, _) in matches.items()]
    min_iou = min((overlap for _, overlap in matches.values()), default=1.0)
    return Agreement(len(reference), len(candidate), len(matches), min_iou, max(differences, default=0.0))


def require(name: str, reference: Sequence[Box], candidate: Sequence[Box]) -> Agreement:
    """Return the comparison; at least one box must match.

    Args:
        name: of the contender with the boxes `candidate`.
        reference: boxes of the first contender.
        candidate: boxes of the contender.

    Raises:
        NotMeasured: no box matches, or less than MATCH_SHARE of the boxes.
    """
    result = compare(reference, candidate)
    if result.matched == 0 or result.matched < MATCH_SHARE * max(result.reference, result.candidate):
        raise NotMeasured(
            f"{name} returns {result.candidate} boxes and the first contender {result.reference}; {result.matched} "
            f"match (IoU above {MATCH_IOU}). The times are comparable only if the boxes are the same"
        )
    return result


def _body(response: Any) -> dict[str, Any]:
    if not isinstance(response, dict) or response.get("statusCode") != 200:
        raise NotMeasured(f"the response must have status 200, got {str(response)[:500]}")
    body: dict[str, Any] = json.loads(response["body"])
    return body


def _area(xyxy: tuple[float, float, float, float]) -> float:
    return (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1])
