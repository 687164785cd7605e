"""The part of a mask in the padding of the model input, from a polygon that was clipped to the image.

Clipping moves each point in the padding to the border of the image, so a point keeps its position along the border and
loses its depth. The edges of a polygon from `function.postprocess.polygons` are parallel to an axis or diagonal, and
turn by 45 or 90 degrees, which gives the depths back, except for the lengths of the edges straight into the padding and
the place where the outline turns back to the image.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from function.arrays import Floats

ALONG, INTO, DIAGONAL, SLIT = range(4)  # kinds of edges; a slit connects a hole to the outline
MAX_TURNS = 3  # of a part between the two directions into the padding and back: 1 for a convex part
MAX_CANDIDATES = 500  # of a part


def restore(points: Floats, axis: int, border: float, outward: int, depth: float) -> Floats:
    """Return a polygon with the points that were clipped at one side of the image at a place in the padding.

    A part for which no place is found stays clipped.

    Args:
        points: (P, 2), x and y in pixels of the model input, multiples of 0.5.
        axis: 0 for the left and the right side of the image, 1 for the others.
        border: position of the side on that axis.
        outward: 1 or -1, the direction of the padding.
        depth: of the padding, pixels.
    """
    on_border = points[:, axis] == border
    if not on_border.any():
        return points
    if on_border.all():
        return _restore_outside(points, axis, outward, depth)
    points = np.roll(points, -int(np.flatnonzero(~on_border)[0]), axis=0)  # starts within the image
    on_border = points[:, axis] == border
    starts = np.flatnonzero(on_border & ~np.roll(on_border, 1))
    stops = np.flatnonzero(on_border & ~np.roll(on_border, -1)) + 1
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        part = points[np.arange(start - 1, stop + 1) % len(points)]  # with the points before and after it
        ends = [float(part[end, axis] - border) * outward for end in (0, -1)]
        depths = _depths(part[:, 1 - axis].tolist(), ends, depth, _forward(axis, outward))
        if depths:
            points[start:stop, axis] += np.array(depths) * outward
    return points


def _forward(axis: int, outward: int) -> int:
    """Return the direction along the border in which an outline with the mask towards the image goes, 1 or -1."""
    return outward if axis == 0 else -outward  # polygons are clockwise


def _restore_outside(points: Floats, axis: int, outward: int, depth: float) -> Floats:
    """Return a polygon that was in the padding as a whole; the edge nearest to the image stays on the border."""
    along, forward = points[:, 1 - axis], _forward(axis, outward)
    lengths = (np.roll(along, 1) - along) * forward  # of the edge before each point; the nearest one goes backward
    for first in np.argsort(-lengths, kind="stable").tolist():
        for count in (len(points), len(points) + 1):  # the nearest is that edge, or the point after it
            places = (first + np.arange(count)) % len(points)
            depths = _depths(along[places].tolist(), [0.0, 0.0], depth, forward) if along[first] % 1 == 0.5 else None
            if depths:
                restored = points.copy()
                restored[places[1:-1], axis] += np.array(depths) * outward
                return restored
    return points


def _depths(along: list[float], ends: Sequence[float], limit: float, forward: int) -> list[float] | None:
    """Return the depth of each clipped point, 0 at the border; None if no depths fit.

    Args:
        along: positions along the border of the last point in the image, of the clipped ones, and of the next one.
        ends: depths of the first and the last of these, not above 0.
        limit: greatest depth.
        forward: from `_forward`.
    """
    steps = [after - before for before, after in itertools.pairwise(along)]
    outlines = ((kinds, signs) for kinds in _kinds(along, steps) for signs in _directions(steps, kinds, forward))
    for kinds, signs in itertools.islice(outlines, MAX_CANDIDATES):
        if SLIT in kinds:
            return None
        lengths = [0.0 if kind == ALONG else abs(step) or 1.0 for kind, step in zip(kinds, steps, strict=True)]
        for place, end in ((0, ends[0]), (-1, ends[1])):
            if kinds[place] == INTO:
                lengths[place] = 0.5 - end  # to the middle of the first pixel outside
        missing = ends[1] - ends[0] - sum(sign * length for sign, length in zip(signs, lengths, strict=True))
        straight = [place for place, kind in enumerate(kinds) if kind == INTO and signs[place] * missing > 0]
        if missing and not straight:
            continue
        if missing:
            lengths[straight[0 if missing > 0 else -1]] += abs(missing)
        changes = [sign * length for sign, length in zip(signs, lengths, strict=True)]
        depths = list(itertools.accumulate(changes[:-1], initial=ends[0]))[1:]
        if all(0 <= depth <= limit for depth in depths):
            return depths
    return None


def _kinds(along: Sequence[float], steps: Sequence[float]) -> Iterator[list[int]]:
    """Yield possible kinds of the edges.

    Points at half pixels are on edges along the border, others on edges into it. Diagonals and edges along the border
    take turns, but for a tip of one pixel: there are two diagonals, and the place of one that has to exist is unknown.
    The place between the longest edges comes first.
    """
    alternating = _alternating(along, steps)
    peaks = _peaks(steps, alternating)
    if peaks:
        lengths = [0.0, *map(abs, steps), 0.0]
        places = [place for place in range(1, len(steps)) if along[place] % 1 == 0.5 and steps[place] % 1 == 0]
        for place in sorted(places, key=lambda place: -lengths[place - 1] - lengths[place + 2]):
            kinds = _alternating(along, steps, place)
            if len(_peaks(steps, kinds)) <= len(peaks):
                yield kinds
    yield alternating


def _alternating(along: Sequence[float], steps: Sequence[float], tip: int | None = None) -> list[int]:
    """Return the kind of each edge; the edge `tip` is not along the border."""
    kinds: list[int] = []
    for place, step in enumerate(steps):
        is_along = along[place] % 1 == 0.5 and step % 1 == 0
        if step == 0:
            kinds.append(SLIT if is_along else INTO)
        else:
            kinds.append(ALONG if is_along and place != tip and kinds and kinds[-1] == DIAGONAL else DIAGONAL)
    return kinds


def _peaks(steps: Sequence[float], kinds: Sequence[int]) -> set[int]:
    """Return the diagonals that come after a diagonal in the same direction along the border: the outline turns."""
    return {
        place
        for place in range(1, len(kinds))
        if kinds[place] == kinds[place - 1] == DIAGONAL and steps[place] * steps[place - 1] > 0
    }


def _directions(steps: Sequence[float], kinds: Sequence[int], forward: int) -> Iterator[list[int]]:
    """Yield directions of the edges, 1 into the padding and -1 back: from 1 to -1, with few turns.

    An outline turns at an edge along the border. The longest one comes first: there, a round outline is flattest.
    """
    peaks = _peaks(steps, kinds)
    along = (place for place, kind in enumerate(kinds) if kind == ALONG)
    places = sorted(along, key=lambda place: -steps[place] * forward)
    for count in range(MAX_TURNS + 1):
        for turns in itertools.combinations(places, count):
            signs, sign = [], 1
            for place in range(len(kinds)):
                sign = -sign if place in turns or place in peaks else sign
                signs.append(sign)
            if sign == -1:
                yield signs
