"""Keypoints, and the lines between those of a person.

The 17 points of COCO have lines. Other numbers have no known meaning: their points are drawn without lines, each in a
color of its own.
"""

from collections.abc import Sequence
from typing import Any

from PIL import Image

from function.draw import shapes
from function.draw.colors import WHITE, Rgb, of_class

THRESHOLD = 0.5  # a keypoint with a lower confidence is drawn hollow and has no lines
COCO_POINTS = 17
# Source: "skeleton" of the category person in annotations/person_keypoints_val2017.json of COCO, which counts from 1.
COCO_LINES = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
    (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip


def draw(image: Image.Image, keypoints: Sequence[dict[str, Any]], color: Rgb, line: int) -> None:
    """Draw the keypoints of one detection.

    Args:
        image: RGB.
        keypoints: `x`, `y` and, unless the model has none, `confidence`.
        color: of the class.
        line: width of lines in pixels.
    """
    lines = COCO_LINES if len(keypoints) == COCO_POINTS else ()
    for first, second in lines:
        start, end = keypoints[first - 1], keypoints[second - 1]
        if _is_visible(start) and _is_visible(end):
            shapes.line(image, (start["x"], start["y"]), (end["x"], end["y"]), line, color)
    for number, keypoint in enumerate(keypoints):
        if _is_set(keypoint):
            _draw_point(image, keypoint, color if lines else of_class(number), line)


def _draw_point(image: Image.Image, keypoint: dict[str, Any], color: Rgb, line: int) -> None:
    center, radius = (keypoint["x"], keypoint["y"]), max(1.5, 1.6 * line)
    border = max(0.75, line / 2)
    if _is_visible(keypoint):
        shapes.circle(image, center, radius + border, WHITE)
        shapes.circle(image, center, radius, color)
    else:
        shapes.circle(image, center, radius + border, WHITE, radius - border)
        shapes.circle(image, center, radius, color, radius - border)


def _is_set(keypoint: dict[str, Any]) -> bool:
    """Return whether a keypoint was found: one without a confidence at (0, 0) was not."""
    return "confidence" in keypoint or bool(keypoint["x"] or keypoint["y"])


def _is_visible(keypoint: dict[str, Any]) -> bool:
    return _is_set(keypoint) and bool(keypoint.get("confidence", 1) >= THRESHOLD)
