"""Segmentation: the outline of every gauge and clock as the camera sees it, clipped to the image."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from example.images import NAMES as NAMES
from example.images import Plan, draw_scene
from example.tasks.labeled_image import LabeledImage, fractions, row


def make(seed: int, index: int, plan: Plan) -> LabeledImage:
    """Return the image of a seed and an index; a label is the class and the polygon of the rim."""
    scene = draw_scene(seed, index, plan)
    outlines = [(dial.class_id, clip(dial.outline_xy, scene.image.size)) for dial in scene.dials]
    return LabeledImage(scene.image, "".join(row(i, fractions(outline, scene.image)) for i, outline in outlines))


def clip(polygon_xy: NDArray[np.float64], size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Return the part of a convex polygon that lies in the image.

    Args:
        polygon_xy: (N, 2) pixels, in order.
        size_wh: image size in pixels.

    Returns:
        (M, 2) pixels; M = 0 if the polygon lies outside.

    Source: Sutherland and Hodgman, Reentrant polygon clipping, CACM 17 (1974).
    """
    for axis in (0, 1):
        polygon_xy = _cut(polygon_xy, axis, 0.0, 1.0)
        polygon_xy = _cut(polygon_xy, axis, float(size_wh[axis]), -1.0)
    return polygon_xy


def _cut(polygon_xy: NDArray[np.float64], axis: int, limit: float, side: float) -> NDArray[np.float64]:
    """Return the part of a polygon on one side of a line: above the limit for side 1, below it for side -1."""
    kept: list[NDArray[np.float64]] = []
    for start, end in pairwise([*polygon_xy, *polygon_xy[:1]]):
        start_distance, end_distance = (start[axis] - limit) * side, (end[axis] - limit) * side
        if start_distance >= 0:
            kept.append(start)
        if (start_distance >= 0) != (end_distance >= 0):
            crossing = start + (end - start) * (start_distance / (start_distance - end_distance))
            crossing[axis] = limit
            kept.append(crossing)
    return np.array(kept).reshape(-1, 2)
