"""Comparison of one network in one form: results of `predict` with the .pt, and of the function with the ONNX file."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from export.verify import dense
from function import model
from function.model import Model
from function.postprocess.boxes import iou_one_to_many
from function.predictor import predict
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox
from function.request import Options
from function.results import Classification, Depth, Predicted, Prediction, Semantic
from function.settings import Settings
from tests.matrix.cells import IMAGES

IOU = 0.7
CANDIDATES = 50  # that must pass the confidence threshold
LIMITS = {  # minimum for "iou" and the masks, maximum for the others
    "iou": 0.99,
    "confidence": 0.005,
    "keypoints": 1.0,  # px
    "masks": 0.95,
    "run_lengths": 0.95,
    "angles": 0.01,  # rad
    "pixels": 0.001,  # share of those with another class
    "depth": 0.001,  # relative
}
SAME = 0.1  # px, of boxes without area
MINIMA = ("iou", "masks", "run_lengths")


class Choice(NamedTuple):
    """Thresholds for an image, at which no candidate and no pair is so close to a threshold that rounding decides."""

    conf: float
    iou: float
    candidates: int  # above the confidence


class Difference(NamedTuple):
    """Difference between two lists of results for some images."""

    expected: int  # results
    actual: int
    same_classes: bool
    measures: dict[str, float]  # the worst of each

    @property
    def violations(self) -> list[str]:
        """The measures outside of the limits."""
        violations = []
        if self.expected != self.actual:
            violations.append(f"{self.actual} results instead of {self.expected}")
        if not self.same_classes:
            violations.append("other classes")
        for name, value in self.measures.items():
            if (value < LIMITS[name]) if name in MINIMA else (value > LIMITS[name]):
                violations.append(f"{name} {value:.4g}")
        return violations


def threshold(scores: NDArray[np.float32]) -> float:
    """Return a confidence that at least CANDIDATES candidates pass, in the middle of a gap between two of them."""
    ranked = np.sort(scores)[::-1][CANDIDATES - 1 : 2 * CANDIDATES]
    gap = int((ranked[:-1] - ranked[1:]).argmax())
    return float(ranked[gap] + ranked[gap + 1]) / 2


def gap(overlaps: NDArray[np.float32], low: float = 0.6, high: float = 0.8) -> float:
    """Return the middle of the widest interval without an overlap."""
    between = np.sort(overlaps[(overlaps > low) & (overlaps < high)])
    edges = np.concatenate(([low], between, [high]))
    widest = int(np.diff(edges).argmax())
    return float(edges[widest] + edges[widest + 1]) / 2


def compare(expected: list[Any], served: Model, choices: list[Choice], imgsz: int | None = None) -> Difference:
    """Compare results of `predict` (with masks at input size and at image size) with those of the function.

    Args:
        expected: of each image.
        served: the model.
        choices: thresholds of each image.
        imgsz: the option of the function, for both sides; None: the size of the model.
    """
    rows = []
    sides = (imgsz, imgsz) if imgsz else None
    for path, choice, (result, native) in zip(IMAGES, choices, expected, strict=True):
        settings = Settings.from_env({})._replace(conf=choice.conf, iou=choice.iou)
        masks = "rle" if served.metadata.task == "segment" else "polygons"
        actual = predict(served, settings, path.read_bytes(), Options(masks=masks, imgsz=sides))
        rows.append(_difference(result, native, actual, served))
    names = {name for row in rows for name in row.measures}
    worst = {
        name: (min if name in MINIMA else max)(row.measures[name] for row in rows if name in row.measures)
        for name in sorted(names)
    }
    return Difference(
        sum(row.expected for row in rows), sum(row.actual for row in rows), all(row.same_classes for row in rows), worst
    )


def _difference(result: Any, native: Any, actual: Predicted, served: Model) -> Difference:
    if isinstance(actual, Classification):
        return _classes(result, actual)
    if isinstance(actual, Semantic | Depth):
        largest, _ = dense.difference(result, actual)
        return Difference(1, 1, True, {"pixels" if isinstance(actual, Semantic) else "depth": largest})
    boxes = result.obb if result.obb is not None else result.boxes
    class_ids = boxes.cls.numpy().astype(int)
    count = len(class_ids)
    if count != len(actual.scores):
        return Difference(count, len(actual.scores), False, {})
    pairs = _paired(boxes, actual)
    ious = [_iou(box, actual.boxes_xyxy[pair]) for box, pair in zip(boxes.xyxy.numpy(), pairs, strict=True)]
    measures = {
        "iou": min(ious, default=1.0),
        "confidence": float(np.abs(boxes.conf.numpy() - actual.scores[pairs]).max(initial=0)),
    }
    if actual.keypoints is not None:
        keypoints = result.keypoints.data.numpy()
        measures["keypoints"] = float(np.abs(keypoints[..., :2] - actual.keypoints[pairs][..., :2]).max(initial=0))
        measures["confidence"] = max(
            measures["confidence"],
            float(np.abs(keypoints[..., 2:] - actual.keypoints[pairs][..., 2:]).max(initial=0)),
        )
    if actual.boxes_cxcywhr is not None:
        rotated = actual.boxes_cxcywhr[pairs]
        measures["angles"] = float(np.abs(result.obb.xywhr.numpy()[:, 4] - rotated[:, 4]).max(initial=0))
    if actual.masks is not None:
        measures |= _masks(result, native, actual, pairs, served)
    return Difference(count, count, bool((class_ids == actual.class_ids[pairs]).all()), measures)


def _iou(box: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the IoU; 1 for equal boxes without area, which random networks detect outside of the image."""
    has_area = (box[2:] - box[:2]).min() > SAME or (other[2:] - other[:2]).min() > SAME
    if not has_area and np.abs(box - other).max() < SAME:
        return 1.0
    return float(iou_one_to_many(box, other[None])[0])


