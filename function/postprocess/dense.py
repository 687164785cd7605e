"""Dense outputs, one number or one row of scores for each pixel: their layouts, and enlargement in bands of rows."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from function.arrays import Floats, Indices
from function.errors import InternalError, UnusableModel
from function.metadata import ModelMetadata
from function.postprocess.bilinear import Interpolation
from function.postprocess.layouts import Layout, ModelShape, Reading, no_boxes

MAX_NUMBER = 1e30  # of an output, positive or negative
BAND_NUMBERS = 2_000_000  # float32 of one band; a few copies of it exist at a time


def _is_class_logits(model: ModelShape) -> bool:
    return len(model.shape) == 4 and model.shape[:2] == (1, model.class_count)


def _is_class_ids(model: ModelShape) -> bool:
    return len(model.shape) == 3


def _is_depth(model: ModelShape) -> bool:
    return len(model.shape) == 3 or (len(model.shape) == 4 and model.shape[:2] == (1, 1))


LOGITS, IDS, DEPTH = "class logits", "class ids", "depth"
DENSE_LAYOUTS = (
    Layout(LOGITS, "(1, C, h, w)", ("semantic",), _is_class_logits, no_boxes, "", False, "letterbox"),
    Layout(IDS, "(1, h, w)", ("semantic",), _is_class_ids, no_boxes, "", False, "letterbox"),
    Layout(DEPTH, "(1, 1, h, w) or (1, h, w)", ("depth",), _is_depth, no_boxes, "", False, "stretch"),
)


def require_finite(output: Floats, what: str) -> None:
    """Check the numbers of an output, so that no difference of two of them overflows.

    Raises:
        InternalError: NaN, infinity or a number beyond `MAX_NUMBER`.
    """
    if not (np.abs(output) <= MAX_NUMBER).all():
        raise InternalError(f"model output contains NaN, infinity or a number beyond {MAX_NUMBER:g} ({what})")


class Band(NamedTuple):
    """Rows of the target, and the interpolation of each of them from the source."""

    start: int
    stop: int
    rows: Interpolation


def read(metadata: ModelMetadata, outputs: list[Floats]) -> Reading:
    """Return the meaning of the outputs of a model for semantic segmentation or depth.

    Args:
        metadata: of the model.
        outputs: of the first run, (1, ...) float32 each.

    Raises:
        UnusableModel: no layout of the task fits; the message names the actual shapes and the supported layouts.
    """
    if len(outputs) == 1:
        model = ModelShape(metadata, outputs[0].shape, 0, is_task_stated=True)
        for layout in DENSE_LAYOUTS:
            if metadata.task in layout.tasks and model.shape[:1] == (1,) and layout.matches(model):
                return Reading(metadata, layout, (0,))
    supported = ", ".join(layout.shape for layout in DENSE_LAYOUTS if metadata.task in layout.tasks)
    shapes = ", ".join(str(output.shape) for output in outputs)
    raise UnusableModel(
        f"the output of a {metadata.task} model with C = {len(metadata.names)} must be {supported}, got {shapes}"
    )


def enlarge(planes: Floats, rows: Interpolation, columns: Interpolation) -> Floats:
    """Return a window of planes at another scale.

    Args:
        planes: (C, H, W) float32.
        rows: R samples; R > 0.
        columns: S samples; S > 0.

    Returns:
        (C, R, S) float32.
    """
    upper = planes[:, rows.before]
    mixed = upper + (planes[:, rows.after] - upper) * rows.weight_after[:, None]
    left = mixed[:, :, columns.before]
    enlarged: Floats = left + (mixed[:, :, columns.after] - left) * columns.weight_after
    return enlarged


def bands(rows: Interpolation, source_row_numbers: int, target_row_numbers: int) -> Iterator[Band]:
    """Yield the rows of the target in bands whose source and target have at most about `BAND_NUMBERS` numbers.

    Args:
        rows: the interpolation of all rows.
        source_row_numbers: numbers of one row of the source.
        target_row_numbers: numbers of one row of the target.
    """
    height = rows.before.size
    source_rows = max(1, BAND_NUMBERS // source_row_numbers)
    target_rows = max(1, BAND_NUMBERS // target_row_numbers)
    start = 0
    while start < height:
        last = int(np.searchsorted(rows.before, rows.before[start] + source_rows, "left"))
        stop = max(start + 1, min(last, start + target_rows, height))
        part = slice(start, stop)
        yield Band(start, stop, Interpolation(rows.before[part], rows.after[part], rows.weight_after[part]))
        start = stop


def needed(side: Interpolation) -> tuple[slice, Interpolation]:
    """Return the source positions that an interpolation reads, and the interpolation for a source of only those."""
    first = int(side.before[0])
    return slice(first, int(side.after[-1]) + 1), Interpolation(
        side.before - first, side.after - first, side.weight_after
    )


def aligned(source: int, target: int) -> Interpolation:
    """Return the interpolation of a whole side whose first and last samples are those of the source.

    Source: torch 2.13.0 `interpolate` with mode bilinear and align_corners True.
    """
    scale = np.float32((source - 1) / (target - 1) if target > 1 else 0)
    position = np.arange(target, dtype=np.float32) * scale
    before = np.minimum(position.astype(np.intp), source - 1)
    return Interpolation(before, np.minimum(before + 1, source - 1), position - before.astype(np.float32))


def nearest(source: int, target: int) -> Indices:
    """Return the source position of each of `target` samples.

    Source: torch 2.13.0 `interpolate` with mode nearest.
    """
    scale = np.float32(source / target)
    position = np.floor(np.arange(target, dtype=np.float32) * scale)
    return np.minimum(position.astype(np.intp), source - 1)
