"""Which decoder reads a model: one table of every layout that is known, and what of a raw output passes the threshold.

A layout is the shape of an output and the meaning of its numbers; it is chosen once, when the model is loaded. A task
(boxes, masks, keypoints) is another thing: what stands behind the class scores of a row is passed on as `extras`.

In the shapes C is the number of classes, A of anchors, K of rows, and E of extras: 0 to detect, the mask coefficients
to segment, keypoints x dimensions for poses, 1 (the angle) for rotated boxes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats, Ints
from function.errors import InternalError, UnusableModel
from function.metadata import ModelMetadata
from function.postprocess.boxes import xyxy_from_cxcywh

RTDETR_HEAD = "RTDETRDecoder"  # ultralytics 8.4.190 nn/modules/head.py; older exports say it in their description

Shapes = list[tuple[int, ...]]


class Candidates(NamedTuple):
    """What passed the confidence threshold, before NMS."""

    boxes: Floats  # (N, 4), input pixels: xyxy, and cxcywh where boxes are rotated
    scores: Floats  # (N,), 0..1
    class_ids: Ints  # (N,)
    extras: Floats  # (N, E)

    def take(self, rows: NDArray[np.intp] | slice) -> "Candidates":
        """Some of them, in that order."""
        return Candidates(self.boxes[rows], self.scores[rows], self.class_ids[rows], self.extras[rows])


class ModelShape(NamedTuple):
    """A model that a layout is looked for."""

    metadata: ModelMetadata
    input_hw: tuple[int, int]  # pixels of the run
    shape: tuple[int, ...]  # of its first output, a batch of one
    extras: int  # E

    @property
    def classes(self) -> int:
        """C."""
        return len(self.metadata.names)

    @property
    def row(self) -> int:
        """How many numbers stand in the last dimension; 0 unless there are three."""
        return self.shape[2] if len(self.shape) == 3 else 0


class Layout(NamedTuple):
    """One row of the table."""

    name: str
    shape: str  # for messages
    tasks: tuple[str, ...]
    fits: Callable[[ModelShape], bool]
    decode: Callable[[Floats, int, float], Candidates]  # first output (1, ...), C, confidence
    boxes: str  # xyxy or cxcywh; where they are rotated always the latter
    needs_nms: bool  # NMS is left to us
    preprocessing: str  # how the picture is made the network's input: letterbox, stretch or crop


BOXED = ("detect", "segment", "pose", "obb")


def _anchors(output: Floats, class_count: int, conf: float) -> Candidates:
    """(1, 4+C+E, A): a column for each anchor; its best class counts.

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
    """(1, A, 5+C): a row for each anchor; a score is the class score times the objectness.

    Source: the YOLOv5 repository, release 7.0, `non_max_suppression`, utils/general.py.
    """
    rows = output[0][output[0][:, 4] > conf]  # (M, 5+C)
    scores = rows[:, 5:] * rows[:, 4:5]  # (M, C)
    best = scores.argmax(axis=1)
    best_scores = scores[np.arange(best.size), best]
    passed = best_scores > conf
    return Candidates(rows[passed, :4], best_scores[passed], _ids(best[passed]), rows[passed, 5 + class_count :])


def _end_to_end(output: Floats, _class_count: int, conf: float) -> Candidates:
    """(1, K, 6+E): box, score, class, extras; rows that are nothing have the score 0.

    Source: ultralytics 8.4.190 `Detect.postprocess`, nn/modules/head.py, and `NMSModel`, engine/exporter.py.
    """
    rows = output[0][output[0][:, 4] > conf]
    return Candidates(rows[:, :4], rows[:, 4], _ids(rows[:, 5]), rows[:, 6:])


def _queries(output: Floats, class_count: int, conf: float) -> Candidates:
    """(1, K, 4+C): a row for each query; boxes as center and size, in shares of the input.

    Source: ultralytics 8.3.0 `RTDETRPredictor.postprocess`, models/rtdetr/predict.py.
    """
    rows = output[0]
    best = rows[:, 4:].argmax(axis=1)
    scores = rows[np.arange(best.size), 4 + best]
    passed = np.flatnonzero(scores > conf)
    passed = passed[np.argsort(-scores[passed], kind="stable")]  # queries come in no order
    return Candidates(rows[passed, :4], scores[passed], _ids(best[passed]), rows[passed, 4 + class_count :])


def _no_boxes(_output: Floats, _class_count: int, _conf: float) -> Candidates:
    raise TypeError("an answer about a whole picture has no boxes")


def _is_probabilities(model: ModelShape) -> bool:
    return model.shape[1:] == (model.classes,)


def _is_finished_queries(model: ModelShape) -> bool:
    return model.row == 6 and model.metadata.head == RTDETR_HEAD


def _is_queries(model: ModelShape) -> bool:
    return not model.metadata.end2end and model.row == 4 + model.classes and _states_rtdetr(model.metadata)


def _is_anchors(model: ModelShape) -> bool:
    return not model.metadata.end2end and model.row > 0 and model.shape[1] == 4 + model.classes + model.extras


