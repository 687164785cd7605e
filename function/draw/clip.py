"""Coordinates near the image: a model may give any numbers, and Pillow takes hours or fails far outside."""

from typing import Any

import numpy as np

REACH = 4  # times the longer side of the image: lines that leave the image keep their direction up to there


def detection(given: dict[str, Any], size_wh: tuple[int, int]) -> dict[str, Any]:
    """Return a detection whose coordinates are near the image.

    Args:
        given: a detection of a response; it is not changed.
        size_wh: pixels of the image.

    Returns:
        A copy. What is farther away than `REACH`, or not a number, is outside of the image at that distance.
    """
    reach = float(REACH * max(size_wh))
    clipped = given | {"box_2d": _point(given["box_2d"], reach)}
    for name in ("corners", "keypoints"):
        if name in given:
            clipped[name] = [_point(point, reach) for point in given[name]]
    if "segments" in given:
        clipped["segments"] = [_polygon(polygon, reach) for polygon in given["segments"]]
    return clipped


def _point(fields: dict[str, float], reach: float) -> dict[str, float]:
    """Clip all numbers of a point or a box; a confidence is never that large."""
    return {name: min(max(-reach, value), reach) for name, value in fields.items()}  # max: NaN is -reach


def _polygon(points: list[list[float]], reach: float) -> list[list[float]]:
    clipped: list[list[float]] = np.fmin(np.fmax(np.asarray(points, np.float64), -reach), reach).tolist()
    return clipped
