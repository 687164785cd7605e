"""Antialiased shapes: polygons, lines and circles on an image.

Pillow draws a pixel or it does not. A shape is therefore drawn on a layer with several times the pixels in each
direction, and the reduced layer is the opacity. The layers are small parts of the image, so that a shape across an
image of 50 megapixels needs no more memory than a small one.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import ceil, cos, floor, hypot, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from function.draw.colors import Rgb

Point = tuple[float, float]  # x and y in pixels; the corners of the first pixel are (0, 0) and (1, 1)
Polygon = Sequence[Point]
Coordinates = NDArray[np.float64]
Box = tuple[int, int, int, int]  # left, top, right, bottom in whole pixels

OPAQUE = 255
FINE, COARSE, PLAIN = 4, 2, 1  # pixels of a layer for one of the image, in each direction
FINE_UP_TO = 512  # pixels: of larger shapes nobody sees the difference
COARSE_UP_TO = 1500  # pixels, of a surface: the steps of a larger one are below its edge, which is wide and smooth
MANY_POINTS = 2000  # of a polygon, whose edges are drawn PLAIN: Pillow looks at all of them for each row of a layer
TILE = 256  # pixels of a side of a layer
WIDE = 6  # pixels of a line that is drawn COARSE
STRIP = 64  # pixels of a line that are drawn together
CIRCLE_POINTS = 32
STEPS = 4  # positions of a circle in a pixel, in each direction


def fill(image: Image.Image, points: Polygon, color: Rgb, opacity: int = OPAQUE) -> None:
    """Fill a polygon, whose edge `outline` draws; the opacity is 0 to 255."""
    box = _bounds(points, image.size)
    is_large = max(box[2] - box[0], box[3] - box[1]) > COARSE_UP_TO
    factor = PLAIN if is_large else _factor(box, points)
    for tile in _tiles(box, factor):
        image.paste(color, tile, opacity_layer([(points, True)], tile, factor, opacity))


def outline(image: Image.Image, points: Polygon, width: float, color: Rgb) -> None:
    """Draw the edge of a polygon."""
    half = width / 2
    box = _bounds([(x + side, y + side) for x, y in points for side in (-half, half)], image.size)
    factor = _factor(box, points)
    closed = [*points, points[0]]
    path_xy = np.asarray(closed, np.float64)  # (P, 2)
    low_xy, high_xy = np.minimum(path_xy[:-1], path_xy[1:]), np.maximum(path_xy[:-1], path_xy[1:])
    joint = None if factor == PLAIN else "curve"
    for tile in _tiles(box, factor):
        lines = _lines_near(low_xy, high_xy, tile, width)
        if not lines:
            continue
        layer = Image.new("L", (factor * (tile[2] - tile[0]), factor * (tile[3] - tile[1])))
        canvas = ImageDraw.Draw(layer)
        for first, last in lines:
            scaled = _scaled(closed[first : last + 2], tile, factor)
            canvas.line(scaled, fill=OPAQUE, width=max(1, round(factor * width)), joint=joint)
        image.paste(color, tile, layer.reduce(factor))


def _lines_near(low_xy: Coordinates, high_xy: Coordinates, box: Box, distance: float) -> list[tuple[int, int]]:
    """Return the first and the last of each row of lines that may come nearer to a box than a distance.

    Args:
        low_xy: (P, 2), the upper left corners of the boxes around the lines of a path.
        high_xy: (P, 2), the lower right corners.
        box: part of the image.
        distance: pixels.
    """
    is_near = ((high_xy >= np.array(box[:2]) - distance) & (low_xy <= np.array(box[2:]) + distance)).all(axis=1)
    near = np.flatnonzero(is_near)
    if not len(near):
        return []
    rows = np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)
    return [(int(row[0]), int(row[-1])) for row in rows]


def opacity_layer(polygons: Sequence[tuple[Polygon, bool]], box: Box, factor: int, opacity: int) -> Image.Image:
    """Return how opaque polygons are in a part of an image, as a mask of the size of the box (mode L).

    Args:
        polygons: with whether each is solid; one that is not is a hole in those before it.
        box: part of the image.
        factor: pixels of the layer for one of the image, in each direction.
        opacity: 0 to 255.
    """
    layer = Image.new("L", (factor * (box[2] - box[0]), factor * (box[3] - box[1])))
    canvas = ImageDraw.Draw(layer)
    for points, is_solid in polygons:
        canvas.polygon(_scaled(points, box, factor), fill=opacity if is_solid else 0)
    return layer if factor == PLAIN else layer.reduce(factor)


def line(image: Image.Image, start: Point, end: Point, width: float, color: Rgb) -> None:
    """Draw a straight line; its ends are not round."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    if length:
        factor = FINE if width < WIDE else COARSE
        _fill_strips(image, _band(start, end, width / length / 2), factor, color)


