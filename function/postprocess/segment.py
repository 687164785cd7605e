"""Postprocessing for segmentation: masks from mask coefficients and prototypes, each within the box of its instance."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from function.arrays import Bools, Floats, Indices
from function.errors import TooLarge
from function.postprocess import polygons, rle
from function.postprocess.bilinear import Interpolation, above_zero, interpolation, sample, steps_above_zero
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox

POINTS = "mask outlines must have at most {} points", 400_000  # more do not fit into a response of 6 MB
RUNS = "masks must have at most {} run lengths", 1_000_000  # 1 us each
MAX_PIXELS = 150_000_000  # of the model input in all boxes, 16 ns each; 300 boxes of 640 x 640 pixels are 123 million
CHUNK = 256  # instances whose logits are in memory, 26 MB for prototypes of 160 x 160
MIN_ROWS = 4  # pixels for each row of logits; with fewer it is faster to compute each pixel
PROTOTYPE_STRIDE = 4  # px of the input; ultralytics 8.4.190 `process_mask_native`, utils/ops.py


class Mask(NamedTuple):
    """The window of a mask that can contain pixels, and its position."""

    left: int
    top: int
    pixels: Bools  # (h, w)


class Window(NamedTuple):
    """Whole pixels that a box contains; the ends are not included."""

    left: int
    top: int
    right: int
    bottom: int


class Source(NamedTuple):
    """Logits of a mask, and the interpolation to the pixels of its window in the image."""

    window: Window
    logits: Floats  # (h, w)
    rows: Interpolation
    columns: Interpolation


class Masks(NamedTuple):
    """Masks of K instances, in the requested formats."""

    rows: Indices  # (K,): the boxes that have a mask; the others have no pixel
    polygons: list[list[Floats]] | None  # for each instance, (P, 2) each, image pixels
    run_lengths: list[list[int]] | None  # for each instance, column by column of the image


class Total:
    """A sum over all masks that must fit into a response."""

    def __init__(self, rule: str, limit: int, masks: int) -> None:
        self._rule, self._limit, self._masks = rule.format(limit), limit, masks
        self._value = self._added = 0

    def add(self, value: int) -> None:
        """Add the value of one mask.

        Raises:
            TooLarge: the sum exceeds its limit.
        """
        self._value += value
        self._added += 1
        if self._value > self._limit:
            raise TooLarge(
                f"{self._rule}, got {self._value} in the first {self._added} of {self._masks} masks; "
                "request fewer detections (max_det, a higher conf) or no masks (masks=none)"
            )


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
        TooLarge: the boxes, the polygons or the run lengths are more than the limits.
    """
    check_pixels(boxes_input, geometry)
    input_wh = (geometry.input_w, geometry.input_h)
    rows: list[int] = []
    outlines: list[list[Floats]] = []
    run_lengths: list[list[int]] = []
    points, runs = (Total(name, limit, len(coefficients)) for name, limit in (POINTS, RUNS))
    for start in range(0, len(coefficients), CHUNK):
        logits = mask_logits(coefficients[start : start + CHUNK], prototypes)
        found: list[int] = []  # positions in the chunk
        for position, mask in enumerate(masks_at_input_size(logits, boxes_input[start : start + CHUNK], input_wh)):
            if mask.pixels.any():
                found.append(position)
                if masks != "none":
                    outlines.append(outline(mask, geometry))
                    points.add(sum(len(polygon) for polygon in outlines[-1]))
        if masks == "rle":
            boxes = boxes_image[start : start + CHUNK][found]
            for counts in run_lengths_at_image_size(logits[found], boxes, geometry):
                run_lengths.append(counts)
                runs.add(len(counts))
        rows += [start + position for position in found]
    selected = np.array(rows, dtype=np.intp)
    return Masks(selected, None if masks == "none" else outlines, run_lengths if masks == "rle" else None)


def check_pixels(boxes_xyxy: Floats, geometry: Letterbox) -> None:
    """Check the pixels of all boxes at the size of the model input.

    Raises:
        TooLarge: the masks would take too much time.
    """
    sides = np.array((geometry.input_w, geometry.input_h))
    corners = np.ceil(boxes_xyxy.reshape(-1, 2, 2)).clip(0, sides)
    pixels = int((corners[:, 1] - corners[:, 0]).clip(0).prod(axis=1, dtype=np.float64).sum())
    if pixels > MAX_PIXELS:
        raise TooLarge(
            f"the boxes of masks must have at most {MAX_PIXELS} pixels of the model input together, got {pixels} in "
            f"{len(boxes_xyxy)} boxes; request fewer detections (max_det, a higher conf)"
        )


def outline(mask: Mask, geometry: Letterbox) -> list[Floats]:
    """Return the polygons of a mask in input pixels: (P, 2) each, image pixels."""
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


def masks_at_input_size(logits: Floats, boxes_xyxy: Floats, input_wh: tuple[int, int]) -> Iterator[Mask]:
    """Yield masks in input pixels, one at a time.

    Args:
        logits: (K, h, w) float32, from `mask_logits`.
        boxes_xyxy: (K, 4) float32, input pixels; pixels outside of its box do not belong to a mask.
        input_wh: pixels.

    Yields:
        K masks.

    Source: ultralytics 8.4.190 `process_mask` with upsample, utils/ops.py.
    """
    width, height = input_wh
    for plane, box in zip(logits, boxes_xyxy, strict=True):
        yield _mask_in_box(plane, box, height, width)


