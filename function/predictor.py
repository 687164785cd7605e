"""Prediction for one request: read, preprocess, run, postprocess."""

from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np

from function import model
from function.arrays import Floats, Indices, Ints
from function.errors import InternalError, InvalidOption
from function.metadata import DENSE_TASKS
from function.model import Model
from function.postprocess import boxes, layouts, obb, pose, segment
from function.postprocess.layouts import Candidates
from function.postprocess.segment import Masks
from function.preprocess import center_crop, image, letterbox, pixels
from function.preprocess.letterbox import Letterbox
from function.request import Options
from function.results import UNTIMED, Classification, Predicted, Prediction, Timing
from function.settings import Settings

MAX_ID_DIGITS = 10  # no model has a class id with more digits
MAX_NAMES = 20  # class names in an error message
NO_OPTIONS = Options()
OTHER_OPTIONS = {"annotate", "read"}  # not applied by the predictor


class ResolvedOptions(NamedTuple):
    """Options of one request, with every default filled in."""

    conf: float
    iou: float
    max_det: int
    class_ids: Ints | None
    agnostic: bool
    masks: str  # of request.MASKS


def predict(
    served: Model, settings: Settings, data: bytes, options: Options, image_name: str | None = None
) -> Predicted:
    """Detect the objects in one image, classify it or its pixels, or estimate their distance.

    Args:
        served: the model.
        settings: defaults of the options, and the limit of pixels.
        data: the encoded image.
        options: of the request.
        image_name: is returned in the result.

    Raises:
        UnsupportedImage: the image is broken or its format is not supported.
        TooLarge: the image has more pixels than the limit.
        InvalidOption: the model does not have a requested class.
        InternalError: the model output contains NaN or infinity.
    """
    resolved = _resolve_options(settings, options, served.metadata.names)
    started = perf_counter()
    min_size = partial(_decode_target, served) if settings.fast_decode else None
    decoded, size_wh = image.read_reduced(data, settings.max_image_pixels, min_size, settings.memory_mb)
    read = perf_counter()
    geometry = _fit(served, size_wh)
    tensor = (
        letterbox.to_tensor(pixels.as_array(decoded), geometry)
        if geometry
        else center_crop.to_tensor(decoded, served.metadata.imgsz_hw, served.metadata.transforms)
    )
    del decoded  # up to 200 MB that the network can use
    preprocessed = perf_counter()
    outputs = model.run(served, tensor)
    ran = perf_counter()
    if geometry and served.metadata.task in DENSE_TASKS:
        from function import maps  # imported here, because other models do not need it

        result: Predicted = maps.decode(served.metadata, served.layout.name, outputs[0], geometry, resolved.class_ids)
    elif geometry:
        result = _detections(served, outputs, geometry, resolved)
    else:
        result = _classification(served, outputs[0], size_wh)
    steps = (read - started, preprocessed - read, ran - preprocessed, perf_counter() - ran)
    timing = Timing(*(1000 * step for step in steps))
    return result._replace(image_name=image_name, timing=timing, ignored=_without_effect(served, options))


def unused_options(served: Model) -> set[str]:
    """Return the options of the predictor that change nothing in any result of this model."""
    if served.metadata.task == "classify":
        return set(Options._fields) - OTHER_OPTIONS
    if served.metadata.task in DENSE_TASKS:
        used = {"classes"} if served.metadata.task == "semantic" and len(served.metadata.names) > 1 else set()
        return set(Options._fields) - OTHER_OPTIONS - used
    unused = set() if served.layout.needs_nms else {"iou", "agnostic"}
    return unused if served.metadata.task == "segment" else unused | {"masks"}


def _without_effect(served: Model, options: Options) -> tuple[str, ...]:
    """Return the options of the request that change nothing in the result of this model."""
    options = options._replace(annotate=None, read=None)  # OTHER_OPTIONS
    if options == NO_OPTIONS:
        return ()
    metadata = served.metadata
    requested = [name for name in Options._fields if getattr(options, name) != getattr(NO_OPTIONS, name)]
    unused = unused_options(served)
    if options.conf is not None and metadata.nms_conf is not None and options.conf < metadata.nms_conf:
        unused.add("conf")
    return tuple(name for name in requested if name in unused)


def _fit(served: Model, size_wh: tuple[int, int]) -> Letterbox | None:
    """Return the position of the image in the model input; None for classification, which crops the center."""
    metadata = served.metadata
    if served.layout.preprocessing == "crop":
        return None
    if served.layout.preprocessing == "stretch":
        return letterbox.stretch(size_wh, metadata.imgsz_hw)
    return letterbox.fit(size_wh, metadata.imgsz_hw, metadata.stride, metadata.rectangular)


