"""Postprocessing for semantic segmentation: the class of every pixel of the image."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats, Ints
from function.errors import InternalError
from function.postprocess import dense
from function.postprocess.bilinear import Interpolation, interpolation
from function.preprocess.letterbox import Letterbox

IGNORED = 255  # id of pixels whose class was not requested, in the map of ultralytics
IGNORED_16_BIT = 65535  # the same with more than 255 classes, of which 255 is one
BAND_PIXELS = 1_000_000  # NumPy counts and looks up ids as 64-bit numbers: of so many pixels at a time

ClassMap = NDArray[np.uint8] | NDArray[np.uint16]


def class_map(
    output: Floats, layout_name: str, geometry: Letterbox, class_count: int, class_ids: Ints | None
) -> ClassMap:
    """Return the class of every pixel.

    Args:
        output: (1, C, h, w) float32 logits, or (1, h, w) float32 class ids.
        layout_name: of `dense.DENSE_LAYOUTS`.
        geometry: the letterbox of the input.
        class_count: C. With one class the ids are 0 (background) and 1 (the class).
        class_ids: the requested classes, other pixels have the id `IGNORED`; None: all. One class: not applied.

    Returns:
        (image_h, image_w) class ids, uint8; for more than 255 classes uint16, and `IGNORED_16_BIT` for other pixels.

    Raises:
        InternalError: the output contains NaN, infinity or a huge number, or an id that the model has no class for.

    Source: ultralytics 8.4.190 `SemanticSegmentationPredictor.postprocess`, models/yolo/semantic/predict.py, and
    `scale_masks`, utils/ops.py.
    """
    dense.require_finite(output, "class map")
    dtype: Any = np.uint8 if class_count <= IGNORED else np.uint16
    if layout_name == dense.IDS:
        ids = _from_ids(output[0], geometry, max(class_count, 2), dtype)
    else:
        ids = _from_logits(output[0], geometry, dtype)
    if class_ids is not None and class_count > 1:
        is_other = np.ones(max(class_count, int(ids.max()) + 1), dtype=bool)
        is_other[class_ids] = False
        for band in _bands(ids):
            band[is_other[band]] = IGNORED if dtype is np.uint8 else IGNORED_16_BIT
    return ids


def counts(ids: ClassMap, class_count: int) -> list[tuple[int, int]]:
    """Return the classes of a map and their pixels, most pixels first.

    Args:
        ids: from `class_map`.
        class_count: with one class, its pixels have the id 1, and the background is left out.
    """
    length = np.iinfo(ids.dtype).max + 1
    pixels = np.zeros(length, np.int64)
    for band in _bands(ids):
        pixels += np.bincount(band.ravel(), minlength=length)
    if class_count == 1:
        return [(0, int(pixels[1]))] if pixels[1] else []
    present = [(class_id, int(count)) for class_id, count in enumerate(pixels[:class_count].tolist()) if count]
    return sorted(present, key=lambda row: -row[1])


def _bands(ids: ClassMap) -> Iterator[ClassMap]:
    """Yield views of some rows each."""
    rows = max(1, BAND_PIXELS // ids.shape[1])
    return (ids[start : start + rows] for start in range(0, len(ids), rows))


def _inner(geometry: Letterbox) -> tuple[int, int, int, int]:
    """Return the part of the input that the image covers: left, top, width, height in pixels of the input."""
    width, height = geometry.input_w, geometry.input_h
    gain = min(height / geometry.image_h, width / geometry.image_w)
    inner_w, inner_h = max(round(geometry.image_w * gain), 1), max(round(geometry.image_h * gain), 1)
    return round((width - inner_w) / 2 - 0.1), round((height - inner_h) / 2 - 0.1), inner_w, inner_h


def _from_ids(ids: Floats, geometry: Letterbox, id_count: int, dtype: Any) -> ClassMap:
    """Return (image_h, image_w) ids from (h, w) ids: the nearest ones."""
    if ids.min() < 0 or ids.max() >= id_count:
        raise InternalError(f"model output contains a class id below 0 or above {id_count - 1}")
    left, top, width, height = _inner(geometry)
    rows = dense.nearest(height, geometry.image_h) + top
    columns = dense.nearest(width, geometry.image_w) + left
    if ids.shape != (geometry.input_h, geometry.input_w):
        rows = dense.nearest(ids.shape[0], geometry.input_h)[rows]
        columns = dense.nearest(ids.shape[1], geometry.input_w)[columns]
    return np.asarray(ids.astype(dtype)[:, columns][rows])


def _from_logits(logits: Floats, geometry: Letterbox, dtype: Any) -> ClassMap:
    """Return (image_h, image_w) ids from (C, h, w) logits, which are enlarged to the input and then to the image."""
    left, top, width, height = _inner(geometry)
    rows = interpolation(height, geometry.image_h, 0, geometry.image_h)
    columns = interpolation(width, geometry.image_w, 0, geometry.image_w)
    to_columns = interpolation(logits.shape[2], geometry.input_w, left, left + width)
    ids = np.empty((geometry.image_h, geometry.image_w), dtype)
    for band in dense.bands(rows, logits.shape[0] * width, geometry.image_w):
        source, shifted = dense.needed(band.rows)
        to_rows = interpolation(logits.shape[1], geometry.input_h, top + source.start, top + source.stop)
        ids[band.start : band.stop] = _band(dense.enlarge(logits, to_rows, to_columns), shifted, columns, dtype)
    return ids


def _band(planes: Floats, rows: Interpolation, columns: Interpolation, dtype: Any) -> ClassMap:
    """Return the ids of (C, H, W) logits at the samples.

    A class that is the best at all four pixels around a sample is also the best of their weighted means; so only the
    other samples, at the edges of objects, are computed.
    """
    best = _best(planes).astype(dtype)
    ids: ClassMap = best[:, columns.before][rows.before]
    is_edge = best[:, columns.before] != best[:, columns.after]  # of a row of pixels
    below = best[rows.before] != best[rows.after]  # of a column of pixels
    edges = (is_edge[rows.before] | is_edge[rows.after]) | (below[:, columns.before] | below[:, columns.after])
    row, column = np.nonzero(edges)
    for start in range(0, row.size, size := max(1, dense.BAND_NUMBERS // len(planes))):
        part = slice(start, start + size)
        ids[row[part], column[part]] = _best(_sample_at(planes, rows, columns, row[part], column[part]))
    return ids


def _best(planes: Floats) -> Any:
    """Return the best class of (C, ...) logits; for one class whether its logit is above 0."""
    return planes.argmax(axis=0) if len(planes) > 1 else (planes[0] > 0).astype(np.intp)


def _sample_at(planes: Floats, rows: Interpolation, columns: Interpolation, row: Any, column: Any) -> Floats:
    """Return (C, N) logits at N single samples; the numbers of `dense.enlarge`."""
    upper, lower, weight = rows.before[row], rows.after[row], rows.weight_after[row]
    near, far = columns.before[column], columns.after[column]
    first = planes[:, upper, near] + (planes[:, lower, near] - planes[:, upper, near]) * weight
    second = planes[:, upper, far] + (planes[:, lower, far] - planes[:, upper, far]) * weight
    sampled: Floats = first + (second - first) * columns.weight_after[column]
    return sampled
