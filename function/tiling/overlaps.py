"""Areas that boxes share: upright boxes, and rotated boxes exactly."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Bools, Floats, Indices
from function.postprocess import obb

INSIDE_TOLERANCE = 1e-6  # of the sides of a rotated box: a corner on its border is inside
PAIRS = 4096  # of rotated boxes at a time: 24 points each need 2 MB

Points = NDArray[np.float64]  # (..., 2), x and y


class UprightBoxes(NamedTuple):
    """N upright boxes."""

    xyxy: Floats  # (N, 4), pixels
    areas: Floats  # (N,)

    @classmethod
    def of(cls, boxes_xyxy: Floats) -> "UprightBoxes":
        """Return (N, 4) boxes with their areas."""
        return cls(boxes_xyxy, (boxes_xyxy[:, 2] - boxes_xyxy[:, 0]) * (boxes_xyxy[:, 3] - boxes_xyxy[:, 1]))

    def shared(self, first: Indices, second: Indices) -> Floats:
        """Return the area that each of the boxes `first` shares with each of `second`: (F, S) float32."""
        left, top, right, bottom = self.xyxy[first].T[:, :, None]
        x1, y1, x2, y2 = self.xyxy[second].T
        product: Floats = (np.minimum(right, x2) - np.maximum(left, x1)).clip(0)
        product *= (np.minimum(bottom, y2) - np.maximum(top, y1)).clip(0)
        return product


class RotatedBoxes(NamedTuple):
    """N rotated boxes."""

    cxcywhr: Floats  # (N, 5), pixels and radians
    corners: Points  # (N, 4, 2), in order around the box
    upright: UprightBoxes  # around the boxes: only if these overlap, the boxes can
    areas: Floats  # (N,)

    @classmethod
    def of(cls, boxes_cxcywhr: Floats) -> "RotatedBoxes":
        """Return (N, 5) boxes with their corners and areas."""
        corners = obb.corners(boxes_cxcywhr)
        areas = boxes_cxcywhr[:, 2] * boxes_cxcywhr[:, 3]
        upright = UprightBoxes.of(obb.enclosing_boxes(corners))
        return cls(boxes_cxcywhr, corners.astype(np.float64), upright, areas)

    def shared(self, first: Indices, second: Indices) -> Floats:
        """Return the area that each of the boxes `first` shares with each of `second`: (F, S) float32."""
        product = self.upright.shared(first, second)
        near, far = np.nonzero(product > 0)
        for start in range(0, near.size, PAIRS):
            part = slice(start, start + PAIRS)
            product[near[part], far[part]] = self._intersections(first[near[part]], second[far[part]])
        return product

    def _intersections(self, first: Indices, second: Indices) -> Points:
        """Return the areas of the intersections of P pairs, (P,).

        The corners of an intersection are corners of one box inside the other, and crossings of two sides.
        """
        own, other = self.corners[first], self.corners[second]  # (P, 4, 2)
        crossings, are_crossings = _crossings(own, other)
        points = np.concatenate((own, other, crossings), axis=1)  # (P, 24, 2)
        own_inside, other_inside = self._contains(second, own), self._contains(first, other)
        return _convex_areas(points, np.concatenate((own_inside, other_inside, are_crossings), axis=1))

    def _contains(self, rows: Indices, points: Points) -> Bools:
        """Return whether points lie in boxes: (P,) rows and (P, K, 2) points to (P, K)."""
        x, y, width, height, angle = self.cxcywhr[rows].astype(np.float64).T[:, :, None]
        right, down = points[..., 0] - x, points[..., 1] - y
        along = np.abs(right * np.cos(angle) + down * np.sin(angle))
        across = np.abs(down * np.cos(angle) - right * np.sin(angle))
        slack = INSIDE_TOLERANCE * (width + height)
        inside: Bools = (along <= width / 2 + slack) & (across <= height / 2 + slack)
        return inside


def _crossings(own: Points, other: Points) -> tuple[Points, Bools]:
    """Return the crossing of each side of one box with each side of another: (P, 16, 2), and whether there is one."""
    start, end = own[:, :, None], np.roll(own, -1, axis=1)[:, :, None]  # (P, 4, 1, 2)
    other_start, other_end = other[:, None], np.roll(other, -1, axis=1)[:, None]  # (P, 1, 4, 2)
    along, across, apart = end - start, other_end - other_start, other_start - start
    turn = _cross(along, across)
    is_parallel = turn == 0
    divisor = np.where(is_parallel, 1, turn)
    share, other_share = _cross(apart, across) / divisor, _cross(apart, along) / divisor
    is_crossing = ~is_parallel & (share >= 0) & (share <= 1) & (other_share >= 0) & (other_share <= 1)
    points = start + share[..., None] * along
    return points.reshape(len(own), 16, 2), is_crossing.reshape(len(own), 16)


def _cross(first: Points, second: Points) -> Points:
    product: Points = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return product


def _convex_areas(points: Points, are_corners: Bools) -> Points:
    """Return the area of each convex polygon whose corners are some of (P, K, 2) points, in any order: (P,)."""
    count = are_corners.sum(axis=1)
    center = (points * are_corners[..., None]).sum(axis=1) / np.maximum(count, 1)[:, None]
    around = points - center[:, None]
    # Points that are no corners repeat one that is, so that they add no area.
    substitute = around[np.arange(len(points)), are_corners.argmax(axis=1)]
    around = np.where(are_corners[..., None], around, substitute[:, None])
    order = np.argsort(np.arctan2(around[..., 1], around[..., 0]), axis=1)
    ring = np.take_along_axis(around, order[..., None], axis=1)
    areas: Points = _cross(ring, np.roll(ring, -1, axis=1)).sum(axis=1) / 2
    return np.where(count > 2, areas, 0)