def _decode_target(served: Model, size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the least size at which a large image must be decoded; for a center crop the full size."""
    geometry = _fit(served, size_wh)
    return letterbox.resized_wh(geometry) if geometry else size_wh


def _classification(served: Model, output: Floats, size_wh: tuple[int, int]) -> Classification:
    from function.postprocess import classify  # imported here, because other models do not need it

    (values,) = output
    if not np.isfinite(values).all():
        raise InternalError("model output contains NaN or infinity (probabilities)")
    probabilities = classify.softmax(values) if served.layout.softmax else values
    best = classify.top(probabilities)
    return Classification(None, size_wh, probabilities[best], best, served.metadata, UNTIMED)


def _detections(served: Model, outputs: list[Floats], geometry: Letterbox, resolved: ResolvedOptions) -> Prediction:
    metadata = served.metadata
    input_wh = (geometry.input_w, geometry.input_h)
    candidates = layouts.decode(served.layout, outputs, metadata, input_wh, resolved.conf, resolved.class_ids)
    kept = candidates.take(_suppress(served, candidates, resolved))
    if not all(np.isfinite(column).all() for column in (kept.boxes, kept.scores, kept.extras)):
        raise InternalError("model output contains NaN or infinity (boxes or scores)")
    size_wh = (geometry.image_w, geometry.image_h)
    if metadata.task == "obb":
        rotated = obb.boxes_to_image(np.hstack((kept.boxes, kept.extras)), geometry)
        upright = obb.enclosing_boxes(obb.corners(rotated))
        result = Prediction(None, size_wh, upright, kept.scores, kept.class_ids, metadata, UNTIMED)
        return _require_finite(result._replace(boxes_cxcywhr=rotated))
    upright = letterbox.boxes_to_image(kept.boxes, geometry)
    result = Prediction(None, size_wh, upright, kept.scores, kept.class_ids, metadata, UNTIMED)
    if metadata.task == "segment":
        prototypes = outputs[-1][0]
        masks = segment.instance_masks(kept.extras, kept.boxes, upright, prototypes, geometry, resolved.masks)
        return _require_finite(_with_masks(result, masks))
    if metadata.kpt_shape:
        return _require_finite(result._replace(keypoints=pose.keypoints(kept.extras, metadata.kpt_shape, geometry)))
    return _require_finite(result)


def _suppress(served: Model, candidates: Candidates, resolved: ResolvedOptions) -> Indices | slice:
    """Return the rows that NMS keeps; the first rows of an end-to-end output."""
    if not served.layout.needs_nms:
        return slice(resolved.max_det)
    class_ids = np.zeros_like(candidates.class_ids) if resolved.agnostic else candidates.class_ids
    terms = (candidates.scores, class_ids, resolved.iou, resolved.max_det)
    if served.metadata.task == "obb":
        return obb.nms(np.hstack((candidates.boxes, candidates.extras)), *terms)
    return boxes.nms(candidates.boxes, *terms)


def _with_masks(result: Prediction, masks: Masks) -> Prediction:
    rows = masks.rows
    return result._replace(
        boxes_xyxy=result.boxes_xyxy[rows], scores=result.scores[rows], class_ids=result.class_ids[rows], masks=masks
    )


def _require_finite(result: Prediction) -> Prediction:
    coordinates = (result.boxes_xyxy, result.keypoints, result.boxes_cxcywhr)
    if not all(np.isfinite(values).all() for values in coordinates if values is not None):
        raise InternalError("model output contains NaN or infinity (coordinates)")
    return result


def _resolve_options(settings: Settings, options: Options, names: dict[int, str]) -> ResolvedOptions:
    return ResolvedOptions(
        conf=settings.conf if options.conf is None else options.conf,
        iou=settings.iou if options.iou is None else options.iou,
        max_det=settings.max_det if options.max_det is None else options.max_det,
        class_ids=None if options.classes is None else class_ids(options.classes, names),
        agnostic=settings.agnostic if options.agnostic is None else options.agnostic,
        masks=options.masks,
    )


def class_ids(classes: tuple[int | str, ...], names: dict[int, str]) -> Ints:
    """Return the ids of classes that a request or a setting names, each by id or name.

    Raises:
        InvalidOption: the model does not have one of them.
    """
    by_name: dict[str, list[int]] = {}
    for class_id, name in names.items():
        by_name.setdefault(name, []).append(class_id)
    return np.array([class_id for item in dict.fromkeys(classes) for class_id in _ids(item, names, by_name)], np.int64)


def _ids(requested: int | str, names: dict[int, str], by_name: dict[str, list[int]]) -> list[int]:
    """Return the ids of a class; several classes can have the same name.

    Args:
        requested: an id, or a text: a name, and an id only if no class has that name.
        names: of the model, by id.
        by_name: ids of each name.

    Raises:
        InvalidOption: no such id or name.
    """
    if isinstance(requested, int):
        if requested in names:
            return [requested]
        raise _unknown_class(requested, names)
    for text in (requested, requested.strip()):
        if text in by_name:
            return by_name[text]
    if text.isascii() and text.isdigit() and len(text) < MAX_ID_DIGITS and int(text) in names:
        return [int(text)]
    raise _unknown_class(requested, names)


def _unknown_class(requested: int | str, names: dict[int, str]) -> InvalidOption:
    shown = [f"{class_id} {name:.100}" for class_id, name in list(names.items())[:MAX_NAMES]]
    if len(names) > MAX_NAMES:
        shown.append(f"and {len(names) - MAX_NAMES} more")
    return InvalidOption(f"unknown class {requested!r:.100}; available: {', '.join(shown)}")
