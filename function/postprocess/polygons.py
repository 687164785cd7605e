"""The outline of a mask as polygons; NumPy, and a loop over corners.

Polygons go along the edges of pixels, with every corner cut by half a pixel: filling one gives the mask back, pixel
for pixel, and a slanted edge is a line and not a staircase. A hole is joined to the ring around it by a slit of no
width, so that a polygon is one ring whatever the mask.
"""

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Points = NDArray[np.float64]  # (P, 2), x and y


def polygons(pixels: Bools) -> list[Points]:
    """The outline of every connected part.

    Args:
        pixels: (h, w) bool; parts that touch at a corner only are two.

    Returns:
        Each (P, 2) float64, x and y in pixels from the array's corner, clockwise, without a closing point; the
        largest part first; an empty mask gives none.
    """
    outer: list[Points] = []
    holes: list[Points] = []
    for corners in _rings(pixels):
        (outer if _area(corners) > 0 else holes).append(corners)
    outer.sort(key=_area, reverse=True)
    if not holes:
        return [_straightened(_cut(corners)) for corners in outer]
    return [_straightened(np.array(ring)) for ring in _joined(outer, holes, pixels)]


def _rings(pixels: Bools) -> list[Points]:
    """The corners of every boundary in order, with the mask on the right hand.

    A boundary goes along a row and along a column in turn, and in each row and column neighboring corners are
    joined two by two.
    """
    padded = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 2), dtype=bool)
    padded[1:-1, 1:-1] = pixels
    edges = padded[:, 1:] ^ padded[:, :-1]  # that go down a column
    west = padded[:-1, :-1] ^ padded[1:, :-1]  # edges that go along a row, on the left side of each crossing
    up, down = edges[:-1], edges[1:]
    touching = up & down & west  # two pixels touch at the crossing: two corners, and the edges go four ways
    places = np.flatnonzero((up ^ down) | touching)
    places = places.repeat(1 + touching.ravel()[places])
    ys, xs = np.divmod(places, edges.shape[1])
    second = np.zeros(xs.size, dtype=bool)  # of two at one crossing: the one whose row edge goes to the right
    second[1:] = places[1:] == places[:-1]
    upper = second ^ padded[ys, xs]  # of two: whether its column edge goes up
    down_order = np.lexsort((~upper, ys, xs))
    along_column = np.empty(xs.size, dtype=np.intp)
    along_column[down_order] = down_order[np.arange(xs.size) ^ 1]
    mask_below = padded[ys[::2] + 1, xs[::2] + 1]  # of the edge from each even corner to the next one
    return _walked(np.column_stack((xs, ys)).astype(np.float64), along_column.tolist(), mask_below.tolist())


def _walked(corners: Points, along_column: list[int], mask_below: list[bool]) -> list[Points]:
    """Rings of corners; along a row the partner of corner 2n is 2n + 1."""
    seen = [False] * len(mask_below)  # row edges
    rings = []
    for edge, below in enumerate(mask_below):
        if seen[edge]:
            continue
        ring = []
        corner = 2 * edge if below else 2 * edge + 1
        while not seen[corner >> 1]:
            seen[corner >> 1] = True
            ring += [corner, corner ^ 1]
            corner = along_column[corner ^ 1]
        rings.append(corners[ring])
    return rings


def _area(ring: Points) -> float:
    """Above 0 for a ring around pixels, below for one around a hole."""
    following = _following(ring)
    return float(np.sum(ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1])) / 2


def _following(ring: Points) -> Points:
    """For each point the next one; faster than numpy's own roll."""
    return np.concatenate((ring[1:], ring[:1]))


def _preceding(ring: Points) -> Points:
    return np.concatenate((ring[-1:], ring[:-1]))


def _cut(corners: Points) -> Points:
    """Two points half a pixel from each corner; those that fall together, on an edge of one pixel, are one."""
    following = _following(corners)
    half = np.sign(following - corners) / 2
    points = np.stack((corners + half, following - half), axis=1).reshape(-1, 2)
    return _once(points)


def _once(ring: Points) -> Points:
    """Without the points that repeat the one before."""
    changed = ring != _preceding(ring)  # (P, 2)
    once: Points = ring[changed[:, 0] | changed[:, 1]]
    return once


def _straightened(ring: Points) -> Points:
    """Without the points that lie on a straight way."""
    ring = _once(ring)  # a slit may begin where a point is already
    before, after = ring - _preceding(ring), _following(ring) - ring
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    back = before[:, 0] * after[:, 0] + before[:, 1] * after[:, 1] < 0  # the end of a slit
    straightened: Points = ring[turns | back]
    return straightened


def _joined(outer: list[Points], holes: list[Points], pixels: Bools) -> list[list[tuple[float, float]]]:
    """Outer rings that take in the holes within them.

    A hole is joined to the next boundary on its left, which lies further left than the hole does; so the holes that
    lie furthest right are joined first, and each is complete before it is taken in.
    """
    corners = [*outer, *sorted(holes, key=lambda hole: -hole[:, 0].min())]
    rings = [[(x, y) for x, y in _cut(ring).tolist()] for ring in corners]
    owner = {place: index for index, ring in enumerate(corners) for place in _column_edges(ring)}
    for index in range(len(outer), len(corners)):
        hole_x, row = min(_column_edges(corners[index]))
        empty = np.flatnonzero(~pixels[row, :hole_x])
        wall_x = int(empty[-1]) + 1 if empty.size else 0
        target = rings[owner[wall_x, row]]
        wall, start = (float(wall_x), row + 0.5), (float(hole_x), row + 0.5)
        at, first = _place(target, wall), _place(rings[index], start)
        target[at + 1 : at + 1] = [wall, start, *rings[index][first + 1 :], *rings[index][: first + 1], start, wall]
    return rings[: len(outer)]


def _column_edges(corners: Points) -> list[tuple[int, int]]:
    """(x, row) of every pixel's edge that a ring follows up or down."""
    steps = zip(corners.astype(int).tolist(), _following(corners).astype(int).tolist(), strict=True)
    return [(x, row) for (x, y), (to_x, to_y) in steps if x == to_x for row in range(min(y, to_y), max(y, to_y))]


def _place(ring: list[tuple[float, float]], point: tuple[float, float]) -> int:
    """The index of the point of a ring after which a point of its column edges comes."""
    x, y = point
    for index, (from_x, from_y) in enumerate(ring):
        to_x, to_y = ring[(index + 1) % len(ring)]
        if (from_x == to_x == x and min(from_y, to_y) <= y <= max(from_y, to_y)) or (from_x, from_y) == point:
            return index
    raise ValueError(f"{point} is on no edge of the ring")
