"""Masks at the size of the model input, from the polygons of a response, which are in pixels of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from function.arrays import Bools, Floats
from function.preprocess import letterbox
from function.preprocess.letterbox import Inverse, Letterbox

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

    The response clips polygons to the image. Where one leaves the image, the mask has one row or column of the padding.

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
        for border, outward in ((start[axis], -1), (end[axis], 1)):
            if 0 < border < side:  # there is padding, which a mask can reach
                points = _extended(points, axis, float(border), outward)
    return points


def _extended(points: Floats, axis: int, border: float, outward: int) -> Floats:
    """Return a polygon whose parts on the border of the image reach one pixel further, if they were clipped there.

    A polygon has horizontal, vertical and diagonal edges. One that ends on the border arrives with a diagonal edge,
    because its corners are cut by half a pixel; another edge is one of which the end was clipped.
    """
    on_border = points[:, axis] == border
    if not on_border.any() or on_border.all():
        return points
    points = np.roll(points, -int(np.flatnonzero(~on_border)[0]), axis=0)  # starts within the image
    on_border = points[:, axis] == border
    changes = np.flatnonzero(on_border[1:] != on_border[:-1]) + 1
    chains = np.append(changes, len(points))[: 2 * ((len(changes) + 1) // 2)].reshape(-1, 2)
    parts, place = [], 0
    for first, stop in chains.tolist():
        before, after = points[first - 1], points[stop % len(points)]
        ends = [_leaves(before, points[first], axis, border), _leaves(after, points[stop - 1], axis, border)]
        if ends[0] is None or ends[1] is None:
            continue
        outside = np.empty((4, 2))
        outside[:, axis] = (border, border + outward, border + outward, border)
        outside[:, 1 - axis] = (ends[0], ends[0], ends[1], ends[1])
        parts += [points[place:first], outside]
        place = stop
    return np.concatenate([*parts, points[place:]])


def _leaves(inner: Floats, clipped: Floats, axis: int, border: float) -> float | None:
    """Return the position on the border where an edge crosses into the first pixels outside; None if it ends there."""
    aside = clipped[1 - axis] - inner[1 - axis]
    distance = abs(border - inner[axis])
    is_slit = aside == 0 and inner[1 - axis] % 1  # to a hole: it runs through the middle of a row
    if abs(aside) == distance or is_slit:
        return None
    return float(inner[1 - axis] + np.sign(aside) * (distance + 0.5))


def _count_crossings(crossings: np.ndarray, polygon: Floats) -> None:
    """Count, for each row and column, the edges that cross the middle of the row on the left of the pixel."""
    for (x, y), (to_x, to_y) in zip(polygon.tolist(), np.roll(polygon, -1, axis=0).tolist(), strict=True):
        (x, y), (to_x, to_y) = sorted(((x, y), (to_x, to_y)), key=lambda point: point[1])
        rows = np.arange(max(int(np.ceil(y - 0.5)), 0), min(int(np.ceil(to_y - 0.5)), len(crossings)))
        if rows.size:
            columns = x + (to_x - x) * (rows + 0.5 - y) / (to_y - y)
            np.add.at(crossings, (rows, np.ceil(columns - 0.5).astype(int).clip(0, crossings.shape[1] - 1)), 1)
