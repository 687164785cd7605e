"""Comparison of two results for one image: those of Ultralytics' `predict` and those of the function.

Each detection of one side is paired with the nearest detection of its class on the other side, the best first.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from function.arrays import Bools, Floats
from function.postprocess.boxes import iou_one_to_many

IOU_MIN = 0.995
CONFIDENCE_MAX = 0.002
LIMITS = {"mask IoU": 0.95, "keypoints": 1.0, "rotation": 0.01}  # px, rad; a mask must reach its limit
ROUNDING = 0.01  # px: corners that differ less are the same, however small the box
EMPTY = 0.1  # px: the same of boxes without an area, which have no IoU; their corners can be in another order
MIN_PAIR_IOU = 0.5  # boxes that overlap less are different detections
FIRST_CHARACTER = 48  # "0", of COCO's compressed text
SQUARE = 0.02  # of the sides: a rotated box whose sides differ less can be turned by a quarter

Row = dict[str, Any]


class Agreement(NamedTuple):
    """Comparison of the results for one image, or for several.

    Attributes:
        matched: pairs.
        only_predict: detections of `predict` without a partner.
        only_zips: detections of the zips without a partner.
        min_iou: lowest IoU of a pair of boxes; 1 without pairs.
        max_confidence: largest difference of the confidence of a pair; 0 without pairs.
        at_threshold: detections without a partner that score so near to the confidence threshold, or to the last of
            the `max_det` detections of the other side, that rounding decides. They are not counted in `only_predict`
            and `only_zips`.
        details: the worst mask IoU, distance of keypoints in px, or difference of the rotation in rad.
    """

    matched: int
    only_predict: int
    only_zips: int
    min_iou: float
    max_confidence: float
    at_threshold: int
    details: dict[str, float]

    @property
    def holds(self) -> bool:
        """Whether the results are the same within the tolerances."""
        if self.only_predict or self.only_zips or self.min_iou < IOU_MIN or self.max_confidence > CONFIDENCE_MAX:
            return False
        return all(
            value >= LIMITS[name] if name == "mask IoU" else value <= LIMITS[name]
            for name, value in self.details.items()
        )


def total(rows: list[Agreement]) -> Agreement:
    """Return the sums and the worst values of several images."""
    details: dict[str, float] = {}
    for row in rows:
        for name, value in row.details.items():
            worst = min if name == "mask IoU" else max
            details[name] = worst(details.get(name, value), value)
    return Agreement(
        sum(row.matched for row in rows),
        sum(row.only_predict for row in rows),
        sum(row.only_zips for row in rows),
        min((row.min_iou for row in rows), default=1.0),
        max((row.max_confidence for row in rows), default=0.0),
        sum(row.at_threshold for row in rows),
        details,
    )


def compare(predicted: dict[str, Any], body: dict[str, Any], conf: float, max_det: int) -> Agreement:
    """Compare the result of `predict` with a response of the function, both in the form of the response.

    Args:
        predicted: of `predict`, not rounded.
        body: of the function.
        conf: confidence threshold of both.
        max_det: maximum number of detections of both.
    """
    if "top" in body:
        return _compare_classes(predicted["top"], body["top"])
    expected, actual = predicted["detections"], list(body["detections"])
    pairs = _pairs(expected, actual)
    details: dict[str, float] = {}
    for one, two, _ in pairs:
        for name, value in _details(one, two).items():
            worst = min if name == "mask IoU" else max
            details[name] = worst(details.get(name, value), value)
    alone = [
        _without(expected, [row for row, _, _ in pairs]),
        _without(actual, [row for _, row, _ in pairs]),
    ]
    least = [_least_confidence(others, conf, max_det) + CONFIDENCE_MAX for others in (actual, expected)]
    clear = [[row for row in rows if row["confidence"] > limit] for rows, limit in zip(alone, least, strict=True)]
    return Agreement(
        len(pairs),
        len(clear[0]),
        len(clear[1]),
        min((iou for _, _, iou in pairs), default=1.0),
        max((abs(one["confidence"] - two["confidence"]) for one, two, _ in pairs), default=0.0),
        sum(map(len, alone)) - sum(map(len, clear)),
        details,
    )


def _least_confidence(rows: list[Row], conf: float, max_det: int) -> float:
    """Return the confidence below which one side has no detections: the threshold, or the last of `max_det` rows."""
    return max(conf, min(row["confidence"] for row in rows)) if rows and len(rows) >= max_det else conf


def _without(rows: list[Row], others: list[Row]) -> list[Row]:
    taken = {id(row) for row in others}
    return [row for row in rows if id(row) not in taken]


def _compare_classes(expected: list[Row], actual: list[Row]) -> Agreement:
    """Compare the best classes; one that is as probable as the last of them may be missing on one side."""
    scores = [{row["class_id"]: row["confidence"] for row in rows} for rows in (expected, actual)]
    shared = scores[0].keys() & scores[1].keys()
    alone = []
    for rows, others in ((expected, scores[1]), (actual, scores[0])):
        last = min((row["confidence"] for row in rows), default=0.0)
        alone.append(
            [row for row in rows if row["class_id"] not in others and row["confidence"] - last > CONFIDENCE_MAX]
        )
    largest = max((abs(scores[0][class_id] - scores[1][class_id]) for class_id in shared), default=0.0)
    return Agreement(len(shared), len(alone[0]), len(alone[1]), 1.0, largest, 0, {})


def _pairs(expected: list[Row], actual: list[Row]) -> list[tuple[Row, Row, float]]:
    unused = list(range(len(actual)))
    pairs = []
    for row in expected:
        same = [index for index in unused if actual[index]["class_id"] == row["class_id"]]
        if not same:
            continue
        candidates = np.array([_box(actual[index]) for index in same], dtype=np.float32)  # (N, 4) xyxy
        overlaps = iou_one_to_many(_box(row), candidates)
        limits = np.where((candidates[:, 2:] > candidates[:, :2]).all(axis=1), ROUNDING, EMPTY)
        overlaps[np.abs(candidates - _box(row)).max(axis=1) <= limits] = 1.0
        best = int(overlaps.argmax())
        if overlaps[best] >= MIN_PAIR_IOU:
            unused.remove(same[best])
            pairs.append((row, actual[same[best]], float(overlaps[best])))
    return pairs


def _box(row: Row) -> Floats:
    box = row["box_2d"]
    return np.array([box["x_min"], box["y_min"], box["x_max"], box["y_max"]], dtype=np.float32)


def _details(one: Row, two: Row) -> dict[str, float]:
    if "mask" in two:
        return {"mask IoU": _mask_iou(one["mask"], two["mask"])}
    if "keypoints" in two:
        points = zip(one["keypoints"], two["keypoints"], strict=True)
        return {"keypoints": max((math.dist((a["x"], a["y"]), (b["x"], b["y"])) for a, b in points), default=0.0)}
    if "rotated_box" in two:
        return {"rotation": _rotation(one["rotated_box"], two["rotated_box"])}
    return {}


def _rotation(one: Row, two: Row) -> float:
    """Return the angle between two rotated boxes; a box turned by half a turn is the same box."""
    period = math.pi
    if abs(two["width"] - two["height"]) <= SQUARE * max(two["width"], two["height"]):
        period = math.pi / 2
    difference = abs(one["rotation"] - two["rotation"]) % period
    return float(min(difference, period - difference))


def _mask_iou(expected: dict[str, Any], actual: dict[str, Any]) -> float:
    one, two = _pixels(expected), _pixels(actual)
    union = int((one | two).sum())
    return float((one & two).sum() / union) if union else 1.0


def _pixels(mask: dict[str, Any]) -> Bools:
    """Return the pixels of a mask, column by column."""
    counts = mask["counts"]
    runs = run_lengths(counts) if isinstance(counts, str) else counts
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


def run_lengths(text: str) -> list[int]:
    """Return the counts of a mask in COCO's compressed text.

    A character has five bits of a number, the lowest first, and a sixth one if another character follows. From the
    fourth number on, the text has the difference from the count two before.

    Source: the COCO API, common/maskApi.c `rleFrString`.
    """
    runs: list[int] = []
    number = shift = 0
    for letter in text:
        bits = ord(letter) - FIRST_CHARACTER
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        number -= (1 << shift) if bits & 16 else 0
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    return runs
