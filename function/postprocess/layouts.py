"""Output layouts: a table of every supported layout of raw model output, and the decoder of each.

A layout is the shape of an output and the meaning of its numbers. It is chosen once, when the model is loaded; where
several layouts have the same shape, the values of the first run decide (evidence.py). It is independent of the
task (boxes, masks, keypoints): the numbers of a row after the class scores are returned as `extras`.

In the shapes C is the number of classes, A of anchors, K of rows, and E of extras: 0 for detect, the mask coefficients
for segment, keypoints x dimensions for pose, 1 (the angle) for obb.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats, Indices, Ints
from function.errors import InternalError, UnusableModel
from function.metadata import DENSE_TASKS, ModelMetadata
from function.postprocess.boxes import xyxy_from_cxcywh

RTDETR_HEAD = "RTDETRDecoder"  # ultralytics 8.4.190 nn/modules/head.py; older exports name it in their description
UNSTATED_TASKS = ("detect", "segment", "classify")  # the YOLOv5 repository does not write the task
SCORE_TOLERANCE = 1e-2  # of values 0..1; quantized outputs are rounded
MAP_STRIDES = (2, 4, 8, 16, 32, 64, 128)

Shape = tuple[int, ...]


class UndecidedLayout(UnusableModel):
    """Output whose shape fits a layout that neither the metadata nor the values confirm."""


class Candidates(NamedTuple):
    """Boxes above the confidence threshold, before NMS."""

    boxes: Floats  # (N, 4), input pixels: xyxy; for rotated boxes cxcywh
    scores: Floats  # (N,), 0..1
    class_ids: Ints  # (N,)
    extras: Floats  # (N, E)

    def take(self, rows: Indices | slice) -> "Candidates":
        """Return the selected candidates, in the order of `rows`."""
        return Candidates(self.boxes[rows], self.scores[rows], self.class_ids[rows], self.extras[rows])


class ModelShape(NamedTuple):
    """Metadata and shapes of a model."""

    metadata: ModelMetadata
    shape: tuple[int, ...]  # of the first output, for a batch of one
    extra_count: int  # E
    is_task_stated: bool  # by the file

    @property
    def class_count(self) -> int:
        """Number of classes, C."""
        return len(self.metadata.names)

    @property
    def row_length(self) -> int:
        """Length of the last dimension; 0 unless there are three dimensions."""
        return self.shape[2] if len(self.shape) == 3 else 0


class Layout(NamedTuple):
    """One row of the table."""

    name: str
    shape: str  # for messages
    tasks: tuple[str, ...]
    matches: Callable[[ModelShape], bool]
    decode: Callable[[Floats, int, float], Candidates]  # first output (1, ...), C, confidence
    boxes: str  # xyxy or cxcywh; for rotated boxes always cxcywh
    needs_nms: bool  # the output contains overlapping boxes
    preprocessing: str  # how an image becomes the model input: letterbox, stretch or crop
    softmax: bool = False  # the scores are logits


class Reading(NamedTuple):
    """Interpretation of the outputs of a model."""

    metadata: ModelMetadata  # with the task that the outputs have, if the file does not state one
    layout: Layout
    outputs: tuple[int, ...]  # positions of the outputs that are read: the predictions, and for segment the prototypes


BOX_TASKS = ("detect", "segment", "pose", "obb")


def _anchors(output: Floats, class_count: int, conf: float) -> Candidates:
    """Decode (1, 4+C+E, A): a column for each anchor; only its best class counts.

    Source: ultralytics 8.4.190 `non_max_suppression`, utils/nms.py.
    """
    rows = output[0]  # (4+C+E, A)
    classes = rows[4 : 4 + class_count]
    passed = np.flatnonzero(classes.max(axis=0) > conf)  # (N,)
    scores = classes[:, passed]  # (C, N)
    best = scores.argmax(axis=0)  # (N,)
    boxes_cxcywh, extras = rows[:4, passed].T, rows[4 + class_count :, passed].T
    return Candidates(np.ascontiguousarray(boxes_cxcywh), scores[best, np.arange(best.size)], _ids(best), extras)


def _objectness(output: Floats, class_count: int, conf: float) -> Candidates:
    """Decode (1, A, 5+C+E): a row for each anchor; the score is the class score times the objectness.

    Source: the YOLOv5 repository, release 7.0, `non_max_suppression`, utils/general.py.
    """
    rows = output[0][output[0][:, 4] > conf]  # (M, 5+C+E)
    scores = rows[:, 5 : 5 + class_count] * rows[:, 4:5]  # (M, C)
    best = scores.argmax(axis=1)
    best_scores = scores[np.arange(best.size), best]
    passed = best_scores > conf
    return Candidates(rows[passed, :4], best_scores[passed], _ids(best[passed]), rows[passed, 5 + class_count :])


def _end_to_end(output: Floats, _class_count: int, conf: float) -> Candidates:
    """Decode (1, K, 6+E): box, score, class, extras; empty rows have the score 0.

    Source: ultralytics 8.4.190 `Detect.postprocess`, nn/modules/head.py, and `NMSModel`, engine/exporter.py.
    """
    rows = output[0][output[0][:, 4] > conf]
    return Candidates(rows[:, :4], rows[:, 4], _ids(rows[:, 5]), rows[:, 6:])


def _queries(output: Floats, class_count: int, conf: float) -> Candidates:
    """Decode (1, K, 4+C): a row for each query; boxes as center and size, relative to the input size.

    Source: ultralytics 8.3.0 `RTDETRPredictor.postprocess`, models/rtdetr/predict.py.
    """
    rows = output[0]
    best = rows[:, 4:].argmax(axis=1)
    scores = rows[np.arange(best.size), 4 + best]
    passed = np.flatnonzero(scores > conf)
    passed = passed[np.argsort(-scores[passed], kind="stable")]  # queries are not sorted
    return Candidates(rows[passed, :4], scores[passed], _ids(best[passed]), rows[passed, 4 + class_count :])


def no_boxes(_output: Floats, _class_count: int, _conf: float) -> Candidates:
    """Raise TypeError: the output of a model for classification, semantic segmentation or depth has no boxes."""
    raise TypeError("the output of this model has no boxes")


def _is_maps(model: ModelShape) -> bool:
    return model.metadata.head_maps


def _is_probabilities(model: ModelShape) -> bool:
    return model.shape[1:] == (model.class_count,)


def _is_logits(model: ModelShape) -> bool:
    return model.shape[1:] == (model.class_count,) and not model.is_task_stated


def _is_end_to_end_queries(model: ModelShape) -> bool:
    return model.row_length == 6 and model.metadata.head == RTDETR_HEAD


def _is_queries(model: ModelShape) -> bool:
    return not model.metadata.end2end and model.row_length == 4 + model.class_count and _is_rtdetr(model.metadata)


def _is_anchors(model: ModelShape) -> bool:
    rows = 4 + model.class_count + model.extra_count
    return not _is_final(model.metadata) and model.row_length > 0 and model.shape[1] == rows


def _is_objectness(model: ModelShape) -> bool:
    return not _is_final(model.metadata) and model.row_length == 5 + model.class_count + model.extra_count


def _is_end_to_end(model: ModelShape) -> bool:
    return model.row_length == 6 + model.extra_count and not _is_rtdetr(model.metadata)


def _is_final(metadata: ModelMetadata) -> bool:
    return metadata.end2end or _is_rtdetr(metadata)


def _is_rtdetr(metadata: ModelMetadata) -> bool:
    if metadata.head:
        return metadata.head == RTDETR_HEAD
    name = metadata.description.partition(" model")[0]  # "Ultralytics RT-DETR-l model trained on ..."
    return "rtdetr" in name.lower().replace("-", "")


# Rows that depend on the metadata come before rows that depend on the shape. Of several rows that fit, the first one
# that the values confirm is used: the ids and the order of end-to-end rows are the clearest evidence.
LAYOUTS = (
    Layout("probabilities", "(1, C)", ("classify",), _is_probabilities, no_boxes, "", False, "crop"),
    Layout("logits", "(1, C)", ("classify",), _is_logits, no_boxes, "", False, "crop", softmax=True),
    Layout(
        "end-to-end queries", "(1, K, 6)", ("detect",), _is_end_to_end_queries, _end_to_end, "cxcywh", False, "stretch"
    ),
    Layout("queries", "(1, K, 4+C)", ("detect",), _is_queries, _queries, "cxcywh", False, "stretch"),
    Layout("end-to-end", "(1, K, 6+E)", BOX_TASKS, _is_end_to_end, _end_to_end, "xyxy", False, "letterbox"),
    Layout("anchors", "(1, 4+C+E, A)", BOX_TASKS, _is_anchors, _anchors, "cxcywh", True, "letterbox"),
    Layout(
        "objectness", "(1, A, 5+C+E)", ("detect", "segment"), _is_objectness, _objectness, "cxcywh", True, "letterbox"
    ),
)


MAPS = Layout(  # of models that scripts/build_zip.sh ends at their last convolutions; head_maps.py decodes them
    "maps",
    "(1, 4*bins, h, w), (1, C, h, w) and, if E is not 0, (1, E, h, w) for each stride",
    BOX_TASKS,
    _is_maps,
    no_boxes,
    "cxcywh",
    True,
    "letterbox",
)


def choose(metadata: ModelMetadata, input_hw: tuple[int, int], outputs: list[Floats]) -> Reading:
    """Return the meaning of the outputs of a model.

    Args:
        metadata: of the model; the task is "" if the file does not state one.
        input_hw: input of a run, pixels.
        outputs: every output of that run, (1, ...) float32 each.

    Raises:
        UndecidedLayout: layouts fit, and the values confirm none of them; another input may give clearer values.
        UnusableModel: no layout fits; the message names the actual shapes and the supported layouts.
    """
    if metadata.head_maps:
        from function.postprocess import head_maps  # imported here, because other models do not need it

        return head_maps.read(metadata, outputs)
    if metadata.task in DENSE_TASKS:
        from function.postprocess import dense  # imported here, because other models do not need it

        return dense.read(metadata, outputs)
    shapes = [output.shape for output in outputs]
    readings = list(_fitting(metadata, input_hw, shapes))
    if not readings:
        raise UnusableModel(_no_layout(metadata, shapes))
    if len(readings) == 1 and _is_decided_by_shape(readings[0], outputs[0]):
        return readings[0]
    from function.postprocess import evidence  # imported here, because few models need it

    for reading in readings:
        if evidence.confirms(reading.layout.name, reading.metadata.task, outputs[0], len(metadata.names)) and (
            len(set(outputs[0].shape[1:])) > 1 or _is_not_transposed(reading, outputs[0])
        ):
            return reading
    raise UndecidedLayout(_undecided(readings, shapes[0]))


def _is_decided_by_shape(reading: Reading, output: Floats) -> bool:
    """Return whether the only layout that fits needs no evidence from `evidence.py`."""
    if reading.layout.name == "end-to-end":
        return reading.metadata.end2end
    # With as many anchors as numbers for each, the transposed layout, which is not supported, has the same shape.
    return not reading.layout.needs_nms or output.shape[1] != output.shape[2] or _is_not_transposed(reading, output)


def _is_not_transposed(reading: Reading, output: Floats) -> bool:
    """Return whether the values of a square output are scores where the layout has them, but not after a transpose."""
    if not reading.layout.needs_nms:
        return True
    count = len(reading.metadata.names)
    scores = _scores(reading.layout, output, count)
    return bool(scores.any()) and _are_scores(scores) and not _are_scores(_scores(reading.layout, output.mT, count))


def check_values(reading: Reading, outputs: list[Floats]) -> None:
    """Check that the scores of the first run are what the layout says.

    Raises:
        UnusableModel: scores that are not finite or not from 0 to 1, or probabilities whose sum is not 1.
    """
    scores = _scores(reading.layout, outputs[0], len(reading.metadata.names))
    if not _are_scores(scores):
        expected, got = "scores from 0 to 1", f"{float(scores.min()):.4g} to {float(scores.max()):.4g}"
    elif reading.layout.name == "probabilities" and abs(float(scores.sum()) - 1) > SCORE_TOLERANCE:
        expected, got = "probabilities whose sum is 1", f"a sum of {float(scores.sum()):.4g}"
    else:
        return
    layout = reading.layout
    raise UnusableModel(f"the model output {layout.shape} ({layout.name}) must have {expected}, got {got}")


def _scores(layout: Layout, output: Floats, class_count: int) -> Floats:
    """Return the scores in an output, also the objectness; none for final rows and logits."""
    scores: Floats = output[:0]
    if layout.name == "probabilities":
        scores = output[0]
    elif layout.name == "anchors":
        scores = output[0, 4 : 4 + class_count]
    elif layout.name in ("objectness", "queries"):
        scores = output[0, :, 4 : 4 + class_count + (layout.name == "objectness")]
    return scores


def _are_scores(values: Floats) -> bool:
    """Return whether values are from 0 to 1, none of them NaN."""
    return not values.size or bool(values.min() >= -SCORE_TOLERANCE and values.max() <= 1 + SCORE_TOLERANCE)


def _fitting(metadata: ModelMetadata, input_hw: tuple[int, int], shapes: list[Shape]) -> Iterator[Reading]:
    """Yield every interpretation that the metadata and the shapes allow."""
    for task in (metadata.task,) if metadata.task else UNSTATED_TASKS:
        stated = metadata._replace(task=task)
        for used in _used_outputs(task, shapes):
            model = _model_shape(stated, shapes, used, bool(metadata.task))
            others = [shape for position, shape in enumerate(shapes) if position not in used]
            for layout in LAYOUTS:
                if (
                    task in layout.tasks
                    and model.shape[:1] == (1,)
                    and layout.matches(model)
                    and all(_is_ignored(layout, model, shape, input_hw) for shape in others)
                ):
                    yield Reading(stated, layout, used)


def _used_outputs(task: str, shapes: list[Shape]) -> list[tuple[int, ...]]:
    """Return the positions of the outputs that a task can read: the first, and for segment each possible prototype."""
    if task != "segment":
        return [(0,)] if shapes else []
    return [(0, position) for position, shape in enumerate(shapes) if position and len(shape) == 4]


def _model_shape(
    metadata: ModelMetadata, shapes: list[Shape], used: tuple[int, ...], is_task_stated: bool
) -> ModelShape:
    extras = 1 if metadata.task == "obb" else 0
    if metadata.task == "segment":
        extras = shapes[used[1]][1]
    elif metadata.task == "pose" and metadata.kpt_shape:
        extras = metadata.kpt_shape[0] * metadata.kpt_shape[1]
    return ModelShape(metadata, shapes[0], extras, is_task_stated)


def _is_ignored(layout: Layout, model: ModelShape, shape: Shape, input_hw: tuple[int, int]) -> bool:
    """Return whether an additional output holds nothing to read: a feature map, or an auxiliary head.

    Source: the YOLOv5 repository, release 6.1, exports the maps of its heads; the YOLOv9 repository two or three heads.
    """
    return shape[:1] == (1,) and (_is_map(shape, input_hw) or layout.matches(model._replace(shape=shape)))


def _is_map(shape: Shape, input_hw: tuple[int, int]) -> bool:
    """Return whether two neighboring sides are the input divided by a stride."""
    grids = {(input_hw[0] // stride, input_hw[1] // stride) for stride in MAP_STRIDES}
    return len(shape) in (4, 5) and any(sides in grids for sides in pairwise(shape[1:]))


def _no_layout(metadata: ModelMetadata, shapes: list[Shape]) -> str:
    tasks = (metadata.task,) if metadata.task else UNSTATED_TASKS
    supported = ", ".join(f"{layout.shape} ({layout.name})" for layout in LAYOUTS if {*tasks} & {*layout.tasks})
    if metadata.kpt_shape:
        supported += f" with E = {metadata.kpt_shape[0] * metadata.kpt_shape[1]}"
    supported += " and the prototypes (1, E, h, w)" if metadata.task == "segment" else ""
    actual = f"{' and '.join(map(str, shapes))} with {len(metadata.names)} class names"
    actual += " and end2end" if metadata.end2end else ""
    # Only weights of ultralytics can be exported again, and its exports state their task.
    hint = "; `python -m export best.pt` writes a supported layout" if metadata.task else ""
    return f"the model outputs for {' or '.join(tasks)} must be one of {supported}, got {actual}{hint}"


def _undecided(readings: list[Reading], shape: Shape) -> str:
    possible = " or ".join(f"{reading.layout.shape} ({reading.layout.name})" for reading in readings)
    reason = f"the model output {shape} can be {possible}, and the values of a test run do not confirm it"
    if all(reading.layout.name != "end-to-end" for reading in readings):
        return f"{reason}: it can also be transposed, which is not supported"
    hint = "if its rows are final (x1, y1, x2, y2 in pixels, score, class id)"
    return f"{reason}; {hint}, set end2end to True in the metadata of the file"


def decode(
    layout: Layout,
    outputs: list[Floats],
    metadata: ModelMetadata,
    input_wh: tuple[int, int],
    conf: float | Floats,
    class_ids: Ints | None,
) -> Candidates:
    """Return the boxes whose score is above the confidence threshold.

    Args:
        layout: from `choose`.
        outputs: (1, ...) float32 each, the outputs of a run that are read; the first one has the predictions.
        metadata: of the model.
        input_wh: the tensor of that run, pixels.
        conf: scores must be above this, 0..1; (C,) float32: a threshold for each class.
        class_ids: return only these classes; None: all. A box belongs to its best class even if that is filtered out.

    Returns:
        N candidates in the order of the output; N can be 0.

    Raises:
        InternalError: the output contains a class id for which the model has no name.
    """
    lowest = float(conf.min()) if isinstance(conf, np.ndarray) else conf
    if layout.name == MAPS.name:
        from function.postprocess import head_maps  # imported here, because other models do not need it

        candidates = head_maps.decode(outputs, metadata, input_wh, lowest)
    else:
        candidates = layout.decode(outputs[0], len(metadata.names), lowest)
    ids = candidates.class_ids
    if ids.size and not 0 <= ids.min() <= ids.max() < len(metadata.names):
        raise InternalError(f"model output contains a class id that is none of its {len(metadata.names)} classes")
    if class_ids is not None:
        candidates = candidates.take(np.flatnonzero(np.isin(ids, class_ids)))
    if isinstance(conf, np.ndarray):
        candidates = candidates.take(np.flatnonzero(candidates.scores > conf[candidates.class_ids]))
    if layout.boxes == "cxcywh" and metadata.task != "obb":
        candidates = candidates._replace(boxes=xyxy_from_cxcywh(candidates.boxes))
    if layout.preprocessing == "stretch":  # boxes are relative to the input size
        candidates = candidates._replace(boxes=candidates.boxes * np.array(input_wh * 2, dtype=np.float32))
    return candidates


def _ids(values: NDArray[np.generic]) -> Ints:
    return values.astype(np.int64)
