"""The layout "maps": outputs of the last convolutions of a head, decoded here for the anchors above the threshold.

`scripts/build_zip.sh` ends a model there and writes `head_maps` into its metadata, because most anchors are below the
threshold, and their boxes, class scores and extras need not be computed. For each of L strides the outputs are a map of
boxes (1, 4 * bins, h, w), then for each a map of class scores (1, C, h, w), then, except for detect, for each a map of
extras (1, E, h, w), and for segment the prototypes. Scores are logits; a box is a distribution over the bins for each
side, or with one bin the distance itself, in strides.

Source: ultralytics 8.4.190 `Detect`, `Pose`, `OBB`, nn/modules/head.py; `dist2bbox`, `dist2rbox`, utils/tal.py.
"""

import math
from typing import NamedTuple

import numpy as np

from function.arrays import Floats, Indices
from function.errors import UnusableModel
from function.metadata import ModelMetadata
from function.postprocess.layouts import MAPS, Candidates, Reading

SIDES = 4  # left, top, right, bottom
SATURATED = 8.0  # a logit; above it different logits have the same score in float32
ROUNDING = 1e-5  # relative, of a score: logits are compared with a threshold that is lower by this


class Level(NamedTuple):
    """Maps of one stride."""

    boxes: Floats  # (4 * bins, h, w)
    scores: Floats  # (C, h, w), logits
    extras: Floats  # (E, h, w), not decoded


class Anchors(NamedTuple):
    """Selected anchors of all strides, one in each column."""

    boxes: Floats  # (4 * bins, N)
    scores: Floats  # (C, N), logits
    extras: Floats  # (E, N), not decoded
    centers: Floats  # (2, N), x and y in strides
    strides: Floats  # (1, N), px


def read(metadata: ModelMetadata, outputs: list[Floats]) -> Reading:
    """Return the meaning of the outputs of a model.

    Args:
        metadata: of the model.
        outputs: every output of a run, (1, ...) float32 each.

    Raises:
        UnusableModel: the outputs are not these maps.
    """
    levels = _levels(metadata, outputs)
    extras = {"detect": 0, "obb": 1, "pose": math.prod(metadata.kpt_shape or (0,))}
    if metadata.task == "segment":
        extras["segment"] = outputs[-1].shape[1]
    for level in levels:
        (count, *grid), classes, extra = level.boxes.shape, level.scores.shape, level.extras.shape
        is_box = min(count, *grid) > 0 and count % SIDES == 0
        if not (is_box and classes == (len(metadata.names), *grid) and extra == (extras[metadata.task], *grid)):
            raise _unusable(metadata, outputs)
    return Reading(metadata, MAPS, tuple(range(len(outputs))))


def decode(outputs: list[Floats], metadata: ModelMetadata, input_wh: tuple[int, int], conf: float) -> Candidates:
    """Return the boxes whose best class has a score above the confidence threshold.

    Args:
        outputs: of a run, (1, ...) float32 each.
        metadata: of the model.
        input_wh: the tensor of that run, pixels.
        conf: scores must be above this; below 0: all anchors.

    Returns:
        N candidates in the order of the anchors: cxcywh, input pixels; N can be 0.
    """
    lowest = _logit(conf * (1 - ROUNDING))
    with np.errstate(over="ignore", invalid="ignore"):  # of exp(-logit), whose score is then 0; of maps with infinity
        anchors = _select(_levels(metadata, outputs), input_wh, lowest)
        class_ids, scores = _best_classes(anchors.scores)
        passed = np.flatnonzero(scores > conf)
        if passed.size < scores.size:
            anchors = Anchors(*(column[:, passed] for column in anchors))
            class_ids, scores = class_ids[passed], scores[passed]
        boxes, extras = _boxes_and_extras(anchors, metadata)
    return Candidates(np.ascontiguousarray(boxes.T), scores, class_ids.astype(np.int64), extras.T)


def _levels(metadata: ModelMetadata, outputs: list[Floats]) -> list[Level]:
    kinds = 2 if metadata.task == "detect" else 3
    maps = [output[0] for output in outputs]
    count, remainder = divmod(len(maps) - (metadata.task == "segment"), kinds)
    if remainder or count < 1 or any(one.ndim != 3 for one in maps) or metadata.task not in MAPS.tasks:
        raise _unusable(metadata, outputs)
    maps = maps[: count * kinds]
    if kinds == 2:
        maps += [one[:0] for one in maps[:count]]
    return [Level(*maps[position::count]) for position in range(count)]


