"""Polygons that outline a mask: boundary tracing in NumPy, with a loop over corners.

Polygons follow the edges of pixels, with every corner cut by half a pixel. Filling a polygon gives exactly the same
mask, and a slanted edge becomes a straight line instead of a staircase. A hole is connected to the ring around it by a
slit without width, so that each polygon is one ring for any mask.
"""

import numpy as np
from numpy.typing import NDArray

from function.arrays import Bools

Points = NDArray[np.float64]  # (P, 2), x and y


def trace(pixels: Bools) -> list[Points]:
    """Return the outline of every connected part of a mask.

    Args:
        pixels: (h, w) bool; parts that touch only at a corner are two parts.

    Returns:
        For each part (P, 2) float64, x and y in pixels from the corner of the array, clockwise, without a closing
        point; the largest part first; an empty list for an empty mask.
    """
    outer: list[Points] = []
    holes: list[Points] = []
    for corners in _rings(pixels):
        (outer if _area(corners) > 0 else holes).append(corners)
    outer.sort(key=_area, reverse=True)
    if not holes:
        return [_without_collinear(_cut_corners(corners)) for corners in outer]
    return [_without_collinear(np.array(ring)) for ring in _join_holes(outer, holes, pixels)]


def _rings(pixels: Bools) -> list[Points]:
    """Return the corners of every boundary in order, with the mask on the right-hand side.

    A boundary alternates between a row and a column. In each row and in each column, neighboring corners are paired.
    """
    padded = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 2), dtype=bool)
    padded[1:-1, 1:-1] = pixels
    vertical = padded[:, 1:] ^ padded[:, :-1]  # edges along a column
    west = padded[:-1, :-1] ^ padded[1:, :-1]  # edges along a row, on the left side of each crossing
    up, down = vertical[:-1], vertical[1:]
    touching = up & down & west  # two pixels touch at the crossing: two corners, with edges in all four directions
    crossings = np.flatnonzero((up ^ down) | touching)
    crossings = crossings.repeat(1 + touching.ravel()[crossings])
    ys, xs = np.divmod(crossings, vertical.shape[1])
    second = np.zeros(xs.size, dtype=bool)  # of two corners at a crossing: the one whose row edge goes to the right
    second[1:] = crossings[1:] == crossings[:-1]
    upper = second ^ padded[ys, xs]  # of two corners: whether the column edge goes up
    down_order = np.lexsort((~upper, ys, xs))
    along_column = np.empty(xs.size, dtype=np.intp)
    along_column[down_order] = down_order[np.arange(xs.size) ^ 1]
    mask_below = padded[ys[::2] + 1, xs[::2] + 1]  # for the edge from each even corner to the next one
    return _follow(np.column_stack((xs, ys)).astype(np.float64), along_column.tolist(), mask_below.tolist())


def _follow(corners: Points, along_column: list[int], mask_below: list[bool]) -> list[Points]:
    """Return rings of corners; the partner of corner 2n along its row is 2n + 1."""
    visited = [False] * len(mask_below)  # row edges
    rings = []
    for edge, below in enumerate(mask_below):
        if visited[edge]:
            continue
        ring = []
        corner = 2 * edge if below else 2 * edge + 1
        while not visited[corner >> 1]:
            visited[corner >> 1] = True
            ring += [corner, corner ^ 1]
            corner = along_column[corner ^ 1]
        rings.append(corners[ring])
    return rings


def _area(ring: Points) -> float:
    """Return the signed area: above 0 for a ring around pixels, below 0 for a ring around a hole."""
    following = _following(ring)
    return float(np.sum(ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1])) / 2


def _following(ring: Points) -> Points:
    """Return the next point of each point; faster than `np.roll`."""
    return np.concatenate((ring[1:], ring[:1]))


def _preceding(ring: Points) -> Points:
    return np.concatenate((ring[-1:], ring[:-1]))


def _cut_corners(corners: Points) -> Points:
    """Replace each corner by two points at half a pixel from it; equal points, on an edge of one pixel, are merged."""
    following = _following(corners)
    half = np.sign(following - corners) / 2
    points = np.stack((corners + half, following - half), axis=1).reshape(-1, 2)
    return _without_repeated(points)


def _without_repeated(ring: Points) -> Points:
    """Remove points that equal the point before them."""
    changed = ring != _preceding(ring)  # (P, 2)
    distinct: Points = ring[changed[:, 0] | changed[:, 1]]
    return distinct


def _without_collinear(ring: Points) -> Points:
    """Remove points that lie on a straight line between their neighbors."""
    ring = _without_repeated(ring)  # a slit can start at a point that exists already
    before, after = ring - _preceding(ring), _following(ring) - ring
    bends = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    reverses = before[:, 0] * after[:, 0] + before[:, 1] * after[:, 1] < 0  # the end of a slit
    essential: Points = ring[bends | reverses]
    return essential


def _join_holes(outer: list[Points], holes: list[Points], pixels: Bools) -> list[list[tuple[float, float]]]:
    """Return the outer rings, each connected to the holes within it.

    A hole is connected to the next boundary on its left, whose leftmost point is further left than that of the hole.
    Holes are processed from right to left, so that each hole is complete before it is connected.
    """
    corners = [*outer, *sorted(holes, key=lambda hole: -hole[:, 0].min())]
    rings = [[(x, y) for x, y in _cut_corners(ring).tolist()] for ring in corners]
    owner = {edge: index for index, ring in enumerate(corners) for edge in _column_edges(ring)}
    for index in range(len(outer), len(corners)):
        hole_x, row = min(_column_edges(corners[index]))
        empty = np.flatnonzero(~pixels[row, :hole_x])
        wall_x = int(empty[-1]) + 1 if empty.size else 0
        target = rings[owner[wall_x, row]]
        wall, start = (float(wall_x), row + 0.5), (float(hole_x), row + 0.5)
        at, first = _index_before(target, wall), _index_before(rings[index], start)
        target[at + 1 : at + 1] = [wall, start, *rings[index][first + 1 :], *rings[index][: first + 1], start, wall]
    return rings[: len(outer)]


def _column_edges(corners: Points) -> list[tuple[int, int]]:
    """Return (x, row) of every pixel edge that a ring follows up or down."""
    steps = zip(corners.astype(int).tolist(), _following(corners).astype(int).tolist(), strict=True)
    return [(x, row) for (x, y), (to_x, to_y) in steps if x == to_x for row in range(min(y, to_y), max(y, to_y))]


def _index_before(ring: list[tuple[float, float]], point: tuple[float, float]) -> int:
    """Return the index of the last point of a ring before a point on one of its column edges."""
    x, y = point
    for index, (from_x, from_y) in enumerate(ring):
        to_x, to_y = ring[(index + 1) % len(ring)]
        if (from_x == to_x == x and min(from_y, to_y) <= y <= max(from_y, to_y)) or (from_x, from_y) == point:
            return index
    raise ValueError(f"the point must be on an edge of the ring, got {point}")