def _is_objectness(model: ModelShape) -> bool:
    if model.metadata.end2end or model.row != 5 + model.classes:
        return False
    # With one class a row has six numbers, as a finished one has: then the count of anchors tells.
    return model.classes > 1 or model.shape[1] in _anchor_counts(model.input_hw)


def _is_finished(model: ModelShape) -> bool:
    return model.row == 6 + model.extras and not _states_rtdetr(model.metadata)


def _states_rtdetr(facts: ModelMetadata) -> bool:
    if facts.head:
        return facts.head == RTDETR_HEAD
    name = facts.description.partition(" model")[0]  # "Ultralytics RT-DETR-l model trained on ..."
    return "rtdetr" in name.lower().replace("-", "")


def _anchor_counts(input_hw: tuple[int, int]) -> list[int]:
    """Of three anchors in each cell of three and of four strides."""
    cells = [(input_hw[0] // stride) * (input_hw[1] // stride) for stride in (8, 16, 32, 64)]
    return [3 * sum(cells[:3]), 3 * sum(cells)]


# What a model states of itself decides before its shape does: the first row that fits is taken.
LAYOUTS = (
    Layout("probabilities", "(1, C)", ("classify",), _is_probabilities, _no_boxes, "", False, "crop"),
    Layout(
        "queries, finished", "(1, K, 6)", ("detect",), _is_finished_queries, _end_to_end, "cxcywh", False, "stretch"
    ),
    Layout("queries", "(1, K, 4+C)", ("detect",), _is_queries, _queries, "cxcywh", False, "stretch"),
    Layout("anchors", "(1, 4+C+E, A)", BOXED, _is_anchors, _anchors, "cxcywh", True, "letterbox"),
    Layout("objectness", "(1, A, 5+C)", ("detect",), _is_objectness, _objectness, "cxcywh", True, "letterbox"),
    Layout("end-to-end", "(1, K, 6+E)", BOXED, _is_finished, _end_to_end, "xyxy", False, "letterbox"),
)


def choose(facts: ModelMetadata, input_hw: tuple[int, int], shapes: Shapes) -> Layout:
    """The layout of a model.

    Args:
        facts: what the model states of itself.
        input_hw: pixels of a real run.
        shapes: of every output of that run, a batch of one.

    Raises:
        UnusableModel: none fits; the message has the shapes that were found and the layouts that are known.
    """
    outputs = 2 if facts.task == "segment" else 1
    extras = _extras(facts, shapes)
    if len(shapes) == outputs and shapes[0][:1] == (1,) and extras is not None:
        model = ModelShape(facts, input_hw, shapes[0], extras)
        for layout in LAYOUTS:
            if facts.task in layout.tasks and layout.fits(model):
                return layout
    found = " and ".join(str(shape) for shape in shapes)
    known = ", ".join(f"{one.shape} ({one.name})" for one in LAYOUTS if facts.task in one.tasks)
    behind = f" with E = {extras}" if extras else ""
    masks = " and the prototypes (1, M, h, w)" if outputs == 2 else ""
    raise UnusableModel(
        f"the model's outputs are {found} with {len(facts.names)} class names{' and end2end' if facts.end2end else ''};"
        f" known for {facts.task} are {known}{behind}{masks}. `python -m export best.pt` writes one of them"
    )


def _extras(facts: ModelMetadata, shapes: Shapes) -> int | None:
    """E, or None where it cannot be known."""
    if facts.task == "segment":
        return shapes[1][1] if len(shapes) == 2 and len(shapes[1]) == 4 else None
    if facts.task == "pose":
        return facts.kpt_shape[0] * facts.kpt_shape[1] if facts.kpt_shape else None
    return 1 if facts.task == "obb" else 0


def decode(
    layout: Layout,
    output: Floats,
    facts: ModelMetadata,
    input_wh: tuple[int, int],
    conf: float,
    class_ids: Ints | None,
) -> Candidates:
    """What passes the confidence threshold.

    Args:
        layout: as `choose` said.
        output: (1, ...) float32, the first output of a run.
        facts: of the model.
        input_wh: of the tensor that was run, pixels.
        conf: scores must be above this, 0..1.
        class_ids: only these classes; None for all. A box belongs to its best class, wanted or not.

    Returns:
        N candidates in the order of the output; N may be 0.

    Raises:
        InternalError: a class that the model has no name for.
    """
    found = layout.decode(output, len(facts.names), conf)
    if found.class_ids.size and not 0 <= found.class_ids.min() <= found.class_ids.max() < len(facts.names):
        raise InternalError(f"the network answered a class that is none of its {len(facts.names)}")
    if class_ids is not None:
        found = found.take(np.flatnonzero(np.isin(found.class_ids, class_ids)))
    if layout.boxes == "cxcywh" and facts.task != "obb":
        found = found._replace(boxes=xyxy_from_cxcywh(found.boxes))
    if layout.preprocessing == "stretch":  # boxes in shares of the input
        found = found._replace(boxes=found.boxes * np.array(input_wh * 2, dtype=np.float32))
    return found


def _ids(values: NDArray[np.generic]) -> Ints:
    return values.astype(np.int64)
