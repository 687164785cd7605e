"""Annotated images: what a response says of an image, drawn on it.

Boxes, masks, keypoints, rotated boxes and labels, the class of the image, or the map of its pixels.
Loaded only when an image is drawn. Lines and labels grow with the image, so that it can be read at every size.
"""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from function.draw import clip, keypoints, labels, shapes
from function.draw.colors import COLORS, Rgb, of_class
from function.draw.shapes import Point

__all__ = ["COLORS", "annotate", "draw"]

LINE_SIDE = 300  # pixels of the image for one of a line
THIN_BELOW = 160  # pixels: smaller images have lines of one pixel
MASK_OPACITY = 96  # of 255


def annotate(image: Image.Image, body: dict[str, Any]) -> Image.Image:
    """Draw boxes, masks, keypoints and labels, the class of the image, or the map of its pixels, on a copy.

    Args:
        image: the upright RGB image that was analyzed.
        body: the response, with coordinates in pixels of that image.

    Returns:
        A new image of the same size, without metadata; without detections an unchanged copy.
    """
    annotated = image.copy()
    draw(annotated, body)
    return annotated


def draw(annotated: Image.Image, body: dict[str, Any]) -> None:
    """Draw as `annotate` does, on the image itself."""
    # Comments, profiles and dates of the file end here: Pillow would write them again, or fail at their size.
    annotated.info = {}
    if "class" in body:
        label = labels.make(body["class"], body["confidence"], of_class(body["class_id"]), annotated.size)
        if label:
            labels.paste(annotated, label, (0, 0))
    for field in ("semantic", "depth"):
        if field in body:
            from function.draw import maps  # imported here: few models have maps

            maps.draw(annotated, field, body[field]["map"])
    detections = [clip.detection(given, annotated.size) for given in body.get("detections", [])]
    line = line_width(annotated.size)
    for detection in reversed(detections):  # the best detection is drawn last, on top
        _draw_detection(annotated, detection, line)
    _draw_labels(annotated, detections)


def line_width(size_wh: tuple[int, int]) -> int:
    """Return the width of lines in pixels for an image."""
    side = min(sum(size_wh) / 2, 3 * min(size_wh))
    return max(1 if side < THIN_BELOW else 2, round(side / LINE_SIDE))


def _draw_detection(annotated: Image.Image, detection: dict[str, Any], line: int) -> None:
    color = of_class(detection["class_id"])
    for polygon in detection.get("segments", []):
        _draw_part(annotated, polygon, color, line)
    if "corners" in detection:
        corners = _corners(detection)
        for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
            shapes.line(annotated, start, end, line, color)
            shapes.circle(annotated, start, line / 2, color)  # a round corner
    else:
        left, top, right, bottom = (round(side) for side in _box(detection))
        # A box ends at the edge of the last pixel; Pillow takes the pixel itself.
        right, bottom = min(right, annotated.width) - 1, min(bottom, annotated.height) - 1
        frame = (left, top, max(left, right), max(top, bottom))
        ImageDraw.Draw(annotated).rectangle(frame, outline=color, width=line)
    keypoints.draw(annotated, detection.get("keypoints", []), color, line)


def _draw_part(annotated: Image.Image, polygon: list[list[float]], color: Rgb, line: int) -> None:
    """Draw a part of a mask: a transparent surface with an edge of half a line."""
    points: list[Point] = [(x, y) for x, y in polygon]
    shapes.fill(annotated, points, color, MASK_OPACITY)
    shapes.outline(annotated, points, max(1.0, line / 2), color)


def _draw_labels(annotated: Image.Image, detections: list[dict[str, Any]]) -> None:
    """Draw the labels on top of everything else; the best detection chooses its position first."""
    made = []
    for detection in detections:
        color = of_class(detection["class_id"])
        label = labels.make(_name(detection), detection["confidence"], color, annotated.size)
        if label:
            made.append((label, detection))
    boxes_xyxy = np.array([_box(detection) for _, detection in made], dtype=np.float64).reshape(-1, 4)
    ends_xy = np.array([_ends(detection) for _, detection in made], dtype=np.float64).reshape(-1, 4)
    corners = labels.place([label.size_wh for label, _ in made], boxes_xyxy, ends_xy, annotated.size)
    for (label, _), corner in reversed(list(zip(made, corners, strict=True))):
        if corner:
            labels.paste(annotated, label, corner)


def _name(detection: dict[str, Any]) -> str:
    """Return the name of the class, with the reading of the detection if it has one."""
    text = detection.get("reading", {}).get("text")
    return f"{detection['class_name']}: {text}" if text else str(detection["class_name"])


def _box(detection: dict[str, Any]) -> tuple[float, float, float, float]:
    box = detection["box_2d"]
    return box["x_min"], box["y_min"], box["x_max"], box["y_max"]


def _corners(detection: dict[str, Any]) -> list[Point]:
    return [(corner["x"], corner["y"]) for corner in detection["corners"]]


def _ends(detection: dict[str, Any]) -> tuple[float, float, float, float]:
    """Return the points above and below which a label begins: left corners, or the ends of a rotated box."""
    if "corners" not in detection:
        left, top, _, bottom = _box(detection)
        return left, top, left, bottom
    by_height = sorted(_corners(detection), key=lambda corner: corner[1])
    return *by_height[0], *by_height[-1]
