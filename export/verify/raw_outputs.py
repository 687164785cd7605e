"""Raw outputs of a model by task and head: which columns are pixels, which are scores, and how far two outputs differ.

Arithmetic on arrays only; no model runs here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

ANCHORS = "anchors"  # (B, 4+C+E, A): a column for each anchor, NMS follows
END_TO_END = "end-to-end"  # (B, K, 6+E): the best K, box, score, class, extras; the end-to-end head
QUERIES = "queries"  # (B, K, 6): as END_TO_END, boxes as center and size in fractions of the input; RT-DETR
PROBABILITIES = "probabilities"  # (B, C): a classifier

# Differences up to these never count, whatever the rounding of torch is: a hundredth of the function's tolerance for a
# box of 50 pixels, for a confidence (0.002), a keypoint (1 px) and an angle (0.01 rad). Trained models were measured at
# 3e-4 px and 2e-6. Masks are a sum over 32 coefficients times prototypes, of which only the sign is used.
TOLERANCES = {
    "boxes px": 2e-3,
    "scores": 2e-5,
    "keypoints px": 2e-3,
    "visibility": 2e-5,
    "angles": 1e-4,
    "coefficients": 1e-4,
    "prototypes": 1e-4,
}


class OutputLayout(NamedTuple):
    """Layout of a model's outputs."""

    task: str
    rows: str  # ANCHORS, END_TO_END, QUERIES or PROBABILITIES
    classes: int
    keypoint_values: int = 0  # of a pose: 2, or 3 with visibility


class Column(NamedTuple):
    """Numbers of a row that have the same meaning."""

    name: str  # a key of TOLERANCES, or "class"
    at: slice


def columns(layout: OutputLayout) -> list[Column]:
    """Return the columns of one row: an anchor, an end-to-end box, or the probabilities of an image."""
    if layout.rows == PROBABILITIES:
        return [Column("scores", slice(0, None))]
    if layout.rows == ANCHORS:
        head, width = [Column("scores", slice(4, 4 + layout.classes))], 4 + layout.classes
    else:
        head, width = [Column("scores", slice(4, 5)), Column("class", slice(5, 6))], 6
    return [Column("boxes px", slice(0, 4)), *head, *_extras(layout, width)]


def _extras(layout: OutputLayout, start: int) -> list[Column]:
    if layout.task == "segment":
        return [Column("coefficients", slice(start, None))]
    if layout.task == "obb":
        return [Column("angles", slice(start, None))]
    if layout.task != "pose":
        return []
    step = layout.keypoint_values
    keypoints = [Column("keypoints px", slice(start + axis, None, step)) for axis in (0, 1)]
    return keypoints if step == 2 else [*keypoints, Column("visibility", slice(start + 2, None, step))]


def to_rows(layout: OutputLayout, output: Array, input_wh: tuple[int, int]) -> Array:
    """Return the first output of one image as rows.

    Args:
        layout: of the model.
        output: without the batch axis: (4+C+E, A), (K, 6+E) or (C,).
        input_wh: of the tensor that was run, pixels.

    Returns:
        (N, width) of the output's own type; boxes are in pixels.
    """
    if layout.rows == PROBABILITIES:
        return output[None]
    if layout.rows == ANCHORS:
        return output.T
    if layout.rows == QUERIES:
        return np.concatenate((output[:, :4] * np.array(input_wh * 2, dtype=output.dtype), output[:, 4:]), axis=1)
    return output


def best_scores(layout: OutputLayout, rows: Array) -> Array:
    """Return the best score of each row: (N, width) -> (N,)."""
    scores = next(column.at for column in columns(layout) if column.name == "scores")
    return np.asarray(rows[:, scores].max(axis=1))


def differences(layout: OutputLayout, reference: Array, other: Array) -> dict[str, float]:
    """Return the largest difference of corresponding rows for each kind of column.

    Args:
        layout: of the model.
        reference: (N, width).
        other: the same shape.

    Returns:
        Keys of TOLERANCES. NaN if one of the values is NaN.

    Raises:
        ValueError: the shapes differ.
    """
    if reference.shape != other.shape:
        raise ValueError(f"outputs must have one shape, got {reference.shape} and {other.shape}")
    absolute = np.abs(reference.astype(np.float64) - other)
    largest: dict[str, float] = {}
    for column in columns(layout):
        if column.name != "class":
            values = np.append(absolute[:, column.at], largest.get(column.name, 0.0))
            largest[column.name] = float(values.max())  # NaN if one value is NaN
    return largest


def counterparts(reference: Array, other: Array) -> Array:
    """Return the counterpart of each end-to-end row: of the same class, the closest in box and score, each used once.

    Rows are sorted by score, so that rounding alone changes their order.

    Args:
        reference: (N, 6+E), more rows than the other has.
        other: (K, 6+E), K <= N.

    Returns:
        (K, 6+E), rows of the reference; infinite where there is no counterpart.
    """
    unpaired = np.ones(len(reference), dtype=bool)
    paired = np.full_like(other, np.inf, dtype=np.float64)
    for number, row in enumerate(other):
        candidates = np.flatnonzero(unpaired & (reference[:, 5] == row[5]))
        if candidates.size:
            distance = np.abs(reference[candidates, :4] - row[:4]).max(axis=1) / TOLERANCES["boxes px"]
            distance += np.abs(reference[candidates, 4] - row[4]) / TOLERANCES["scores"]
            closest = candidates[int(np.argmin(distance))]
            unpaired[closest] = False
            paired[number] = reference[closest]
    return paired


def worst_ratio(differences: Mapping[str, float], rounding: Mapping[str, float], limit: float) -> float:
    """Return the largest difference of two outputs relative to the rounding of the reference.

    Args:
        differences: from `differences`.
        rounding: the same keys; of the reference in two precisions.
        limit: the ratio that counts as different: TOLERANCES stay below it.
    """
    ratios = [differences[name] / max(rounding[name], TOLERANCES[name] / limit) for name in differences]
    return float(np.max(ratios))  # NaN if one is NaN
