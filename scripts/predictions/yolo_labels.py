"""Results as YOLO labels: a text file for each image, as `yolo predict save_txt` writes it.

A line has the class id and values relative to the width and height of the image, 0 to 1: x_center y_center width height
of a box, the points of a mask, the box and the keypoints (x y confidence), or the four corners of a rotated box. For a
classifier it has the probability and the name of each of the best classes. An image without detections has no file.

The line of a mask runs through its outer pixels at the size of the model input, and leaves holes out.

Source: ultralytics 8.4.190 `Results.save_txt`, engine/results.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.predictions import contours, input_masks
from scripts.predictions.contours import Pixel
from scripts.predictions.run import ImageResult

MIN_POINTS = 3  # of a polygon

Point = tuple[float, float]


def file_name(result: ImageResult) -> str:
    """Return the path of the labels of an image, relative to the folder of the labels."""
    return f"{result.image.stem}.txt"


def lines(result: ImageResult, model: Mapping[str, Any], with_confidence: bool = False) -> list[str]:
    """Return the lines of an image; none for an image without detections or with an error.

    Args:
        result: of one image.
        model: what the manifest states of it; its input is needed for masks.
        with_confidence: end each line of a detection with its confidence.
    """
    body = result.body
    if body is None:
        return []
    if "top" in body:
        return [f"{row['confidence']:.2f} {row['class']}" for row in body["top"]]
    if "detections" not in body:  # a map has no labels, as in ultralytics
        return []
    size = body["image_dimensions"]
    rows = []
    for row in body["detections"]:
        values = _values(row, (size["width"], size["height"]), model)
        if values:
            end = (row["confidence"],) if with_confidence else ()
            rows.append(" ".join([str(row["class_id"]), *(f"{value:g}" for value in (*values, *end))]))
    return rows


def _values(row: dict[str, Any], size_wh: tuple[int, int], model: Mapping[str, Any]) -> list[float]:
    """Return the relative values of a detection; none for a mask whose line would have fewer than three points."""
    width, height = size_wh
    if "segments" in row:
        geometry = input_masks.geometry_of(size_wh, model)
        pixels = join(contours.find(input_masks.fill(row["segments"], geometry)))
        if len(pixels) < MIN_POINTS:
            return []
        return _relative(input_masks.points_to_image(pixels, geometry), width, height)
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


def join(polygons: Sequence[Sequence[Pixel]]) -> list[Pixel]:
    """Return one closed line through all contours of a mask, because a line of labels has only one.

    Each contour is connected with the next one at the two points that are nearest to each other. The line goes from the
    first to the last contour and back, and around each of them once.

    Source: ultralytics 8.4.190 `merge_multi_segment`, data/converter.py.
    """
    if len(polygons) < 2:
        return list(polygons[0]) if polygons else []
    bridges = [_nearest(one, two) for one, two in itertools.pairwise(polygons)]
    there = _ring(polygons[0], bridges[0][0])
    back: list[Pixel] = []
    for polygon, (_, entry), (leave, _) in zip(polygons[1:-1], bridges[:-1], bridges[1:], strict=True):
        outward, homeward = _halves(polygon, entry, leave)
        there += outward
        back[:0] = homeward
    return [*there, *_ring(polygons[-1], bridges[-1][1]), *back]


def _ring(polygon: Sequence[Pixel], start: int) -> list[Pixel]:
    """Return the points of a polygon from `start` around to `start` again."""
    return [*polygon[start:], *polygon[: start + 1]]


def _halves(polygon: Sequence[Pixel], entry: int, leave: int) -> tuple[list[Pixel], list[Pixel]]:
    """Return the way around a polygon in two parts: from `entry` to `leave`, and from there on to `entry`."""
    points = list(polygon)
    if entry > leave:  # the other direction around, so that `leave` comes after `entry`
        points.reverse()
        entry, leave = len(points) - 1 - entry, len(points) - 1 - leave
    ring = _ring(points, entry)
    return ring[: leave - entry + 1], ring[leave - entry :]


def _nearest(one: Sequence[Pixel], two: Sequence[Pixel]) -> tuple[int, int]:
    """Return the indices of the points of two contours that are nearest to each other; the first of equals."""
    distances = ((np.array(one)[:, None] - np.array(two)) ** 2).sum(axis=2)
    row, column = divmod(int(distances.argmin()), len(two))
    return row, column


def _relative(points: Sequence[Point], width: int, height: int) -> list[float]:
    return [value for x, y in points for value in (x / width, y / height)]
