"""Instance masks: from mask coefficients and prototypes to pixels, each within the box of its instance."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats
from function.errors import TooLarge
from function.postprocess import polygons, rle
from function.postprocess.bilinear import above, sample, taps
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox

MAX_POINTS = 400_000  # of all outlines: an answer of 6 MB holds no more
PROTOTYPE_STRIDE = 4  # px of the input; ultralytics 8.4.190 `process_mask_native`, utils/ops.py


class Mask(NamedTuple):
    """The part of a mask that can hold anything, and where it lies."""

    left: int
    top: int
    pixels: NDArray[np.bool_]  # (h, w)


class Masks(NamedTuple):
    """Masks of K instances, as far as they were asked for."""

    rows: NDArray[np.intp]  # (K,): which of the boxes they belong to; the others have no pixel
    polygons: list[list[Floats]] | None  # (P, 2) each, of each instance, pixels of the picture
    run_lengths: list[list[int]] | None  # of each instance, in the picture, column by column


def find(
    coefficients: Floats, boxes_input: Floats, boxes_image: Floats, prototypes: Floats, box: Letterbox, wanted: str
) -> Masks:
    """Masks of what NMS kept.

    Args:
        coefficients: (N, M) float32.
        boxes_input: (N, 4) float32, xyxy, pixels of the network's input.
        boxes_image: (N, 4) float32, xyxy, pixels of the picture.
        prototypes: (M, h, w) float32.
        box: the letterbox that painted the input.
        wanted: "polygons", "rle" for run lengths too, "none" for neither.

    Returns:
        K <= N masks: one without any pixel is left out, as the reference does.
    """
    logits = mask_logits(coefficients, prototypes)
    found = masks(logits, boxes_input, (box.input_w, box.input_h))
    rows = np.flatnonzero([mask.pixels.any() for mask in found])
    polygons = None if wanted == "none" else _outlines([found[row] for row in rows], box)
    if wanted != "rle":
        return Masks(rows, polygons, None)
    natives = masks_at_image_size(logits[rows], boxes_image[rows], box)
    return Masks(rows, polygons, [rle.counts(*native, (box.image_w, box.image_h)) for native in natives])


def _outlines(found: list[Mask], box: Letterbox) -> list[list[Floats]]:
    """Polygons of every mask, unless an answer could not hold them."""
    outlines, points = [], 0
    for mask in found:
        outlines.append(_polygons(mask, box))
        points += sum(len(polygon) for polygon in outlines[-1])
        if points > MAX_POINTS:
            raise TooLarge(
                f"the outlines of the first {len(outlines)} of {len(found)} masks have {points} points; wanted at most "
                f"{MAX_POINTS}: ask for fewer (max_det, a higher conf) or for none (masks=none)"
            )
    return outlines


def _polygons(mask: Mask, box: Letterbox) -> list[Floats]:
    corner = np.array([mask.left, mask.top])
    found = polygons.polygons(mask.pixels)
    return [letterbox.undo_points((points + corner).astype(np.float32), box) for points in found]


def mask_logits(coefficients: Floats, prototypes: Floats) -> Floats:
    """Logits of every mask.

    Args:
        coefficients: (K, M) float32.
        prototypes: (M, h, w) float32.

    Returns:
        (K, h, w) float32; above 0 is inside.
    """
    count, *shape = prototypes.shape
    logits: Floats = (coefficients @ prototypes.reshape(count, -1)).reshape(-1, *shape)
    return logits


def masks(logits: Floats, boxes_xyxy: Floats, input_wh: tuple[int, int]) -> list[Mask]:
    """Masks in pixels of the network's input.

    Args:
        logits: (K, h, w) float32, from `mask_logits`.
        boxes_xyxy: (K, 4) float32, input pixels: what is outside is no part of the mask.
        input_wh: pixels.

    Returns:
        K masks.

    Source: ultralytics 8.4.190 `process_mask` with upsample, utils/ops.py.
    """
    width, height = input_wh
    return [_cut(plane, box, height, width) for plane, box in zip(logits, boxes_xyxy, strict=True)]


def masks_at_image_size(logits: Floats, boxes_xyxy: Floats, box: Letterbox) -> Iterator[Mask]:
    """Masks in pixels of the picture, one after another: each may be as large as the picture.

    Args:
        logits: (K, h, w) float32, from `mask_logits`.
        boxes_xyxy: (K, 4) float32, pixels of the picture.
        box: the letterbox that painted the input.

    Returns:
        K masks.

    Source: ultralytics 8.4.190 `process_mask_native` and `scale_masks` (its retina_masks), utils/ops.py.
    """
    finer = _upsampling_factor(logits.shape[1:], box)
    h, w = logits.shape[1] * finer, logits.shape[2] * finer
    gain = min(h / box.image_h, w / box.image_w)
    inner_h, inner_w = max(round(box.image_h * gain), 1), max(round(box.image_w * gain), 1)
    top, left = round((h - inner_h) / 2 - 0.1), round((w - inner_w) / 2 - 0.1)
    for plane, corners in zip(logits, boxes_xyxy, strict=True):
        fine = sample(plane, taps(plane.shape[0], h, 0, h), taps(plane.shape[1], w, 0, w)) if finer > 1 else plane
        inner = fine[top : top + inner_h, left : left + inner_w]
        yield _cut(inner, corners, box.image_h, box.image_w)


def _upsampling_factor(shape_hw: tuple[int, ...], box: Letterbox) -> int:
    """How many times finer (1, 2 or 4) the prototypes must be for the padding to be whole numbers of them."""
    h, w = (PROTOTYPE_STRIDE * side for side in shape_hw)
    gain = min(h / box.image_h, w / box.image_w)
    pad = (h - max(round(box.image_h * gain), 1)) | (w - max(round(box.image_w * gain), 1))
    return PROTOTYPE_STRIDE // math.gcd(PROTOTYPE_STRIDE, pad | pad // 2)


def _cut(plane: Floats, box_xyxy: Floats, height: int, width: int) -> Mask:
    """The mask at another scale, within its box."""
    left, top, right, bottom = (math.ceil(side) for side in box_xyxy.tolist())
    left, right = min(max(left, 0), width), min(max(right, 0), width)
    top, bottom = min(max(top, 0), height), min(max(bottom, 0), height)
    rows, columns = taps(plane.shape[0], height, top, bottom), taps(plane.shape[1], width, left, right)
    return Mask(left, top, above(plane, rows, columns))
