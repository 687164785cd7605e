"""One request to one prediction: the flow of the whole function, top to bottom."""

from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np

from function import boxes, image, letterbox, model, raster
from function.boxes import Floats, Ints
from function.errors import InternalError, InvalidOption
from function.facts import Facts
from function.model import Model
from function.request import Options, Request
from function.settings import Settings
from function.tasks import detect


class Timing(NamedTuple):
    """Milliseconds by step."""

    read: float
    preprocess: float
    inference: float
    postprocess: float


class Prediction(NamedTuple):
    """What was found in one picture, best first."""

    image_name: str | None
    size_wh: tuple[int, int]  # pixels of the upright picture
    boxes_xyxy: Floats  # (K, 4), pixels of the upright picture
    scores: Floats  # (K,), 0..1
    class_ids: Ints  # (K,)
    facts: Facts
    timing: Timing


class Limits(NamedTuple):
    """The options of one request with every default filled in."""

    conf: float
    iou: float
    max_det: int
    class_ids: Ints | None


def predict(served: Model, settings: Settings, request: Request) -> Prediction:
    """Find the objects in one picture.

    Raises:
        UnsupportedPicture: the bytes are no picture that is read here.
        TooLarge: the picture has more pixels than the limit.
        InvalidOption: a class that the model does not have.
        InternalError: the network answered something that is no box.
    """
    facts = served.facts
    limits = _limits(settings, request.options, facts.names)
    started = perf_counter()
    fit = partial(letterbox.fit, imgsz_hw=facts.imgsz_hw, stride=facts.stride, rectangular=facts.rectangular)
    enough = (lambda size_wh: letterbox.resized_wh(fit(size_wh))) if settings.fast_decode else None
    picture, size_wh = image.read_enough(request.image, settings.max_image_pixels, enough)
    read = perf_counter()
    box = fit(size_wh)
    tensor = letterbox.paint(raster.pixels(picture), box)
    painted = perf_counter()
    (output,) = model.run(served, tensor)
    ran = perf_counter()
    found = detect.decode(output, limits.conf, limits.class_ids)
    kept = boxes.nms(found.boxes_xyxy, found.scores, found.class_ids, limits.iou, limits.max_det)
    boxes_xyxy = letterbox.undo(found.boxes_xyxy[kept], box)
    if not np.isfinite(boxes_xyxy).all():
        raise InternalError("the network answered boxes that are no finite numbers")
    timing = Timing(*(1000 * step for step in (read - started, painted - read, ran - painted, perf_counter() - ran)))
    return Prediction(request.image_name, size_wh, boxes_xyxy, found.scores[kept], found.class_ids[kept], facts, timing)


def _limits(settings: Settings, options: Options, names: dict[int, str]) -> Limits:
    return Limits(
        conf=settings.conf if options.conf is None else options.conf,
        iou=settings.iou if options.iou is None else options.iou,
        max_det=settings.max_det if options.max_det is None else options.max_det,
        class_ids=None if options.classes is None else _class_ids(options.classes, names),
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