def _unusable(metadata: ModelMetadata, outputs: list[Floats]) -> UnusableModel:
    shapes = " and ".join(str(output.shape) for output in outputs)
    return UnusableModel(
        f"the outputs of a model with head_maps must be {MAPS.shape} for {metadata.task}, got {shapes}"
    )


def _select(levels: list[Level], input_wh: tuple[int, int], lowest: float) -> Anchors:
    """Return the anchors with a class score of at least `lowest`, a logit."""
    selected: list[Anchors] = []
    for level in levels:
        scores = level.scores.reshape(len(level.scores), -1)
        passed = np.flatnonzero(scores.max(axis=0) >= lowest)
        if passed.size:
            selected.append(_take(level, passed, input_wh))
    if len(selected) > 1:
        return Anchors(*(np.concatenate(columns, axis=1) for columns in zip(*selected, strict=True)))
    return selected[0] if selected else _take(levels[0], np.empty(0, np.intp), input_wh)


def _take(level: Level, cells: Indices, input_wh: tuple[int, int]) -> Anchors:
    """Return the anchors of some cells of a grid, (N,)."""
    _, height, width = level.boxes.shape
    boxes, scores, extras = (values.reshape(-1, height * width).take(cells, axis=1) for values in level)
    centers = np.array((cells % width, cells // width), dtype=np.float32) + np.float32(0.5)
    strides = np.full((1, cells.size), input_wh[0] // width, dtype=np.float32)
    return Anchors(boxes, scores, extras, centers, strides)


def _best_classes(logits: Floats) -> tuple[Indices, Floats]:
    """Return the best class of each column and its score; of classes with the same score, the first."""
    best = logits.argmax(axis=0)
    saturated = np.flatnonzero(logits[best, np.arange(best.size)] > SATURATED)
    if saturated.size:
        best[saturated] = _sigmoid(logits[:, saturated]).argmax(axis=0)
    return best, _sigmoid(logits[best, np.arange(best.size)])


def _boxes_and_extras(anchors: Anchors, metadata: ModelMetadata) -> tuple[Floats, Floats]:
    """Return boxes (4, N), cxcywh in input pixels, and extras (E, N) as of the layout "anchors"."""
    distances = _distances(anchors.boxes)
    before, after = distances[:2], distances[2:]  # left and top, right and bottom
    if metadata.task == "obb":
        angles = (_sigmoid(anchors.extras) - np.float32(0.25)) * np.float32(math.pi)
        cosine, sine = np.cos(angles), np.sin(angles)
        x, y = np.split((after - before) / 2, 2)
        centers = np.concatenate((x * cosine - y * sine, x * sine + y * cosine)) + anchors.centers
        return np.concatenate((centers, before + after)) * anchors.strides, angles
    low, high = anchors.centers - before, anchors.centers + after
    boxes = np.concatenate(((low + high) / 2, high - low)) * anchors.strides
    return boxes, _keypoints(anchors, metadata.kpt_shape) if metadata.kpt_shape else anchors.extras


def _distances(boxes: Floats) -> Floats:
    """Return the distances (4, N) of the sides from the centers, in strides: the mean of each distribution."""
    bins = boxes.shape[0] // SIDES
    if bins == 1:
        return boxes
    values = boxes.reshape(SIDES, bins, -1).transpose(1, 0, 2).reshape(bins, -1)  # NumPy is fast along the first axis
    weights = np.exp(values - values.max(axis=0))
    distances: Floats = np.arange(bins, dtype=np.float32) @ weights / weights.sum(axis=0)
    return distances.reshape(SIDES, -1)


def _keypoints(anchors: Anchors, kpt_shape: tuple[int, int]) -> Floats:
    """Return keypoints (P * D, N): x and y in input pixels and, if D is 3, the confidence."""
    values = anchors.extras.reshape(*kpt_shape, -1)
    points = (values[:, :2] * 2 + (anchors.centers - np.float32(0.5))) * anchors.strides
    return np.concatenate((points, _sigmoid(values[:, 2:])), axis=1).reshape(len(anchors.extras), -1)


def _sigmoid(values: Floats) -> Floats:
    result: Floats = np.float32(1) / (np.float32(1) + np.exp(-values))
    return result


def _logit(probability: float) -> float:
    if not 0 < probability < 1:
        return -math.inf if probability <= 0 else math.inf
    return math.log(probability / (1 - probability))
