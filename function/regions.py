"""Regions of an image: polygons, and which detections have their center inside. Loaded for requests with a region."""

import numpy as np

from function.arrays import Array, Bools, Floats, Indices
from function.errors import InvalidOption

Polygon = tuple[tuple[float, float], ...]  # points (x, y)


def in_pixels(polygons: tuple[Polygon, ...], normalized: bool, size_wh: tuple[int, int]) -> list[Array]:
    """Return polygons in pixels of the image, (P, 2) float64 each.

    Args:
        polygons: of a request.
        normalized: the points are divided by the width and the height of the image.
        size_wh: pixels of the upright image.

    Raises:
        InvalidOption: a normalized point is not from 0 to 1.
    """
    arrays: list[Array] = [np.array(polygon, dtype=np.float64) for polygon in polygons]
    if not normalized:
        return arrays
    for points in arrays:
        outside = points[(points < 0) | (points > 1)]
        if outside.size:
            raise InvalidOption(
                f"a coordinate of region must be between 0 and 1 if normalized is true, got {outside[0]:g}"
            )
    return [points * size_wh for points in arrays]


def centers(boxes_xyxy: Floats, boxes_cxcywhr: Floats | None) -> Array:
    """Return the centers of boxes, or of rotated boxes if there are some: (K, 2), x and y in pixels."""
    if boxes_cxcywhr is not None:
        return boxes_cxcywhr[:, :2]
    corners = boxes_xyxy.astype(np.float64)
    return (corners[:, :2] + corners[:, 2:]) / 2


def rows_inside(centers_xy: Array, polygons: list[Array]) -> Indices:
    """Return the rows of (K, 2) centers that are inside of at least one polygon, in their order."""
    inside: Bools = np.zeros(len(centers_xy), dtype=np.bool_)
    for points in polygons:
        inside |= _contains(points, centers_xy)
    return np.flatnonzero(inside)


def counts(centers_xy: Array, polygons: list[Array]) -> tuple[int, ...]:
    """Return the number of (K, 2) centers inside of each polygon; a center can be inside of several."""
    return tuple(int(_contains(points, centers_xy).sum()) for points in polygons)


def _contains(polygon_xy: Array, points_xy: Array) -> Bools:
    """Return which of (K, 2) points are inside of a polygon (P, 2), by the even-odd rule.

    A point on an edge that two polygons share is inside of exactly one of them.
    """
    x, y = points_xy.astype(np.float64).T
    inside = np.zeros(len(x), dtype=np.bool_)
    for (x1, y1), (x2, y2) in zip(polygon_xy, np.roll(polygon_xy, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        if crosses.any():
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside
