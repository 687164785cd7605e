"""Prediction for one request: read, preprocess, run, postprocess."""

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from function import detections, model
from function.arrays import Floats, Ints
from function.detections import ResolvedOptions
from function.errors import InternalError, InvalidOption
from function.metadata import DENSE_TASKS, GRAY_CHANNELS, RGB_CHANNELS
from function.model import Model
from function.postprocess.boxes import MAX_CANDIDATES
from function.preprocess import image, letterbox, pixels
from function.preprocess.letterbox import Letterbox
from function.request import Options, TileOption
from function.results import UNTIMED, Classification, Predicted, Prediction, Timing
from function.settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

NO_OPTIONS = Options()
TILED = ("detect", "obb", "segment")  # tasks
OTHER_OPTIONS = {"annotate", "read"}  # not applied by the predictor


def predict(
    served: Model,
    settings: Settings,
    data: bytes,
    options: Options,
    image_name: str | None = None,
    deadline: float | None = None,
) -> Predicted:
    """Detect the objects in one image, classify it or its pixels, or estimate their distance.

    Args:
        served: the model.
        settings: defaults of the options, and the limit of pixels.
        data: the encoded image.
        options: of the request.
        image_name: is returned in the result.
        deadline: of the tiles, by `time.monotonic`; None: no limit.

    Raises:
        UnsupportedImage: the image is broken or its format is not supported.
        TooLarge: the image has more pixels than the limit.
        InvalidOption: the model does not have a requested class or size, or a region is not within the image.
        DeadlineExceeded: the tiles take more time than is left.
        InternalError: the model output contains NaN or infinity.
    """
    if options.imgsz:
        from function import input_size  # imported here: few requests have a size

        served = input_size.resize(served, options.imgsz, settings.max_imgsz_pixels)
    resolved = _resolve_options(settings, options, served.metadata.names)
    tile = _tile(served, settings, options)
    started = perf_counter()
    decoded, size_wh = _read(served, settings, data, is_whole=bool(tile))
    read = perf_counter()
    if tile:
        from function.tiling import prediction  # imported here: few requests have tiles

        tiling = prediction.resolve(tile, settings, options)
        tiled, seconds = prediction.predict(served, pixels.as_array(decoded), resolved, tiling, options, deadline)
        timing = Timing(*(1000 * step for step in (read - started, *seconds)))
        return tiled._replace(image_name=image_name, timing=timing, ignored=_without_effect(served, options, True))
    geometry = detections.fit(served, size_wh)
    tensor = letterbox.to_tensor(pixels.as_array(decoded), geometry) if geometry else _center_crop(served, decoded)
    del decoded  # up to 200 MB that the network can use
    preprocessed = perf_counter()
    outputs = input_size.run(served, tensor) if options.imgsz else model.run(served, tensor)
    ran = perf_counter()
    if geometry and served.metadata.task in DENSE_TASKS:
        from function import maps  # imported here, because other models do not need it

        result: Predicted = maps.decode(
            served.metadata, served.layout.name, outputs[0], geometry, resolved.class_ids, settings.memory_mb
        )
    elif geometry:
        result = _prediction(served, outputs, geometry, resolved, options)
    else:
        result = _classification(served, outputs[0], size_wh)
    steps = (read - started, preprocessed - read, ran - preprocessed, perf_counter() - ran)
    timing = Timing(*(1000 * step for step in steps))
    return result._replace(image_name=image_name, timing=timing, ignored=_without_effect(served, options, False))


def _prediction(
    served: Model, outputs: list[Floats], geometry: Letterbox, resolved: ResolvedOptions, options: Options
) -> Prediction:
    """Return the detections of one run; only those in the region of the request, if it has one."""
    if options.region is None:
        found = detections.detect(served, outputs, geometry, resolved, resolved.max_det)
        return detections.complete(served, found, resolved.masks)
    from function import regions  # imported here: few requests have a region

    polygons = regions.in_pixels(options.region, bool(options.normalized), (geometry.image_w, geometry.image_h))
    found = detections.detect(served, outputs, geometry, resolved, MAX_CANDIDATES)
    inside = regions.rows_inside(regions.centers(found.boxes_xyxy, found.boxes_cxcywhr), polygons)
    result = detections.complete(served, found.take(inside[: resolved.max_det]), resolved.masks)
    centers = regions.centers(result.boxes_xyxy, result.boxes_cxcywhr)
    return result._replace(regions=regions.counts(centers, polygons))


def _read(served: Model, settings: Settings, data: bytes, is_whole: bool) -> tuple[Any, tuple[int, int]]:
    """Return the decoded image, or its bands as an array, and its size in pixels; `is_whole`: with all its pixels."""
    channels = served.metadata.channels
    if channels not in (GRAY_CHANNELS, RGB_CHANNELS):
        from function.preprocess import multiband  # imported here: few models take images of several bands

        bands = multiband.read(data, channels, settings.max_image_pixels, settings.memory_mb)
        return bands, (bands.shape[1], bands.shape[0])
    min_size = partial(_decode_target, served) if settings.fast_decode and not is_whole else None
    return image.read_reduced(data, settings.max_image_pixels, min_size, settings.memory_mb, channels == GRAY_CHANNELS)


def unused_options(served: Model) -> set[str]:
    """Return the options of the predictor that change nothing in any result of this model."""
    if served.metadata.task == "classify":
        return set(Options._fields) - OTHER_OPTIONS - {"imgsz"}
    if served.metadata.task in DENSE_TASKS:
        used = {"classes"} if served.metadata.task == "semantic" and len(served.metadata.names) > 1 else set()
        return set(Options._fields) - OTHER_OPTIONS - used - {"imgsz"}
    task = served.metadata.task
    unused = set() if served.layout.needs_nms else {"iou"}
    if task not in TILED:
        unused |= {"tile", "merge"} if served.layout.needs_nms else {"tile", "merge", "agnostic"}
    elif task == "obb":
        unused.add("merge")  # there is no union of rotated boxes
    return unused if task == "segment" else unused | {"masks"}


def _without_effect(served: Model, options: Options, is_tiled: bool) -> tuple[str, ...]:
    """Return the options of the request that change nothing in the result of this model."""
    options = options._replace(annotate=None, read=None)  # OTHER_OPTIONS
    if options == NO_OPTIONS:
        return ()
    metadata = served.metadata
    requested = [name for name in Options._fields if getattr(options, name) != getattr(NO_OPTIONS, name)]
    unused = unused_options(served)
    if options.conf is not None and metadata.nms_conf is not None and _lowest(options.conf) < metadata.nms_conf:
        unused.add("conf")
    if options.region is None:
        unused.add("normalized")
    if not is_tiled:
        unused |= {"merge"} if served.layout.needs_nms else {"merge", "agnostic"}
    return tuple(name for name in requested if name in unused)


def check_tile(served: Model, settings: Settings) -> None:
    """Check that the settings have no tiles for a model that cannot have them.

    Raises:
        InvalidOption: they have.
    """
    task = served.metadata.task
    if settings.tile and task not in TILED:
        raise InvalidOption(f"tile must only be set for the tasks {', '.join(TILED)}, got a model for {task}")


def _tile(served: Model, settings: Settings, options: Options) -> TileOption | None:
    """Return the tiles of a request or of the settings; None for the whole image in one run.

    Raises:
        InvalidOption: the model has keypoints.
    """
    tile = options.tile
    if tile is None and settings.tile:
        tile = TileOption(settings.tile, None, full=True)
    if not tile or served.metadata.task in TILED:
        return tile or None
    if served.metadata.task == "pose":
        raise InvalidOption(
            f"tile must not be set for a pose model, got {tile.size}: the keypoints of an object that a tile cuts are "
            f"not all in one tile; it can be set for the tasks {', '.join(TILED)}"
        )
    return None


def _decode_target(served: Model, size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the least size at which a large image must be decoded; for a center crop the full size."""
    geometry = detections.fit(served, size_wh)
    return letterbox.resized_wh(geometry) if geometry else size_wh


def _center_crop(served: Model, decoded: "Image") -> Floats:
    """Return the input of a classifier."""
    from function.preprocess import center_crop  # imported here, because other models do not need it

    return center_crop.to_tensor(decoded, served.metadata.imgsz_hw, served.metadata.transforms)


def _classification(served: Model, output: Floats, size_wh: tuple[int, int]) -> Classification:
    from function.postprocess import classify  # imported here, because other models do not need it

    (values,) = output
    if not np.isfinite(values).all():
        raise InternalError("model output contains NaN or infinity (probabilities)")
    probabilities = classify.softmax(values) if served.layout.softmax else values
    best = classify.top(probabilities)
    return Classification(None, size_wh, probabilities[best], best, served.metadata, UNTIMED)


def _resolve_options(settings: Settings, options: Options, names: dict[int, str]) -> ResolvedOptions:
    return ResolvedOptions(
        conf=_conf(settings, options.conf, names),
        iou=settings.iou if options.iou is None else options.iou,
        max_det=settings.max_det if options.max_det is None else options.max_det,
        class_ids=None if options.classes is None else _class_ids(options.classes, names),
        agnostic=settings.agnostic if options.agnostic is None else options.agnostic,
        masks=options.masks,
    )


def _lowest(conf: float | dict[str, float]) -> float:
    return min(conf.values()) if isinstance(conf, dict) else conf


def _conf(settings: Settings, requested: float | dict[str, float] | None, names: dict[int, str]) -> float | Floats:
    """Return the confidence threshold, or that of each class if the request or the settings name classes."""
    if not isinstance(requested, dict):
        if requested is not None:
            return requested
        if not settings.class_conf:
            return settings.conf
    from function import classes  # imported here: few requests name classes

    return classes.thresholds(settings.conf, settings.class_conf, requested or {}, names)


def _class_ids(requested: tuple[int | str, ...], names: dict[int, str]) -> Ints:
    from function import classes  # imported here: few requests name classes

    return classes.class_ids(requested, names)