def run_lengths_at_image_size(logits: Floats, boxes_xyxy: Floats, geometry: Letterbox) -> Iterator[list[int]]:
    """Yield the run lengths of masks in image pixels; only the box of a mask is computed.

    Args:
        logits: (K, h, w) float32, from `mask_logits`.
        boxes_xyxy: (K, 4) float32, image pixels.
        geometry: the letterbox of the input.

    Yields:
        K lists, as from `rle.counts`.

    Source: ultralytics 8.4.190 `process_mask_native` and `scale_masks` (its retina_masks), utils/ops.py.
    """
    size_wh = (geometry.image_w, geometry.image_h)
    for source in _sources(logits, boxes_xyxy, geometry):
        yield _run_lengths(source, size_wh)


def masks_at_image_size(logits: Floats, boxes_xyxy: Floats, geometry: Letterbox) -> Iterator[Mask]:
    """Yield the masks of `run_lengths_at_image_size` as pixels."""
    for source in _sources(logits, boxes_xyxy, geometry):
        yield Mask(source.window.left, source.window.top, above_zero(source.logits, source.rows, source.columns))


def _sources(logits: Floats, boxes_xyxy: Floats, geometry: Letterbox) -> Iterator[Source]:
    """Yield for each mask the logits that its pixels in the image are interpolated from."""
    factor = _upsampling_factor(logits.shape[1:], geometry)
    h, w = logits.shape[1] * factor, logits.shape[2] * factor
    gain = min(h / geometry.image_h, w / geometry.image_w)
    inner_h, inner_w = max(round(geometry.image_h * gain), 1), max(round(geometry.image_w * gain), 1)
    top, left = round((h - inner_h) / 2 - 0.1), round((w - inner_w) / 2 - 0.1)
    for plane, box in zip(logits, boxes_xyxy, strict=True):
        window = _window(box, geometry.image_w, geometry.image_h)
        rows = interpolation(inner_h, geometry.image_h, window.top, window.bottom)
        columns = interpolation(inner_w, geometry.image_w, window.left, window.right)
        yield _source(plane, factor, (left, top), Source(window, plane, rows, columns))


def _source(plane: Floats, factor: int, inner_left_top: tuple[int, int], source: Source) -> Source:
    """Return the logits of a mask, upsampled by a factor; they are scaled from the inner part."""
    rows, columns = source.rows, source.columns
    if not (rows.before.size and columns.before.size):
        return source
    left, top = inner_left_top
    needed_rows, needed_columns = _needed(rows, top), _needed(columns, left)
    if factor > 1:
        needed = [
            interpolation(side, side * factor, span.start, span.stop)
            for side, span in zip(plane.shape, (needed_rows, needed_columns), strict=True)
        ]
        logits = sample(plane, *needed)
    else:
        logits = plane[needed_rows, needed_columns]
    return Source(source.window, logits, _shifted(rows), _shifted(columns))


def _run_lengths(source: Source, size_wh: tuple[int, int]) -> list[int]:
    """Return the run lengths of a mask in the image."""
    window, logits, rows, columns = source
    if not (rows.before.size and columns.before.size):
        return [size_wh[0] * size_wh[1]]
    if rows.before.size < MIN_ROWS * logits.shape[0]:
        return rle.counts(window.left, window.top, above_zero(logits, rows, columns), size_wh)
    steps = steps_above_zero(logits, rows, columns)
    window_wh = (window.right - window.left, window.bottom - window.top)
    runs: list[int] = rle.counts_of_steps(window.left, window.top, steps, window_wh, size_wh).tolist()
    return runs


def _needed(side: Interpolation, start: int) -> slice:
    """Return the source positions that an interpolation reads, of a source that begins at `start`."""
    return slice(start + int(side.before[0]), start + int(side.after[-1]) + 1)


def _shifted(side: Interpolation) -> Interpolation:
    """Return the interpolation for a source without the positions before its first one."""
    first = side.before[0]
    return side._replace(before=side.before - first, after=side.after - first)


def _upsampling_factor(shape_hw: tuple[int, ...], geometry: Letterbox) -> int:
    """Return the factor (1, 2 or 4) at which the padding is a whole number of prototype pixels."""
    h, w = (PROTOTYPE_STRIDE * side for side in shape_hw)
    gain = min(h / geometry.image_h, w / geometry.image_w)
    pad = (h - max(round(geometry.image_h * gain), 1)) | (w - max(round(geometry.image_w * gain), 1))
    return PROTOTYPE_STRIDE // math.gcd(PROTOTYPE_STRIDE, pad | pad // 2)


def _mask_in_box(plane: Floats, box_xyxy: Floats, height: int, width: int) -> Mask:
    """Return the mask within its box, with the logits scaled to (height, width)."""
    left, top, right, bottom = _window(box_xyxy, width, height)
    rows = interpolation(plane.shape[0], height, top, bottom)
    columns = interpolation(plane.shape[1], width, left, right)
    return Mask(left, top, above_zero(plane, rows, columns))


def _window(box_xyxy: Floats, width: int, height: int) -> Window:
    left, top, right, bottom = (math.ceil(side) for side in box_xyxy.tolist())
    left, right = min(max(left, 0), width), min(max(right, 0), width)
    return Window(left, min(max(top, 0), height), right, min(max(bottom, 0), height))
