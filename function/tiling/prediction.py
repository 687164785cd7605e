"""Prediction with tiles: each tile and, by default, the whole image go through the model; the detections are merged."""

from math import inf
from time import monotonic, perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function import detections, input_size, model, regions
from function.arrays import Floats, Indices, Ints
from function.detections import Detections, ResolvedOptions
from function.errors import DeadlineExceeded
from function.model import Model
from function.postprocess.segment import Masks
from function.preprocess import letterbox
from function.request import Options, TileOption
from function.results import UNTIMED, Prediction
from function.settings import Settings
from function.tiling import masks, merging, slices
from function.tiling.masks import Object, Part
from function.tiling.overlaps import RotatedBoxes, UprightBoxes
from function.tiling.slices import Tile

TILE_DETECTIONS = 300  # of one tile, or `max_det` if that is more; ultralytics 8.4.190 cfg/default.yaml, as in SAHI
LOW_CONF = 0.1  # sahi 0.12.8 `LOW_MODEL_CONFIDENCE`, predict.py: merged boxes of background would cover the image


class Tiling(NamedTuple):
    """Tiles of an image and how their detections are merged, with every default filled in."""

    size: int  # of a side of a tile, pixels of the image
    overlap: float  # of neighboring tiles, as a share of the size
    full: bool  # the whole image goes through the model too
    merge: str | None  # of request.MERGES; None: NMM, and for a low confidence threshold NMS by IoU
    has_imgsz: bool  # the request has a size of the model input, which the model may not accept


class Merged(NamedTuple):
    """Detections in all tiles, K of them; after the merge one for each object, best first."""

    size_wh: tuple[int, int]  # pixels of the image
    boxes_xyxy: Floats  # (K, 4), pixels of the image
    boxes_cxcywhr: Floats | None  # (K, 5), pixels of the image, radians; obb only
    scores: Floats  # (K,)
    class_ids: Ints  # (K,)
    objects: list[Object] | None  # K; None: there are no masks
    tiles: int  # runs of the model

    def take(self, rows: Indices | slice) -> "Merged":
        """Return the selected detections, in the order of `rows`."""
        picked = np.arange(len(self.scores))[rows]
        return self._replace(
            boxes_xyxy=self.boxes_xyxy[picked],
            boxes_cxcywhr=None if self.boxes_cxcywhr is None else self.boxes_cxcywhr[picked],
            scores=self.scores[picked],
            class_ids=self.class_ids[picked],
            objects=None if self.objects is None else [self.objects[row] for row in picked.tolist()],
        )


class Steps(NamedTuple):
    """Seconds of the steps of all tiles together."""

    preprocess: float
    inference: float
    postprocess: float


def resolve(tile: TileOption, settings: Settings, options: Options) -> Tiling:
    """Return the tiles of a request, with the defaults of the settings."""
    overlap = settings.tile_overlap if tile.overlap is None else tile.overlap
    return Tiling(tile.size, overlap, tile.full, options.merge or settings.tile_merge, options.imgsz is not None)


def predict(
    served: Model,
    pixels: NDArray[np.uint8],
    resolved: ResolvedOptions,
    tiling: Tiling,
    options: Options,
    deadline: float | None,
) -> tuple[Prediction, Steps]:
    """Return the detections of one image, those in the region of the request if it has one; and the time of each step.

    Args and errors as for `detect`; the options are read for the region.
    """
    found, steps = detect(served, pixels, resolved, tiling, deadline)
    began = perf_counter()
    if options.region is None:
        result = complete(served, found.take(slice(resolved.max_det)), resolved.masks)
    else:
        polygons = regions.in_pixels(options.region, bool(options.normalized), found.size_wh)
        inside = regions.rows_inside(regions.centers(found.boxes_xyxy, found.boxes_cxcywhr), polygons)
        result = complete(served, found.take(inside[: resolved.max_det]), resolved.masks)
        centers = regions.centers(result.boxes_xyxy, result.boxes_cxcywhr)
        result = result._replace(regions=regions.counts(centers, polygons))
    return result, steps._replace(postprocess=steps.postprocess + perf_counter() - began)