def circle(image: Image.Image, center: Point, radius: float, color: Rgb, hole: float = 0) -> None:
    """Draw a disk, or a ring around a hole of a radius that is not 0."""
    left, top = floor(center[0]), floor(center[1])
    steps = floor(STEPS * (center[0] - left)), floor(STEPS * (center[1] - top))
    stamp, reach = _stamp(radius, hole, *steps), ceil(radius)
    image.paste(color, (left - reach, top - reach), stamp)


@lru_cache(maxsize=256)
def _stamp(radius: float, hole: float, step_x: int, step_y: int) -> Image.Image:
    """Return a disk or a ring as a mask, for one of the positions in a pixel."""
    reach = ceil(radius)
    center = reach + (step_x + 0.5) / STEPS, reach + (step_y + 0.5) / STEPS
    polygons = [(_circle(center, radius), True)]
    if hole > 0:
        polygons.append((_circle(center, hole), False))
    return opacity_layer(polygons, (0, 0, 2 * reach + 1, 2 * reach + 1), FINE, OPAQUE)


def _circle(center: Point, radius: float) -> Polygon:
    angles = [2 * pi * number / CIRCLE_POINTS for number in range(CIRCLE_POINTS)]
    return [(center[0] + radius * cos(angle), center[1] + radius * sin(angle)) for angle in angles]


def _factor(box: Box, points: Polygon) -> int:
    """Return how many pixels a layer has for one of the image."""
    if len(points) > MANY_POINTS:
        return PLAIN
    return FINE if max(box[2] - box[0], box[3] - box[1]) <= FINE_UP_TO else COARSE


def _scaled(points: Polygon, box: Box, factor: int) -> list[Point]:
    """Return points of the image as Pillow takes them for a layer: in coordinates of the centers of pixels."""
    left, top = box[0] + 0.5 / factor, box[1] + 0.5 / factor
    return [(factor * (x - left), factor * (y - top)) for x, y in points]


def _band(start: Point, end: Point, ratio: float) -> Polygon:
    """Return the rectangle around a line; `ratio` is half of its width divided by its length."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = ratio * (y1 - y0), ratio * (x0 - x1)
    return [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)]


def _fill_strips(image: Image.Image, band: Polygon, factor: int, color: Rgb) -> None:
    """Fill a long rectangle strip by strip along its longer direction: the box around all of it is mostly empty."""
    left, top, right, bottom = _bounds(band, image.size)
    axis = 0 if right - left >= bottom - top else 1
    first, last = (left, right) if axis == 0 else (top, bottom)
    for begin in range(first, last, STRIP):
        end = min(begin + STRIP, last)
        across = _extent_between(band, axis, begin, end)
        if across is None:
            continue
        low, high = floor(across[0]), ceil(across[1])
        tile = (begin, low, end, high) if axis == 0 else (low, begin, high, end)
        clipped = _clipped(tile, image.size)
        if clipped[0] < clipped[2] and clipped[1] < clipped[3]:
            image.paste(color, clipped, opacity_layer([(band, True)], clipped, factor, OPAQUE))


def _extent_between(polygon: Polygon, axis: int, begin: float, end: float) -> tuple[float, float] | None:
    """Return the least and the greatest coordinate of the other axis of a polygon between two of this axis."""
    values: list[float] = [point[1 - axis] for point in polygon if begin <= point[axis] <= end]
    for first, second in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        for edge in (begin, end):
            span = second[axis] - first[axis]
            if span and 0 <= (edge - first[axis]) / span <= 1:
                values.append(first[1 - axis] + (edge - first[axis]) / span * (second[1 - axis] - first[1 - axis]))
    return (min(values), max(values)) if values else None


def _bounds(points: Polygon, size_wh: tuple[int, int]) -> Box:
    """Return the box of whole pixels around points, as far as it is in the image."""
    xs, ys = zip(*points, strict=True)
    return _clipped((floor(min(xs)), floor(min(ys)), ceil(max(xs)), ceil(max(ys))), size_wh)


def _clipped(box: Box, size_wh: tuple[int, int]) -> Box:
    return max(box[0], 0), max(box[1], 0), min(box[2], size_wh[0]), min(box[3], size_wh[1])


def _tiles(box: Box, factor: int) -> Iterator[Box]:
    """Yield parts of a box; a PLAIN layer is as wide as the box, so that few layers have the same row."""
    width = max(box[2] - box[0], 1) if factor == PLAIN else TILE
    for top in range(box[1], box[3], TILE):
        for left in range(box[0], box[2], width):
            yield left, top, min(left + width, box[2]), min(top + TILE, box[3])
