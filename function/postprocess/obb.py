"""Postprocessing for rotated boxes: conversion to image pixels, corners, IoU and NMS, in NumPy.

The overlap of two boxes is the probabilistic IoU of the Gaussian distributions that represent them. As in Ultralytics,
a box is dropped if any better box overlaps it, even a box that is itself dropped.
"""

from typing import NamedTuple

import numpy as np

from function.arrays import Bools, Floats, Indices, Ints
from function.postprocess.boxes import CLASS_OFFSET, MAX_CANDIDATES
from function.preprocess.letterbox import Letterbox, inverse

EPSILON = np.float32(1e-7)  # ultralytics 8.4.190 `batch_probiou`, utils/metrics.py
BLOCK = 32  # boxes that are compared with better ones at a time
SPAN = 1024  # better boxes at a time: 32 x 1,024 pairs need 2 MB
SLACK = 1.05  # factor on a bound, so that rounding cannot exclude a pair that overlaps


def boxes_to_image(boxes_cxcywhr: Floats, geometry: Letterbox) -> Floats:
    """Convert rotated boxes from input pixels to image pixels.

    Args:
        boxes_cxcywhr: (K, 5) float32: center, width and height in input pixels, rotation in radians, clockwise.
        geometry: the letterbox of the input.

    Returns:
        (K, 5) float32, not clipped; a new array. The rotation is unchanged.

    Source: ultralytics 8.4.190 `scale_boxes` with xywh, utils/ops.py.
    """
    back = inverse(geometry)
    gain = (back.resized_w / geometry.image_w, back.resized_h / geometry.image_h)
    scaled = boxes_cxcywhr.copy()
    scaled[:, :2] -= np.array((back.left, back.top), dtype=np.float32)
    scaled[:, :4] /= np.array(gain * 2, dtype=np.float32)
    return scaled


def corners(boxes_cxcywhr: Floats) -> Floats:
    """Return the four corners of each box.

    Args:
        boxes_cxcywhr: (K, 5) float32.

    Returns:
        (K, 4, 2) float32, x and y, in order around the box; the first is at (+width/2, +height/2) before rotation.

    Source: ultralytics 8.4.190 `xywhr2xyxyxyxy`, utils/ops.py.
    """
    cosine, sine = np.cos(boxes_cxcywhr[:, 4:]), np.sin(boxes_cxcywhr[:, 4:])  # (K, 1)
    along = boxes_cxcywhr[:, 2:3] / 2 * np.hstack((cosine, sine))
    across = boxes_cxcywhr[:, 3:4] / 2 * np.hstack((-sine, cosine))
    center = boxes_cxcywhr[:, :2]
    return np.stack(
        (center + along + across, center + along - across, center - along - across, center - along + across), axis=1
    )


def enclosing_boxes(corner_points: Floats) -> Floats:
    """Return the upright boxes around (K, 4, 2) corners: (K, 4), xyxy, not clipped to the image."""
    return np.concatenate((corner_points.min(axis=1), corner_points.max(axis=1)), axis=1)


class Gaussians(NamedTuple):
    """Boxes as normal distributions: mean (x, y) and covariance [[a, c], [c, b]]; each (N,) float32."""

    x: Floats
    y: Floats
    a: Floats
    b: Floats
    c: Floats

    def take(self, rows: Indices | slice) -> "Gaussians":
        """Return the selected distributions, in the order of `rows`."""
        return Gaussians(*(column[rows] for column in self))


def gaussians(boxes_cxcywhr: Floats) -> Gaussians:
    """Return the distributions of (N, 5) float32 boxes, rotation in radians.

    Source: ultralytics 8.4.190 `_get_covariance_matrix`, utils/metrics.py; arXiv 2106.06072.
    """
    x, y, width, height, angle = boxes_cxcywhr.T
    along, across = width**2 / 12, height**2 / 12
    cosine, sine = np.cos(angle), np.sin(angle)
    a, b = along * cosine**2 + across * sine**2, along * sine**2 + across * cosine**2
    return Gaussians(x, y, a, b, (along - across) * cosine * sine)