def detect(
    served: Model, pixels: NDArray[np.uint8], resolved: ResolvedOptions, tiling: Tiling, deadline: float | None
) -> tuple[Merged, Steps]:
    """Return the detections of one image, merged but not yet limited to `max_det`, and the time of each step.

    Args:
        served: the model.
        pixels: (H, W, C) uint8; tiles are cut from it one by one.
        resolved: options of the request.
        tiling: tiles and the kind of merge.
        deadline: by `monotonic`; None: no limit.

    Raises:
        InvalidOption: more than MAX_TILES tiles.
        DeadlineExceeded: the tiles take more time than is left.
        InternalError: the model output contains NaN or infinity.
        TooLarge: the masks need too much memory.
    """
    size_wh = (pixels.shape[1], pixels.shape[0])
    tiles = slices.cut(size_wh, tiling.size, tiling.overlap)
    if tiling.full and len(tiles) > 1:
        tiles.append(Tile(0, 0, *size_wh))
    found: list[Merged] = []
    steps, logits = np.zeros(3), 0
    fastest = inf  # seconds; the first tile can take longer than the others
    for number, tile in enumerate(tiles):
        began = monotonic()
        _check_time(deadline, began, number, len(tiles), fastest)
        result, seconds = _detect_tile(served, pixels, tile, resolved, tiling.has_imgsz)
        found.append(result)
        logits = masks.add_logits(logits, result.objects or [])
        steps += seconds
        fastest = min(fastest, monotonic() - began)
    began_merge = perf_counter()
    merged = _merge(_concatenate(found), resolved, tiling)
    steps[2] += perf_counter() - began_merge
    return merged, Steps(*steps.tolist())


def complete(served: Model, found: Merged, requested_masks: str) -> Prediction:
    """Return the detections with their masks.

    Args:
        served: the model.
        found: from `detect`, at most `max_det`.
        requested_masks: of request.MASKS.

    Raises:
        TooLarge: the masks take too much time or room.
    """
    result = Prediction(
        None, found.size_wh, found.boxes_xyxy, found.scores, found.class_ids, served.metadata, UNTIMED,
        boxes_cxcywhr=found.boxes_cxcywhr, tiles=found.tiles,
    )  # fmt: skip
    if served.metadata.task != "segment":
        return result
    if found.objects is None:
        return result._replace(masks=Masks(np.arange(len(found.scores)), None, None))
    return result._replace(masks=masks.instance_masks(found.objects, found.size_wh, requested_masks))


def _check_time(deadline: float | None, now: float, done: int, count: int, fastest: float) -> None:
    """Check that the tiles that are left end before the deadline.

    Raises:
        DeadlineExceeded: they do not, even if each is as fast as the fastest so far.
    """
    if deadline is None or not done or now + (count - done) * fastest <= deadline:
        return
    fitting = done + int(max(0.0, deadline - now) / fastest)
    raise DeadlineExceeded(
        f"tile must cut an image into tiles that are done before the time limit, about {fitting} of "
        f"{1000 * fastest:.3g} ms each, got {count}: request larger tiles or less overlap, or send fewer images at once"
    )


def _detect_tile(
    served: Model, pixels: NDArray[np.uint8], tile: Tile, resolved: ResolvedOptions, has_imgsz: bool
) -> tuple[Merged, tuple[float, float, float]]:
    """Return the detections in one tile, in pixels of the image, and the seconds of each step."""
    started = perf_counter()
    geometry = detections.fit(served, (tile.right - tile.left, tile.bottom - tile.top))
    if geometry is None:
        raise TypeError("a model that crops the center of an image has no tiles")
    tensor = letterbox.to_tensor(pixels[tile.top : tile.bottom, tile.left : tile.right], geometry)
    preprocessed = perf_counter()
    outputs = input_size.run(served, tensor) if has_imgsz else model.run(served, tensor)
    ran = perf_counter()
    found = detections.detect(served, outputs, geometry, resolved, max(TILE_DETECTIONS, resolved.max_det))
    result = _in_image(found, tile, (pixels.shape[1], pixels.shape[0]), resolved.masks)
    return result, (preprocessed - started, ran - preprocessed, perf_counter() - ran)


