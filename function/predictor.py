"""One request to one prediction: the flow of the whole function, top to bottom."""

from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from function import model
from function.arrays import Floats, Ints
from function.errors import InternalError, InvalidOption
from function.metadata import ModelMetadata
from function.model import Model
from function.postprocess import boxes, classify, layouts, obb, pose, segment
from function.postprocess.layouts import Candidates
from function.postprocess.segment import Masks
from function.preprocess import center_crop, image, letterbox, pixels
from function.preprocess.letterbox import Letterbox
from function.request import Options, Request
from function.results import UNTIMED, Classification, Prediction, Timing
from function.settings import Settings


class ResolvedOptions(NamedTuple):
    """The options of one request with every default filled in."""

    conf: float
    iou: float
    max_det: int
    class_ids: Ints | None
    agnostic: bool


def predict(served: Model, settings: Settings, request: Request) -> Prediction | Classification:
    """Find the objects in one picture, or say what it is.

    Raises:
        UnsupportedImage: the bytes are no picture that is read here.
        TooLarge: the picture has more pixels than the limit.
        InvalidOption: a class that the model does not have.
        InternalError: the network answered something that is no box.
    """
    limits = _resolve_options(settings, request.options, served.metadata.names)
    started = perf_counter()
    enough = partial(_decode_target, served) if settings.fast_decode else None
    picture, size_wh = image.read_enough(request.image, settings.max_image_pixels, enough)
    read = perf_counter()
    box = _fit(served, size_wh)
    tensor = (
        letterbox.paint(pixels.pixels(picture), box) if box else center_crop.paint(picture, served.metadata.imgsz_hw)
    )
    painted = perf_counter()
    outputs = model.run(served, tensor)
    ran = perf_counter()
    if box is None:
        result: Prediction | Classification = _classified(served.metadata, outputs[0], picture, request)
    else:
        result = _detected(served, outputs, box, limits, request)
    timing = Timing(*(1000 * step for step in (read - started, painted - read, ran - painted, perf_counter() - ran)))
    return result._replace(timing=timing)


def _fit(served: Model, size_wh: tuple[int, int]) -> Letterbox | None:
    """Where the picture goes in the network's input; None for a task that looks at its center and finds no place."""
    facts = served.metadata
    if served.layout.preprocessing == "crop":
        return None
    if served.layout.preprocessing == "stretch":
        return letterbox.stretch(size_wh, facts.imgsz_hw)
    return letterbox.fit(size_wh, facts.imgsz_hw, facts.stride, facts.rectangular)


def _decode_target(served: Model, size_wh: tuple[int, int]) -> tuple[int, int]:
    """How much of a large picture is worth decoding; all of it where it is not put into a letterbox."""
    box = _fit(served, size_wh)
    return letterbox.resized_wh(box) if box else size_wh


def _classified(facts: ModelMetadata, output: Floats, picture: Image.Image, request: Request) -> Classification:
    (probabilities,) = output
    if not np.isfinite(probabilities).all():
        raise InternalError("the network answered probabilities that are no finite numbers")
    best = classify.top(probabilities)
    return Classification(request.image_name, picture.size, probabilities[best], best, facts, UNTIMED)


def _detected(
    served: Model, outputs: list[Floats], box: Letterbox, limits: ResolvedOptions, request: Request
) -> Prediction:
    facts = served.metadata
    input_wh = (box.input_w, box.input_h)
    found = layouts.decode(served.layout, outputs[0], facts, input_wh, limits.conf, limits.class_ids)
    found = found.take(_suppress(served, found, limits))
    if not all(np.isfinite(column).all() for column in (found.boxes, found.scores, found.extras)):
        raise InternalError("the network answered boxes or scores that are no finite numbers")
    size_wh = (box.image_w, box.image_h)
    if facts.task == "obb":
        turned = obb.undo(np.hstack((found.boxes, found.extras)), box)
        upright = obb.enclosing(obb.corners(turned))
        result = Prediction(request.image_name, size_wh, upright, found.scores, found.class_ids, facts, UNTIMED)
        return _require_finite(result._replace(boxes_cxcywhr=turned))
    upright = letterbox.undo(found.boxes, box)
    result = Prediction(request.image_name, size_wh, upright, found.scores, found.class_ids, facts, UNTIMED)
    if facts.task == "segment":
        masks = segment.find(found.extras, found.boxes, upright, outputs[1][0], box, request.options.masks)
        return _require_finite(_masked(result, masks))
    if facts.kpt_shape:
        return _require_finite(result._replace(keypoints=pose.keypoints(found.extras, facts.kpt_shape, box)))
    return _require_finite(result)


def _suppress(served: Model, found: Candidates, limits: ResolvedOptions) -> NDArray[np.intp] | slice:
    """What NMS keeps; of an output that is finished the first rows."""
    if not served.layout.needs_nms:
        return slice(limits.max_det)
    class_ids = np.zeros_like(found.class_ids) if limits.agnostic else found.class_ids
    if served.metadata.task == "obb":
        return obb.nms(np.hstack((found.boxes, found.extras)), found.scores, class_ids, limits.iou, limits.max_det)
    return boxes.nms(found.boxes, found.scores, class_ids, limits.iou, limits.max_det)


def _masked(result: Prediction, masks: Masks) -> Prediction:
    rows = masks.rows
    return result._replace(
        boxes_xyxy=result.boxes_xyxy[rows], scores=result.scores[rows], class_ids=result.class_ids[rows], masks=masks
    )


def _require_finite(result: Prediction) -> Prediction:
    places = (result.boxes_xyxy, result.keypoints, result.boxes_cxcywhr)
    if not all(np.isfinite(one).all() for one in places if one is not None):
        raise InternalError("the network answered places that are no finite numbers")
    return result


def _resolve_options(settings: Settings, options: Options, names: dict[int, str]) -> ResolvedOptions:
    return ResolvedOptions(
        conf=settings.conf if options.conf is None else options.conf,
        iou=settings.iou if options.iou is None else options.iou,
        max_det=settings.max_det if options.max_det is None else options.max_det,
        class_ids=None if options.classes is None else _class_ids(options.classes, names),
        agnostic=settings.agnostic if options.agnostic is None else options.agnostic,
    )


def _class_ids(classes: tuple[int | str, ...], names: dict[int, str]) -> Ints:
    return np.array([class_id for one in classes for class_id in _ids(one, names)], dtype=np.int64)


def _ids(wanted: int | str, names: dict[int, str]) -> list[int]:
    if isinstance(wanted, int) and wanted in names:
        return [wanted]
    found = [class_id for class_id, name in names.items() if name == str(wanted)]  # a name may be spelt in digits
    if not found:
        known = ", ".join(f"{class_id} {name}" for class_id, name in names.items())
        raise InvalidOption(f"classes holds {wanted!r:.100}, which this model does not have; it has {known:.2000}")
    return found