def probiou(first: Gaussians, second: Gaussians) -> Floats:
    """Return the probabilistic IoU of pairs of boxes; columns of different shapes are broadcast.

    Returns:
        float32, 0..1.

    Source: ultralytics 8.4.190 `batch_probiou`, utils/metrics.py.
    """
    a, b, c = first.a + second.a, first.b + second.b, first.c + second.c
    right, down = second.x - first.x, first.y - second.y
    determinant = a * b - c**2
    distance = (a * down**2 + b * right**2) / (determinant + EPSILON) * np.float32(0.25)
    distance += c * right * down / (determinant + EPSILON) * np.float32(0.5)
    own = (first.a * first.b - first.c**2).clip(0) * (second.a * second.b - second.c**2).clip(0)
    distance += np.log(determinant / (4 * np.sqrt(own) + EPSILON) + EPSILON) * np.float32(0.5)
    hellinger = np.sqrt(np.float32(1) - np.exp(-distance.clip(EPSILON, 100)) + EPSILON)
    overlap: Floats = np.float32(1) - hellinger
    return overlap


def nms(boxes_cxcywhr: Floats, scores: Floats, class_ids: Ints, iou: float, max_det: int) -> Indices:
    """Return the indices that per-class suppression of rotated boxes keeps.

    Memory is O(N): a block of boxes at a time is compared with the better boxes near it, and the loop stops when
    enough boxes are kept.

    Args:
        boxes_cxcywhr: (N, 5) float32, input pixels and radians.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int64.
        iou: drop a box whose probabilistic IoU with any better box of its class exceeds this.
        max_det: stop after this many.

    Returns:
        (K,) indices, best score first; K = 0 for N = 0.

    Source: ultralytics 8.4.190 `TorchNMS.fast_nms`, utils/nms.py.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    shifted = boxes_cxcywhr[order]
    # In float32, as for upright boxes: the offset rounds the last bits of a coordinate.
    shifted[:, :2] += class_ids[order].astype(np.float32)[:, None] * np.float32(CLASS_OFFSET)
    distributions = gaussians(shifted)
    reach = _reach(distributions, iou)
    kept = np.empty(0, dtype=np.intp)  # positions in `order`
    for start in range(0, order.size, BLOCK):
        rows = np.arange(start, min(start + BLOCK, order.size))
        kept = np.concatenate((kept, rows[~_is_overlapped(distributions, reach, rows, kept, iou)]))
        if kept.size >= max_det:
            break
    return order[kept[:max_det]]


def _is_overlapped(distributions: Gaussians, reach: Floats, rows: Indices, kept: Indices, iou: float) -> Bools:
    """Return for each of these rows whether a better row overlaps it; rows are sorted best first.

    The kept rows come first, because they overlap most of the others: then the row needs no more comparisons.
    """
    overlapped = np.zeros(rows.size, dtype=bool)
    end = int(rows[-1]) + 1
    for better in (kept, *(np.arange(start, min(start + SPAN, end)) for start in range(0, end, SPAN))):
        pending = np.flatnonzero(~overlapped)
        if not pending.size:
            break
        right = distributions.x[better] - distributions.x[rows[pending], None]
        down = distributions.y[better] - distributions.y[rows[pending], None]
        near = right * right + down * down <= reach[rows[pending], None] + reach[better]
        near &= better < rows[pending, None]
        row, column = np.nonzero(near)
        pairs = distributions.take(rows[pending[row]]), distributions.take(better[column])
        overlapped[pending[row[probiou(*pairs) > iou]]] = True
    return overlapped


def _reach(distributions: Gaussians, iou: float) -> Floats:
    """Return each box's share of the squared distance beyond which two boxes cannot overlap by more than `iou`.

    For an overlap of `iou` the Bhattacharyya distance is -ln(1 - (1 - iou)^2). A lower bound of that distance is a
    quarter of the squared distance of the centers over the sum of the largest eigenvalues of the two covariances.
    """
    limit = -np.log(max(1 - (1 - iou) ** 2, 1e-30))
    largest = (distributions.a + distributions.b) / 2 + np.hypot(
        (distributions.a - distributions.b) / 2, distributions.c
    )
    reach: Floats = (4 * SLACK * limit * largest + 1).astype(np.float32)
    return reach
