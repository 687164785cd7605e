"""Whether two answers to one picture hold the same boxes; a time counts only if they do."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks import NotMeasured

SAME_IOU = 0.9  # a box is the same above this
SAME_SHARE = 0.9  # of the longer answer's boxes that have to be found in the other: near ties swap places


class Box(NamedTuple):
    """One box of an answer: pixels of the picture, 0..1."""

    class_id: int
    confidence: float
    xyxy: tuple[float, float, float, float]


class Agreement(NamedTuple):
    """How two answers compare: boxes in each, how many are the same, the least IoU and the largest gap among those."""

    ours: int
    theirs: int
    same: int
    least_iou: float
    largest_gap: float  # of confidence


def boxes(response: Any) -> list[Box]:
    """The boxes of a response to a Function URL's event.

    Raises:
        NotMeasured: it is an error.
    """
    if not isinstance(response, dict) or response.get("statusCode") != 200:
        raise NotMeasured(f"a contender answered {str(response)[:500]}; wanted boxes")
    found = json.loads(response["body"])["detections"]
    corners = ("x_min", "y_min", "x_max", "y_max")
    return [
        Box(
            one["class_id"], one["confidence"], tuple(one["box_2d"][corner] for corner in corners)
        )
        for one in found
    ]  # fmt: skip


def timing(response: Any) -> dict[str, float] | None:
    """What a response says of its own time, milliseconds by step, if it does."""
    said: dict[str, float] | None = json.loads(response["body"]).get("timing_ms")
    return said


def iou(one: Box, other: Box) -> float:
    """0..1; 0 where both are empty."""
    a, b = one.xyxy, other.xyxy
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = _area(a) + _area(b) - width * height
    return width * height / union if union > 0 else 0.0


def compare(ours: Sequence[Box], theirs: Sequence[Box]) -> Agreement:
    """Each box is given the nearest of its class in the other answer, the best pairs first, each only once."""
    pairs = sorted(
        ((iou(one, other), i, j) for i, one in enumerate(ours) for j, other in enumerate(theirs)
         if one.class_id == other.class_id), reverse=True,
    )  # fmt: skip
    found: dict[int, tuple[int, float]] = {}
    taken: set[int] = set()
    for overlap, i, j in pairs:
        if overlap > SAME_IOU and i not in found and j not in taken:
            found[i] = (j, overlap)
            taken.add(j)
    gaps = [abs(ours[i].confidence - theirs[j].confidence) for i, (j, _) in found.items()]
    least = min((overlap for _, overlap in found.values()), default=1.0)
    return Agreement(len(ours), len(theirs), len(found), least, max(gaps, default=0.0))


def demand(name: str, ours: Sequence[Box], theirs: Sequence[Box]) -> Agreement:
    """The comparison, if the answers agree on at least one box.

    Raises:
        NotMeasured: they do not.
    """
    found = compare(ours, theirs)
    if found.same == 0 or found.same < SAME_SHARE * max(found.ours, found.theirs):
        raise NotMeasured(
            f"{name} finds {found.theirs} boxes and the zips {found.ours}, {found.same} of them the same "
            f"(IoU above {SAME_IOU}); times of different answers are not compared"
        )
    return found


def _area(xyxy: tuple[float, float, float, float]) -> float:
    return (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1])
