"""Labels of detections: their text, their size, and where they stand.

A label is beside its box where there is room. It stays inside the image, and covers other labels, its own object and
other objects only if every position does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from function.draw import text
from function.draw.colors import Rgb, text_color

MIN_X_HEIGHT = 5  # pixels of a lowercase letter: fewer cannot be read
SIDE_PER_PIXEL = 110  # pixels of the image for one more
PADDING = 0.18  # of EM, at the left and the right
TOP, BOTTOM = 0.12, 0.02  # of EM: the descenders leave room below most texts
MAX_SHARE = 0.5  # of the height of the image, for the height of a label
MAX_LETTERS = 60
ELLIPSIS = "…"
# How bad it is if a label covers a pixel of another label, of its own object, or of another object.
LABEL_COST, OWN_COST, OTHER_COST = 100.0, 2.0, 1.0
MAX_HIDDEN = 0.25  # of a label: one that better labels would hide further is left out
MAX_COVERED = 0.5  # of the image, by all labels: those of the worst detections are left out
MAX_OTHERS = 300  # objects, and labels, that are compared with a position
ROWS = 6  # heights of a label that it may be away from the edge of its object


Coordinates = NDArray[np.float64]


class Label(NamedTuple):
    """Label without a position."""

    color: Rgb
    text: str
    em: float  # pixels
    size_wh: tuple[int, int]  # pixels, with the margin around the text
    offset_xy: tuple[int, int]  # pixels, of the text in it


def em_size(size_wh: tuple[int, int]) -> float:
    """Return the size of the text for an image, in pixels of EM.

    Lowercase letters have a whole number of pixels: their upper edges are sharp.
    """
    side = min(sum(size_wh) / 2, 3 * min(size_wh))
    x_height = max(MIN_X_HEIGHT, round(MIN_X_HEIGHT - 2 + side / SIDE_PER_PIXEL))
    return x_height * text.EM / text.X_HEIGHT


def make(name: str, confidence: float, color: Rgb, size_wh: tuple[int, int]) -> Label | None:
    """Return the label of a class and its confidence, with a shorter name if it is wider than the image.

    Args:
        name: of the class.
        confidence: 0 to 1.
        color: of the class.
        size_wh: pixels of the image.

    Returns:
        None if the image has no room for a text that can be read.
    """
    em = em_size(size_wh)
    side, top, bottom = (max(1, round(share * em)) for share in (PADDING, TOP, BOTTOM))
    line = _fitting(text.known(name), f"{confidence:.2f}", em, size_wh[0] - 2 * side - 1)
    if line is None:
        return None
    width, height = text.size(line, em)
    label_wh = width + 2 * side, height + top + bottom
    return Label(color, line, em, label_wh, (side, top)) if label_wh[1] <= MAX_SHARE * size_wh[1] else None


def _fitting(name: str, confidence: str, em: float, room: float) -> str | None:
    """Return the text of a label that is no wider than a number of pixels; None if not even the number fits."""
    line = f"{name} {confidence}".strip()
    if len(name) <= MAX_LETTERS and text.width(line, em) <= room:
        return line
    for length in range(min(len(name), MAX_LETTERS), 0, -1):
        line = f"{name[:length].rstrip()}{ELLIPSIS} {confidence}"
        if text.width(line, em) <= room:
            return line
    return confidence if text.width(confidence, em) <= room else None


def place(
    sizes_wh: Sequence[tuple[int, int]], boxes_xyxy: Coordinates, ends_xy: Coordinates, image_wh: tuple[int, int]
) -> list[tuple[int, int] | None]:
    """Return the upper left corner of each label, in whole pixels.

    Args:
        sizes_wh: of the labels, none larger than the image; the first one is placed first.
        boxes_xyxy: (K, 4), the objects.
        ends_xy: (K, 4), the points above and below which the label of each object should begin.
        image_wh: pixels of the image.

    Returns:
        None in place of a corner for a label that is left out: others would hide it, or cover too much of the image.
    """
    room = MAX_COVERED * image_wh[0] * image_wh[1]
    placed = np.zeros((len(sizes_wh), 4))
    corners: list[tuple[int, int] | None] = []
    for number, (size_wh, box, ends) in enumerate(zip(sizes_wh, boxes_xyxy, ends_xy, strict=True)):
        area = size_wh[0] * size_wh[1]
        if area > room and number:
            corners.append(None)
            continue
        positions = _positions(size_wh, box, ends, image_wh)
        hidden = _overlap(positions, placed[max(number - MAX_OTHERS, 0) : number])
        others = np.concatenate((boxes_xyxy[:number], boxes_xyxy[number + 1 :]))[:MAX_OTHERS]
        cost = LABEL_COST * hidden + OWN_COST * _overlap(positions, box[np.newaxis])
        best = int((cost + OTHER_COST * _overlap(positions, others)).argmin())
        if hidden[best] > MAX_HIDDEN * area:
            corners.append(None)
            continue
        room -= area
        placed[number] = positions[best]
        corners.append((int(positions[best, 0]), int(positions[best, 1])))
    return corners


def _positions(
    size_wh: tuple[int, int], box: Coordinates, ends_xy: Coordinates, image_wh: tuple[int, int]
) -> Coordinates:
    """Return the positions that a label may have as (P, 4) boxes inside the image, the preferred ones first."""
    width, height = size_wh
    left, top = np.floor(box[:2])
    right, bottom = np.ceil(box[2:])
    above, below = np.floor(ends_xy[0]), np.floor(ends_xy[2])  # x; y is the top and the bottom
    middle = np.floor((top + bottom - height) / 2)
    sides, rows = (left, right - width), range(1, ROWS)
    beyond = [y for row in rows for y in (top - (row + 1) * height, bottom + row * height)]
    within = [y for row in rows for y in (top + row * height, bottom - (row + 1) * height)]
    starts = np.array(
        [
            (above, top - height),
            (right - width, top - height),
            (below, bottom),
            (right - width, bottom),
            *((x, y) for y in (top, bottom - height, middle) for x in (right, left - width)),
            *((x, y) for y in beyond for x in sides),
            *((x, y) for y in (top, bottom - height, *within) for x in sides),
        ]
    )
    starts = np.clip(starts, 0, np.array(image_wh) - np.array(size_wh))
    return np.hstack((starts, starts + np.array(size_wh)))


def _overlap(positions: Coordinates, boxes: Coordinates) -> Coordinates:
    """Return the pixels that each of (P, 4) positions shares with (K, 4) boxes, as (P,) sums."""
    if not len(boxes):
        return np.zeros(len(positions))
    low = np.maximum(positions[:, None, :2], boxes[None, :, :2])
    high = np.minimum(positions[:, None, 2:], boxes[None, :, 2:])
    shared: Coordinates = np.clip(high - low, 0, None).prod(axis=2).sum(axis=1)
    return shared


def paste(image: Image.Image, label: Label, corner_xy: tuple[int, int]) -> None:
    """Draw a label with its upper left corner at a pixel of the image."""
    left, top = corner_xy
    image.paste(label.color, (left, top, left + label.size_wh[0], top + label.size_wh[1]))
    start = left + label.offset_xy[0], top + label.offset_xy[1]
    image.paste(text_color(label.color), start, text.mask(label.text, label.em))
