"""Masks at the size of the model input, from the polygons of a response, which are in pixels of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from function.arrays import Bools, Floats
from function.preprocess import letterbox
from function.preprocess.letterbox import Inverse, Letterbox
from scripts.predictions import padding

STRIDE = 32  # of models whose manifest has none

Point = tuple[float, float]


def geometry_of(size_wh: tuple[int, int], model: Mapping[str, Any]) -> Letterbox:
    """Return the letterbox of an image.

    Args:
        size_wh: the upright image, pixels.
        model: what the manifest states of it: `imgsz`, `is_rectangular` and `stride`.
    """
    height, width = model["imgsz"]
    return letterbox.fit(size_wh, (height, width), model.get("stride", STRIDE), model["is_rectangular"])


def fill(polygons: Sequence[Sequence[Sequence[float]]], geometry: Letterbox) -> Bools:
    """Return the mask that the polygons outline.

    The response clips polygons to the image; `padding` gives the part in the padding back.

    Args:
        polygons: of one instance, x and y in pixels of the image, from `postprocess.polygons`.
        geometry: the letterbox of the image.

    Returns:
        (input_h, input_w) bool.
    """
    back = letterbox.inverse(geometry)
    crossings = np.zeros((geometry.input_h, geometry.input_w + 1), dtype=np.int32)
    for polygon in polygons:
        if polygon:
            _count_crossings(crossings, _in_input(np.array(polygon), geometry, back))
    inside: Bools = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return inside


def points_to_image(points: Sequence[tuple[int, int]], geometry: Letterbox) -> list[Point]:
    """Return points of the model input, given as numbers of pixels, in pixels of the image."""
    scaled = letterbox.points_to_image(np.array(points, dtype=np.float32), geometry)
    return [(x, y) for x, y in scaled.tolist()]


def _in_input(polygon: Floats, geometry: Letterbox, back: Inverse) -> Floats:
    """Return a polygon in pixels of the model input; its points are on pixel edges, at whole or half pixels."""
    gain = np.array([back.resized_w / geometry.image_w, back.resized_h / geometry.image_h])
    start = np.array([back.left, back.top])
    points: Floats = np.round((polygon * gain + start) * 2) / 2
    end = start + np.array([back.resized_w, back.resized_h])
    for axis, side in ((0, geometry.input_w), (1, geometry.input_h)):
        for border, outward, depth in ((start[axis], -1, start[axis]), (end[axis], 1, side - end[axis])):
            if depth > 0:  # there is padding, which a mask can reach
                points = padding.restore(points, axis, float(border), outward, float(depth))
    return points


def _count_crossings(crossings: np.ndarray, polygon: Floats) -> None:
    """Count, for each row and column, the edges that cross the middle of the row on the left of the pixel."""
    for (x, y), (to_x, to_y) in zip(polygon.tolist(), np.roll(polygon, -1, axis=0).tolist(), strict=True):
        (x, y), (to_x, to_y) = sorted(((x, y), (to_x, to_y)), key=lambda point: point[1])
        rows = np.arange(max(int(np.ceil(y - 0.5)), 0), min(int(np.ceil(to_y - 0.5)), len(crossings)))
        if rows.size:
            columns = x + (to_x - x) * (rows + 0.5 - y) / (to_y - y)
            np.add.at(crossings, (rows, np.ceil(columns - 0.5).astype(int).clip(0, crossings.shape[1] - 1)), 1)
