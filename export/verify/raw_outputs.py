"""What the numbers of a model's outputs are, by task and head: which are pixels, which are scores.

Arithmetic on arrays only; nothing runs here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

ANCHORS = "anchors"  # (B, 4+C+E, A): a column for each anchor, NMS is to follow
FINISHED = "finished"  # (B, K, 6+E): the best K, box, score, class, extras; the end-to-end head
QUERIES = "queries"  # (B, K, 6): as finished, boxes as center and size in shares of the input; RT-DETR
PROBABILITIES = "probabilities"  # (B, C): a classifier

# Differences up to these are nothing, whatever they are compared with: a hundredth of what the function promises for a
# box of 50 pixels, for a confidence (0.002), a keypoint (1 px) and an angle (0.01 rad). Trained models were measured
# at 3e-4 px and 2e-6. Of masks a sum over 32 coefficients times prototypes is taken, and only its sign is used.
TOLERANCES = {
    "boxes px": 2e-3,
    "scores": 2e-5,
    "points px": 2e-3,
    "visible": 2e-5,
    "angles": 1e-4,
    "coefficients": 1e-4,
    "prototypes": 1e-4,
}


class OutputLayout(NamedTuple):
    """Which outputs a model has."""

    task: str
    rows: str  # one of the four above
    classes: int
    point_values: int = 0  # of a pose: 2, or 3 with visibility


class Column(NamedTuple):
    """Neighboring numbers of a row that mean the same."""

    name: str  # a key of TOLERANCES, or "class"
    at: slice
    step: int = 1  # every how many of them


def columns(kind: OutputLayout) -> list[Column]:
    """What stands where in one row (an anchor, a finished box, or the probabilities of a picture)."""
    if kind.rows == PROBABILITIES:
        return [Column("scores", slice(0, None))]
    if kind.rows == ANCHORS:
        head, width = [Column("scores", slice(4, 4 + kind.classes))], 4 + kind.classes
    else:
        head, width = [Column("scores", slice(4, 5)), Column("class", slice(5, 6))], 6
    return [Column("boxes px", slice(0, 4)), *head, *_extras(kind, width)]


def _extras(kind: OutputLayout, start: int) -> list[Column]:
    if kind.task == "segment":
        return [Column("coefficients", slice(start, None))]
    if kind.task == "obb":
        return [Column("angles", slice(start, None))]
    if kind.task != "pose":
        return []
    step = kind.point_values
    points = [Column("points px", slice(start + axis, None, step)) for axis in (0, 1)]
    return points if step == 2 else [*points, Column("visible", slice(start + 2, None, step))]


def rows(kind: OutputLayout, output: Array, input_wh: tuple[int, int]) -> Array:
    """One picture's first output as rows.

    Args:
        kind: of the model.
        output: without the batch axis: (4+C+E, A), (K, 6+E) or (C,).
        input_wh: of the tensor that was run, pixels.

    Returns:
        (N, width) of the output's own type; boxes are in pixels.
    """
    if kind.rows == PROBABILITIES:
        return output[None]
    if kind.rows == ANCHORS:
        return output.T
    if kind.rows == QUERIES:
        return np.concatenate((output[:, :4] * np.array(input_wh * 2, dtype=output.dtype), output[:, 4:]), axis=1)
    return output


def best_scores(kind: OutputLayout, found: Array) -> Array:
    """(N, width) -> (N,): how sure each row is."""
    scores = next(column.at for column in columns(kind) if column.name == "scores")
    return np.asarray(found[:, scores].max(axis=1))


def differences(kind: OutputLayout, reference: Array, other: Array) -> dict[str, float]:
    """The largest differences of rows that belong together, by what they mean.

    Args:
        kind: of the model.
        reference: (N, width).
        other: the same shape.

    Returns:
        Keys of TOLERANCES. Not a number where one of the rows is not.

    Raises:
        ValueError: the shapes differ.
    """
    if reference.shape != other.shape:
        raise ValueError(f"outputs of shape {reference.shape} and {other.shape}")
    apart = np.abs(reference.astype(np.float64) - other)
    found: dict[str, float] = {}
    for column in columns(kind):
        if column.name != "class":
            values = np.append(apart[:, column.at], found.get(column.name, 0.0))
            found[column.name] = float(values.max())  # not a number if one is
    return found


def pair(reference: Array, other: Array) -> Array:
    """For each finished row its counterpart: of the same class, the closest in box and score, each taken once.

    Rows are sorted by score, so that rounding alone changes their order.

    Args:
        reference: (N, 6+E), more rows than are asked for.
        other: (K, 6+E), K <= N.

    Returns:
        (K, 6+E), rows of the reference; infinite where there is no counterpart.
    """
    left = np.ones(len(reference), dtype=bool)
    found = np.full_like(other, np.inf, dtype=np.float64)
    for number, row in enumerate(other):
        candidates = np.flatnonzero(left & (reference[:, 5] == row[5]))
        if candidates.size:
            apart = np.abs(reference[candidates, :4] - row[:4]).max(axis=1) / TOLERANCES["boxes px"]
            apart += np.abs(reference[candidates, 4] - row[4]) / TOLERANCES["scores"]
            closest = candidates[int(np.argmin(apart))]
            left[closest] = False
            found[number] = reference[closest]
    return found


def ratio(apart: Mapping[str, float], own: Mapping[str, float], limit: float) -> float:
    """How many times the own rounding of the reference two outputs are apart, at their worst.

    Args:
        apart: from `differences`.
        own: the same keys; of the reference in two precisions.
        limit: what counts as different: TOLERANCES stay below it.
    """
    ratios = [apart[name] / max(own[name], TOLERANCES[name] / limit) for name in apart]
    return float(np.max(ratios))  # not a number if one is
