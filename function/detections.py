"""Detections of one run of the model: the letterbox of its input, thresholds and NMS, then masks or keypoints.

The predictor makes one run of an image; what is left of the detections is decided between `detect` and `complete`.
"""

from typing import NamedTuple

import numpy as np

from function.arrays import Floats, Indices, Ints
from function.errors import InternalError
from function.model import Model
from function.postprocess import boxes, layouts, obb, pose, segment
from function.postprocess.layouts import Candidates
from function.postprocess.segment import Masks
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox
from function.results import UNTIMED, Prediction


class ResolvedOptions(NamedTuple):
    """Options of one request, with every default filled in."""

    conf: float | Floats  # 0..1; (C,) float32: of each class
    iou: float
    max_det: int
    class_ids: Ints | None
    agnostic: bool
    masks: str  # of request.MASKS


class Detections(NamedTuple):
    """Detections of one run after NMS, best first."""

    candidates: Candidates  # K, input pixels
    boxes_xyxy: Floats  # (K, 4), upright, pixels of the image
    boxes_cxcywhr: Floats | None  # (K, 5), pixels of the image, radians; obb only
    prototypes: Floats | None  # (M, h, w); segment only
    geometry: Letterbox  # the position of the image in the input

    def take(self, rows: Indices | slice) -> "Detections":
        """Return the selected detections, in the order of `rows`."""
        rotated = None if self.boxes_cxcywhr is None else self.boxes_cxcywhr[rows]
        return self._replace(
            candidates=self.candidates.take(rows), boxes_xyxy=self.boxes_xyxy[rows], boxes_cxcywhr=rotated
        )


def fit(served: Model, size_wh: tuple[int, int]) -> Letterbox | None:
    """Return the position of an image in the model input; None for classification, which crops the center."""
    metadata = served.metadata
    if served.layout.preprocessing == "crop":
        return None
    if served.layout.preprocessing == "stretch":
        return letterbox.stretch(size_wh, metadata.imgsz_hw)._replace(channels=metadata.channels)
    geometry = letterbox.fit(size_wh, metadata.imgsz_hw, metadata.stride, metadata.rectangular)
    return geometry._replace(channels=metadata.channels)


def detect(
    served: Model, outputs: list[Floats], geometry: Letterbox, resolved: ResolvedOptions, limit: int
) -> Detections:
    """Return the detections of one run.

    Args:
        served: the model.
        outputs: of `model.run`.
        geometry: the position of the image in the input of that run.
        resolved: thresholds and classes; `max_det` and `masks` are not read.
        limit: NMS stops after this many detections: `max_det`, or more if not all of them are returned.

    Returns:
        K <= limit detections; K can be 0.

    Raises:
        InternalError: the model output contains NaN or infinity.
    """
    metadata = served.metadata
    input_wh = (geometry.input_w, geometry.input_h)
    candidates = layouts.decode(served.layout, outputs, metadata, input_wh, resolved.conf, resolved.class_ids)
    kept = candidates.take(_suppress(served, candidates, resolved, limit))
    if not all(np.isfinite(column).all() for column in (kept.boxes, kept.scores, kept.extras)):
        raise InternalError("model output contains NaN or infinity (boxes or scores)")
    if metadata.task == "obb":
        rotated = obb.boxes_to_image(np.hstack((kept.boxes, kept.extras)), geometry)
        found = Detections(kept, obb.enclosing_boxes(obb.corners(rotated)), rotated, None, geometry)
    else:
        prototypes = outputs[-1][0] if metadata.task == "segment" else None
        found = Detections(kept, letterbox.boxes_to_image(kept.boxes, geometry), None, prototypes, geometry)
    _require_finite(found.boxes_xyxy, found.boxes_cxcywhr)
    return found


def complete(served: Model, found: Detections, masks: str) -> Prediction:
    """Return the detections with their masks or keypoints; as in Ultralytics, those with an empty mask are left out.

    Args:
        served: the model.
        found: from `detect`, at most `max_det`.
        masks: of request.MASKS.

    Raises:
        InternalError: the model output contains NaN or infinity.
        TooLarge: the masks take too much time or room, see `segment.instance_masks`.
    """
    metadata, geometry, candidates = served.metadata, found.geometry, found.candidates
    size_wh = (geometry.image_w, geometry.image_h)
    result = Prediction(
        None, size_wh, found.boxes_xyxy, candidates.scores, candidates.class_ids, metadata, UNTIMED,
        boxes_cxcywhr=found.boxes_cxcywhr,
    )  # fmt: skip
    if found.prototypes is not None:
        extras, upright = candidates.extras, found.boxes_xyxy
        return _with_masks(
            result, segment.instance_masks(extras, candidates.boxes, upright, found.prototypes, geometry, masks)
        )
    if metadata.kpt_shape:
        result = result._replace(keypoints=pose.keypoints(candidates.extras, metadata.kpt_shape, geometry))
        _require_finite(result.keypoints)
    return result


def _suppress(served: Model, candidates: Candidates, resolved: ResolvedOptions, limit: int) -> Indices | slice:
    """Return the rows that NMS keeps; the first rows of an end-to-end output."""
    if not served.layout.needs_nms:
        return slice(limit)
    class_ids = np.zeros_like(candidates.class_ids) if resolved.agnostic else candidates.class_ids
    terms = (candidates.scores, class_ids, resolved.iou, limit)
    if served.metadata.task == "obb":
        return obb.nms(np.hstack((candidates.boxes, candidates.extras)), *terms)
    return boxes.nms(candidates.boxes, *terms)


def _with_masks(result: Prediction, masks: Masks) -> Prediction:
    rows = masks.rows
    return result._replace(
        boxes_xyxy=result.boxes_xyxy[rows], scores=result.scores[rows], class_ids=result.class_ids[rows], masks=masks
    )


def _require_finite(*coordinates: Floats | None) -> None:
    if not all(np.isfinite(values).all() for values in coordinates if values is not None):
        raise InternalError("model output contains NaN or infinity (coordinates)")