def _classes(result: Any, actual: Classification) -> Difference:
    top = result.probs.top5
    scores = result.probs.data.numpy()[actual.class_ids]
    same = top == actual.class_ids.tolist()
    return Difference(
        len(top), len(actual.class_ids), same, {"confidence": float(np.abs(scores - actual.scores).max())}
    )


def _paired(boxes: Any, actual: Prediction) -> list[int]:
    """Return for each expected box the nearest unused box of its class by IoU and confidence, else of any class.

    Masks at image size can have more boxes than those at input size; the last ones share a box.
    """
    every = list(range(len(actual.scores)))
    unused = every.copy()
    pairs = []
    for box, class_id, score in zip(boxes.xyxy.numpy(), boxes.cls.numpy(), boxes.conf.numpy(), strict=True):
        same = [index for index in unused if actual.class_ids[index] == class_id] or unused or every
        distance = np.abs(actual.scores[same] - score) / LIMITS["confidence"]
        pairs.append(same[int((iou_one_to_many(box, actual.boxes_xyxy[same]) - distance).argmax())])
        unused = [index for index in unused if index != pairs[-1]]
    return pairs


def _masks(result: Any, native: Any, actual: Prediction, pairs: list[int], served: Model) -> dict[str, float]:
    """Compare polygons with masks at input size, and run lengths with masks at image size."""
    if (
        result.masks is None
        or actual.masks is None
        or actual.masks.polygons is None
        or actual.masks.run_lengths is None
    ):
        return {}
    metadata = actual.metadata  # with the requested size
    geometry = letterbox.fit(actual.size_wh, metadata.imgsz_hw, metadata.stride, metadata.rectangular)
    bottom, right = geometry.top + geometry.resized_h, geometry.left + geometry.resized_w
    small = result.masks.data.numpy().astype(bool)
    large = native.masks.data.numpy().astype(bool)
    natives = zip(native.boxes.xyxy.numpy(), large, _paired(native.boxes, actual), strict=True)
    inner = np.s_[geometry.top : bottom, geometry.left : right]  # without padding
    polygons = [
        overlap(mask[inner], filled(actual.masks.polygons[pair], geometry)[inner])
        for mask, pair in zip(small, pairs, strict=True)
    ]
    runs = [
        overlap(mask, mask_from_runs(actual.masks.run_lengths[pair], actual.size_wh))
        for box, mask, pair in natives
        if _iou(box, actual.boxes_xyxy[pair]) >= LIMITS["iou"]  # at another size predict drops other empty masks
    ]
    return {"masks": min(polygons, default=1.0), "run_lengths": min(runs, default=1.0)}


def overlap(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the IoU of two masks; 1 if both are empty."""
    union = int((mask | other).sum())
    return float((mask & other).sum() / union) if union else 1.0


def filled(polygons: list[NDArray[np.float32]], geometry: Letterbox) -> NDArray[np.bool_]:
    """Return polygons of an image, filled in the model input."""
    back = letterbox.inverse(geometry)
    gain = np.array([back.resized_w / geometry.image_w, back.resized_h / geometry.image_h])
    scale = 8  # Pillow fills whole pixels; on a canvas of eight times the size the rounding is 1/8 pixel
    canvas = Image.new("1", (geometry.input_w * scale, geometry.input_h * scale))
    for polygon in polygons:
        points = (polygon * gain + (back.left, back.top)) * scale - 0.5
        ImageDraw.Draw(canvas).polygon([(x, y) for x, y in points.tolist()], fill=1)
    return np.asarray(canvas)[scale // 2 :: scale, scale // 2 :: scale]


def mask_from_runs(counts: list[int], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of an image from its run lengths."""
    runs = [np.full(count, index % 2 == 1) for index, count in enumerate(counts)]
    width, height = size_wh
    return np.concatenate(runs).reshape(width, height).T


def load(path: Path) -> Model:
    """Return the ONNX file as the function loads it."""
    return model.load(path, threads=1)
