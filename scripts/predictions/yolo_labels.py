"""Results as YOLO labels: a text file for each image, as `yolo predict save_txt` writes it.

A line has the class id and values relative to the width and height of the image, 0 to 1: x_center y_center width height
of a box, the points of a polygon, the box and the keypoints (x y confidence), or the four corners of a rotated box. For
a classifier it has the probability and the name of each of the best classes. An image without detections has no file.

Source: ultralytics 8.4.190 `Results.save_txt`, engine/results.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from scripts.predictions.run import ImageResult

MIN_POINTS = 3  # of a polygon
ROUNDING = 0.03  # px: of the distance between two points whose coordinates have two decimals

Point = tuple[float, float]


def file_name(result: ImageResult) -> str:
    """Return the path of the labels of an image, relative to the folder of the labels."""
    return f"{result.image.stem}.txt"


def lines(result: ImageResult, with_confidence: bool = False) -> list[str]:
    """Return the lines of an image; none for an image without detections or with an error.

    Args:
        result: of one image.
        with_confidence: end each line of a detection with its confidence.
    """
    body = result.body
    if body is None:
        return []
    if "top" in body:
        return [f"{row['confidence']:.2f} {row['class']}" for row in body["top"]]
    size = body["image_dimensions"]
    rows = []
    for row in body["detections"]:
        values = _values(row, size["width"], size["height"])
        if values:
            end = (row["confidence"],) if with_confidence else ()
            rows.append(" ".join([str(row["class_id"]), *(f"{value:g}" for value in (*values, *end))]))
    return rows


def _values(row: dict[str, Any], width: int, height: int) -> list[float]:
    """Return the relative values of a detection; none for a mask without a polygon."""
    if "segments" in row:
        points = join([[(x, y) for x, y in polygon] for polygon in row["segments"]])
        return _relative(points, width, height) if len(points) >= MIN_POINTS else []
    if "corners" in row:
        return _relative([(corner["x"], corner["y"]) for corner in row["corners"]], width, height)
    box = row["box_2d"]
    values = [
        (box["x_min"] + box["x_max"]) / 2 / width,
        (box["y_min"] + box["y_max"]) / 2 / height,
        (box["x_max"] - box["x_min"]) / width,
        (box["y_max"] - box["y_min"]) / height,
    ]
    for point in row.get("keypoints", ()):
        values += [point["x"] / width, point["y"] / height]
        values += [point["confidence"]] if "confidence" in point else []
    return values


def join(polygons: Sequence[Sequence[Point]]) -> list[Point]:
    """Return one closed line through all polygons of a mask, because a line of labels has only one.

    Each polygon is connected with the next one at the two points that are nearest to each other. The line goes from the
    first to the last polygon and back, and around each of them once.
    """
    if len(polygons) < 2:
        return list(polygons[0]) if polygons else []
    bridges = [_nearest(one, two) for one, two in itertools.pairwise(polygons)]
    there = _ring(polygons[0], bridges[0][0])
    back: list[Point] = []
    for polygon, (_, entry), (leave, _) in zip(polygons[1:-1], bridges[:-1], bridges[1:], strict=True):
        outward, homeward = _halves(polygon, entry, leave)
        there += outward
        back[:0] = homeward
    return [*there, *_ring(polygons[-1], bridges[-1][1]), *back]


def _ring(polygon: Sequence[Point], start: int) -> list[Point]:
    """Return the points of a polygon from `start` around to `start` again."""
    return [*polygon[start:], *polygon[: start + 1]]


def _halves(polygon: Sequence[Point], entry: int, leave: int) -> tuple[list[Point], list[Point]]:
    """Return the way around a polygon in two parts: from `entry` to `leave`, and from there on to `entry`."""
    points = list(polygon)
    if entry > leave:  # the other direction around, so that `leave` comes after `entry`
        points.reverse()
        entry, leave = len(points) - 1 - entry, len(points) - 1 - leave
    ring = _ring(points, entry)
    return ring[: leave - entry + 1], ring[leave - entry :]


def _nearest(one: Sequence[Point], two: Sequence[Point]) -> tuple[int, int]:
    """Return the indices of the two points of different polygons that are nearest to each other.

    Of pairs whose distances differ by no more than the rounding of the response, the first is used.
    """
    distances = [(math.dist(a, b), i, j) for i, a in enumerate(one) for j, b in enumerate(two)]
    limit = min(distances)[0] + ROUNDING
    return next((i, j) for distance, i, j in distances if distance <= limit)


def _relative(points: Sequence[Point], width: int, height: int) -> list[float]:
    return [value for x, y in points for value in (x / width, y / height)]