def _in_image(found: Detections, tile: Tile, size_wh: tuple[int, int], requested_masks: str) -> Merged:
    """Return the detections of a tile in pixels of the image, without empty boxes and masks."""
    scores, class_ids = found.candidates.scores, found.candidates.class_ids
    offset = np.array([tile.left, tile.top], dtype=np.float32)
    if found.boxes_cxcywhr is not None:
        rotated = found.boxes_cxcywhr + np.pad(offset, (0, 3))
        return Merged(size_wh, found.boxes_xyxy + np.tile(offset, 2), rotated, scores, class_ids, None, 1)
    parts: dict[int, Part] = {} if found.prototypes is None else masks.parts(found, found.prototypes, tile)
    # RT-DETR's boxes can begin outside of the tile and end outside of the image.
    moved = (found.boxes_xyxy.clip(0) + np.tile(offset, 2)).clip(0, np.array(size_wh * 2, dtype=np.float32))
    is_visible = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    if found.prototypes is not None:
        is_visible &= np.isin(np.arange(len(moved)), list(parts))
    rows = np.flatnonzero(is_visible)
    has_masks = found.prototypes is not None and requested_masks != "none"
    objects = [[parts[row]] for row in rows.tolist()] if has_masks else None
    return Merged(size_wh, moved[rows], None, scores[rows], class_ids[rows], objects, 1)


def _concatenate(found: list[Merged]) -> Merged:
    """Return the detections of all tiles, in their order."""
    first = found[0]
    has_rotated, has_objects = first.boxes_cxcywhr is not None, first.objects is not None
    return Merged(
        size_wh=first.size_wh,
        boxes_xyxy=np.concatenate([result.boxes_xyxy for result in found]),
        boxes_cxcywhr=np.concatenate([result.boxes_cxcywhr for result in found]) if has_rotated else None,
        scores=np.concatenate([result.scores for result in found]),
        class_ids=np.concatenate([result.class_ids for result in found]),
        objects=[instance for result in found for instance in result.objects or []] if has_objects else None,
        tiles=len(found),
    )


def _merge(found: Merged, resolved: ResolvedOptions, tiling: Tiling) -> Merged:
    """Return one detection for each object, best first.

    Rotated boxes are not merged, because the union of two is none; of each object the best one is kept.

    Source: sahi 0.12.8 `get_sliced_prediction`, predict.py.
    """
    is_low = tiling.merge is None and bool(np.min(resolved.conf) < LOW_CONF)
    class_ids = np.zeros_like(found.class_ids) if resolved.agnostic else found.class_ids
    rotated = found.boxes_cxcywhr
    boxes = UprightBoxes.of(found.boxes_xyxy) if rotated is None else RotatedBoxes.of(rotated)
    groups = merging.groups(merging.best_first(found.boxes_xyxy, found.scores), class_ids, boxes, is_iou=is_low)
    best = found.take(np.array([group.best for group in groups], dtype=np.intp))
    if is_low or tiling.merge == "nms" or rotated is not None:
        return best
    unions = [merging.merged(group, found.boxes_xyxy) for group in groups]
    boxes_xyxy = np.array([box for box, _ in unions], dtype=np.float32).reshape(-1, 4)
    if found.objects is None:
        return best._replace(boxes_xyxy=boxes_xyxy)
    objects = [[part for row in rows for part in found.objects[row]] for _, rows in unions]
    return best._replace(boxes_xyxy=boxes_xyxy, objects=objects)
