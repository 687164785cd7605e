"""Outer contours of a mask, as lines through pixels: the form in which Ultralytics writes masks to labels.

Source: S. Suzuki and K. Abe, "Topological structural analysis of digitized binary images by border following", 1985.
The order of the contours and of their points is that of `cv2.findContours` in OpenCV 5.0.0 with RETR_EXTERNAL and
CHAIN_APPROX_SIMPLE.
"""

from __future__ import annotations

import numpy as np

from function.arrays import Bools

STEPS = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))  # x, y: counterclockwise, from the right
LEFT = 4  # of STEPS
BACKGROUND, FOREGROUND, BORDER, RIGHT_BORDER = 0, 1, 2, -2  # values of pixels; the last: nothing is on their right

Pixel = tuple[int, int]  # x, y


def find(mask: Bools) -> list[list[Pixel]]:
    """Return the outer contour of every part of a mask; pixels that touch at a corner are of the same part.

    Args:
        mask: (h, w) bool.

    Returns:
        For each part that is not within a hole of another one, its contour without points on a straight line, from
        the first pixel of the first row on; the part that begins last comes first. An empty list for an empty mask.
    """
    values = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), dtype=np.int8)
    values[1:-1, 1:-1] = mask
    starts = np.flatnonzero((values[:, 1:] == FOREGROUND) & (values[:, :-1] == BACKGROUND))
    rows, columns = np.divmod(starts, values.shape[1] - 1)
    contours = []
    for y, x in zip(rows.tolist(), (columns + 1).tolist(), strict=True):
        if values[y, x] == FOREGROUND and not _is_inside(values[y, :x]):
            contours.append([(x - 1, y - 1) for x, y in _follow(values, (x, y))])
    return contours[::-1]


def _is_inside(before: np.ndarray) -> bool:
    """Return whether the last border on the left of a pixel encloses it."""
    borders = np.flatnonzero((before == BORDER) | (before == RIGHT_BORDER))
    return bool(borders.size and before[borders[-1]] == BORDER)


def _follow(values: np.ndarray, start: Pixel) -> list[Pixel]:
    """Return the corners of the border that begins at `start`, and mark its pixels."""
    last = _next(values, start, LEFT, -1)
    if last is None:  # a part of one pixel
        values[start[1], start[0]] = RIGHT_BORDER
        return [start]
    points = []
    end = _moved(start, last)
    pixel, back, previous = start, last, last ^ 4
    while True:
        direction = _next(values, pixel, back, 1)
        assert direction is not None  # there is at least the pixel from which this one was reached
        x, y = pixel
        if (direction - 1) % 8 < back:  # the right neighbor was looked at, and is background
            values[y, x] = RIGHT_BORDER
        elif values[y, x] == FOREGROUND:
            values[y, x] = BORDER
        if direction != previous:
            points.append(pixel)
        following = _moved(pixel, direction)
        if following == start and pixel == end:
            return points
        pixel, back, previous = following, (direction + 4) % 8, direction


def _next(values: np.ndarray, pixel: Pixel, after: int, turn: int) -> int | None:
    """Return the direction of the first neighbor in the mask, seen from direction `after` on; `after` comes last."""
    for count in range(1, 9):
        direction = (after + turn * count) % 8
        x, y = _moved(pixel, direction)
        if values[y, x] != BACKGROUND:
            return direction
    return None


def _moved(pixel: Pixel, direction: int) -> Pixel:
    step_x, step_y = STEPS[direction]
    return pixel[0] + step_x, pixel[1] + step_y
