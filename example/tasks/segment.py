"""Segments: the outline of every gauge and clock as the camera sees it, cut off at the picture's edge."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from example.images import NAMES as NAMES
from example.images import Plan
from example.images import make as scene_of
from example.tasks.labeled_image import Labelled, fractions, row


def make(seed: int, index: int, plan: Plan) -> Labelled:
    """The picture of a seed and an index; a label is the class and the polygon of the rim."""
    scene = scene_of(seed, index, plan)
    outlines = [(dial.class_id, clip(dial.outline_xy, scene.image.size)) for dial in scene.dials]
    return Labelled(scene.image, "".join(row(i, fractions(outline, scene.image)) for i, outline in outlines))


def clip(polygon_xy: NDArray[np.float64], size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """The part of a convex polygon that lies in the picture.

    Args:
        polygon_xy: (N, 2) pixels, in order.
        size_wh: the picture's size in pixels.

    Returns:
        (M, 2) pixels; M = 0 when nothing of it is seen.

    Source: Sutherland and Hodgman, Reentrant polygon clipping, CACM 17 (1974).
    """
    for axis in (0, 1):
        polygon_xy = _cut(polygon_xy, axis, 0.0, 1.0)
        polygon_xy = _cut(polygon_xy, axis, float(size_wh[axis]), -1.0)
    return polygon_xy


def _cut(polygon_xy: NDArray[np.float64], axis: int, limit: float, side: float) -> NDArray[np.float64]:
    """What lies on one side of a line: beyond the limit for side 1, before it for side -1."""
    kept: list[NDArray[np.float64]] = []
    for here, there in pairwise([*polygon_xy, *polygon_xy[:1]]):
        near, far = (here[axis] - limit) * side, (there[axis] - limit) * side
        if near >= 0:
            kept.append(here)
        if (near >= 0) != (far >= 0):
            crossing = here + (there - here) * (near / (near - far))
            crossing[axis] = limit
            kept.append(crossing)
    return np.array(kept).reshape(-1, 2)
