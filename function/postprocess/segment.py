"""Postprocessing for segmentation: masks from mask coefficients and prototypes, each within the box of its instance."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from function.arrays import Bools, Floats, Indices
from function.errors import TooLarge
from function.postprocess import polygons, rle
from function.postprocess.bilinear import above_zero, interpolation, sample
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox

MAX_POINTS = 400_000  # of all outlines together: more do not fit into a response of 6 MB
PROTOTYPE_STRIDE = 4  # px of the input; ultralytics 8.4.190 `process_mask_native`, utils/ops.py


class Mask(NamedTuple):
    """The window of a mask that can contain pixels, and its position."""

    left: int
    top: int
    pixels: Bools  # (h, w)


class Masks(NamedTuple):
    """Masks of K instances, in the requested formats."""

    rows: Indices  # (K,): the boxes that have a mask; the others have no pixel
    polygons: list[list[Floats]] | None  # for each instance, (P, 2) each, image pixels
    run_lengths: list[list[int]] | None  # for each instance, column by column of the image


def instance_masks(
    coefficients: Floats, boxes_input: Floats, boxes_image: Floats, prototypes: Floats, geometry: Letterbox, masks: str
) -> Masks:
    """Return the masks of the instances that NMS kept.

    Args:
        coefficients: (N, M) float32.
        boxes_input: (N, 4) float32, xyxy, input pixels.
        boxes_image: (N, 4) float32, xyxy, image pixels.
        prototypes: (M, h, w) float32.
        geometry: the letterbox of the input.
        masks: "polygons"; "rle" for polygons and run lengths; "none" for neither.

    Returns:
        K <= N masks; as in Ultralytics, masks without pixels are left out.

    Raises:
        TooLarge: the polygons have more than `MAX_POINTS` points.
    """
    logits = mask_logits(coefficients, prototypes)
    at_input_size = masks_at_input_size(logits, boxes_input, (geometry.input_w, geometry.input_h))
    rows = np.flatnonzero([mask.pixels.any() for mask in at_input_size])
    outlines = None if masks == "none" else _outlines([at_input_size[row] for row in rows], geometry)
    if masks != "rle":
        return Masks(rows, outlines, None)
    at_image_size = masks_at_image_size(logits[rows], boxes_image[rows], geometry)
    size_wh = (geometry.image_w, geometry.image_h)
    return Masks(rows, outlines, [rle.counts(*mask, size_wh) for mask in at_image_size])


def _outlines(masks: list[Mask], geometry: Letterbox) -> list[list[Floats]]:
    """Return the polygons of every mask.

    Raises:
        TooLarge: the polygons do not fit into a response.
    """
    outlines, points = [], 0
    for mask in masks:
        outlines.append(_polygons(mask, geometry))
        points += sum(len(polygon) for polygon in outlines[-1])
        if points > MAX_POINTS:
            raise TooLarge(
                f"mask outlines must have at most {MAX_POINTS} points, got {points} in the first {len(outlines)} of "
                f"{len(masks)} masks; request fewer detections (max_det, a higher conf) or no masks (masks=none)"
            )
    return outlines


def _polygons(mask: Mask, geometry: Letterbox) -> list[Floats]:
    offset = np.array([mask.left, mask.top])
    rings = polygons.trace(mask.pixels)
    return [letterbox.points_to_image((ring + offset).astype(np.float32), geometry) for ring in rings]


def mask_logits(coefficients: Floats, prototypes: Floats) -> Floats:
    """Return the logits of every mask.

    Args:
        coefficients: (K, M) float32.
        prototypes: (M, h, w) float32.

    Returns:
        (K, h, w) float32; above 0 is inside.
    """
    count, *shape = prototypes.shape
    logits: Floats = (coefficients @ prototypes.reshape(count, -1)).reshape(-1, *shape)
    return logits


def masks_at_input_size(logits: Floats, boxes_xyxy: Floats, input_wh: tuple[int, int]) -> list[Mask]:
    """Return masks in input pixels.

    Args:
        logits: (K, h, w) float32, from `mask_logits`.
        boxes_xyxy: (K, 4) float32, input pixels; pixels outside of its box do not belong to a mask.
        input_wh: pixels.

    Returns:
        K masks.

    Source: ultralytics 8.4.190 `process_mask` with upsample, utils/ops.py.
    """
    width, height = input_wh
    return [_mask_in_box(plane, box, height, width) for plane, box in zip(logits, boxes_xyxy, strict=True)]


def masks_at_image_size(logits: Floats, boxes_xyxy: Floats, geometry: Letterbox) -> Iterator[Mask]:
    """Yield masks in image pixels, one at a time, because each can be as large as the image.

    Args:
        logits: (K, h, w) float32, from `mask_logits`.
        boxes_xyxy: (K, 4) float32, image pixels.
        geometry: the letterbox of the input.

    Yields:
        K masks.

    Source: ultralytics 8.4.190 `process_mask_native` and `scale_masks` (its retina_masks), utils/ops.py.
    """
    factor = _upsampling_factor(logits.shape[1:], geometry)
    h, w = logits.shape[1] * factor, logits.shape[2] * factor
    gain = min(h / geometry.image_h, w / geometry.image_w)
    inner_h, inner_w = max(round(geometry.image_h * gain), 1), max(round(geometry.image_w * gain), 1)
    top, left = round((h - inner_h) / 2 - 0.1), round((w - inner_w) / 2 - 0.1)
    for plane, box in zip(logits, boxes_xyxy, strict=True):
        upsampled = plane
        if factor > 1:
            rows, columns = interpolation(plane.shape[0], h, 0, h), interpolation(plane.shape[1], w, 0, w)
            upsampled = sample(plane, rows, columns)
        inner = upsampled[top : top + inner_h, left : left + inner_w]
        yield _mask_in_box(inner, box, geometry.image_h, geometry.image_w)


def _upsampling_factor(shape_hw: tuple[int, ...], geometry: Letterbox) -> int:
    """Return the factor (1, 2 or 4) at which the padding is a whole number of prototype pixels."""
    h, w = (PROTOTYPE_STRIDE * side for side in shape_hw)
    gain = min(h / geometry.image_h, w / geometry.image_w)
    pad = (h - max(round(geometry.image_h * gain), 1)) | (w - max(round(geometry.image_w * gain), 1))
    return PROTOTYPE_STRIDE // math.gcd(PROTOTYPE_STRIDE, pad | pad // 2)


def _mask_in_box(plane: Floats, box_xyxy: Floats, height: int, width: int) -> Mask:
    """Return the mask within its box, with the logits scaled to (height, width)."""
    left, top, right, bottom = (math.ceil(side) for side in box_xyxy.tolist())
    left, right = min(max(left, 0), width), min(max(right, 0), width)
    top, bottom = min(max(top, 0), height), min(max(bottom, 0), height)
    rows = interpolation(plane.shape[0], height, top, bottom)
    columns = interpolation(plane.shape[1], width, left, right)
    return Mask(left, top, above_zero(plane, rows, columns))
