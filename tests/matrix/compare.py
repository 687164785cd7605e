"""One network in one form: what `predict` finds in the .pt, what the function finds in the ONNX, and how far apart."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from function import model
from function.model import Model
from function.postprocess.boxes import iou_one_to_many
from function.predictor import predict
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox
from function.request import Options, Request
from function.results import Classification, Prediction
from function.settings import Settings
from tests.matrix.cells import PICTURES

IOU = 0.7
WANTED = 50  # candidates that must survive the confidence
LIMITS = {  # of the matrix; "iou" and the masks are the least, the others the most
    "iou": 0.99,
    "confidence": 0.005,
    "keypoints": 1.0,  # px
    "masks": 0.95,
    "run_lengths": 0.95,
    "angles": 0.01,  # rad
}
SAME = 0.01  # px
LEAST = ("iou", "masks", "run_lengths")


class Choice(NamedTuple):
    """How a picture is looked at: no candidate and no pair of them lies on a threshold, where rounding would decide."""

    conf: float
    iou: float
    candidates: int  # above the confidence


class Difference(NamedTuple):
    """How far two answers to some pictures are apart."""

    wanted: int  # results
    found: int
    same_classes: bool
    measures: dict[str, float]  # the worst of each

    @property
    def complaints(self) -> list[str]:
        """What is outside of the limits."""
        said = [] if self.wanted == self.found else [f"{self.found} results for {self.wanted}"]
        said += [] if self.same_classes else ["other classes"]
        for name, value in self.measures.items():
            if (value < LIMITS[name]) if name in LEAST else (value > LIMITS[name]):
                said.append(f"{name} {value:.4g}")
        return said


def threshold(scores: NDArray[np.float32]) -> float:
    """A confidence that lets at least WANTED candidates pass, in the middle of a gap between two of them."""
    ranked = np.sort(scores)[::-1][WANTED - 1 : 2 * WANTED]
    gap = int((ranked[:-1] - ranked[1:]).argmax())
    return float(ranked[gap] + ranked[gap + 1]) / 2


def gap(overlaps: NDArray[np.float32], low: float = 0.6, high: float = 0.8) -> float:
    """The middle of the widest stretch without an overlap in it."""
    between = np.sort(overlaps[(overlaps > low) & (overlaps < high)])
    edges = np.concatenate(([low], between, [high]))
    widest = int(np.diff(edges).argmax())
    return float(edges[widest] + edges[widest + 1]) / 2


def compare(wanted: list[Any], served: Model, choices: list[Choice]) -> Difference:
    """Results of `predict` (with masks at the size of the input and of the picture) against the function's."""
    rows = []
    for path, choice, (result, native) in zip(PICTURES, choices, wanted, strict=True):
        settings = Settings.from_env({})._replace(conf=choice.conf, iou=choice.iou)
        masks = "rle" if served.metadata.task == "segment" else "polygons"
        found = predict(served, settings, Request(path.read_bytes(), None, Options(masks=masks)))
        rows.append(_one(result, native, found, served))
    names = {name for row in rows for name in row.measures}
    worst = {
        name: (min if name in LEAST else max)(row.measures[name] for row in rows if name in row.measures)
        for name in sorted(names)
    }
    return Difference(
        sum(row.wanted for row in rows), sum(row.found for row in rows), all(row.same_classes for row in rows), worst
    )


def _one(result: Any, native: Any, found: Prediction | Classification, served: Model) -> Difference:
    if isinstance(found, Classification):
        return _classes(result, found)
    boxes = result.obb if result.obb is not None else result.boxes
    wanted_ids = boxes.cls.numpy().astype(int)
    count = len(wanted_ids)
    if count != len(found.scores):
        return Difference(count, len(found.scores), False, {})
    pairs = _paired(boxes, found)
    ious = [_iou(box, found.boxes_xyxy[pair]) for box, pair in zip(boxes.xyxy.numpy(), pairs, strict=True)]
    measures = {
        "iou": min(ious, default=1.0),
        "confidence": float(np.abs(boxes.conf.numpy() - found.scores[pairs]).max(initial=0)),
    }
    if found.keypoints is not None:
        wanted = result.keypoints.data.numpy()
        measures["keypoints"] = float(np.abs(wanted[..., :2] - found.keypoints[pairs][..., :2]).max(initial=0))
        measures["confidence"] = max(
            measures["confidence"],
            float(np.abs(wanted[..., 2:] - found.keypoints[pairs][..., 2:]).max(initial=0)),
        )
    if found.boxes_cxcywhr is not None:
        turned = found.boxes_cxcywhr[pairs]
        measures["angles"] = float(np.abs(result.obb.xywhr.numpy()[:, 4] - turned[:, 4]).max(initial=0))
    if found.masks is not None:
        measures |= _masks(result, native, found, pairs, served)
    return Difference(count, count, bool((wanted_ids == found.class_ids[pairs]).all()), measures)


def _iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """1 for boxes of no area in the same place: a random network finds some beside the picture."""
    return 1.0 if np.abs(one - other).max() < SAME else float(iou_one_to_many(one, other[None])[0])


def _classes(result: Any, found: Classification) -> Difference:
    top = result.probs.top5
    scores = result.probs.data.numpy()[found.class_ids]
    same = top == found.class_ids.tolist()
    return Difference(len(top), len(found.class_ids), same, {"confidence": float(np.abs(scores - found.scores).max())})


def _paired(boxes: Any, found: Prediction) -> list[int]:
    """For each wanted box the unused one of its class that is nearest to it in place and confidence, or any left."""
    unused = list(range(len(found.scores)))
    pairs = []
    for box, class_id, score in zip(boxes.xyxy.numpy(), boxes.cls.numpy(), boxes.conf.numpy(), strict=True):
        same = [index for index in unused if found.class_ids[index] == class_id] or unused
        apart = np.abs(found.scores[same] - score) / LIMITS["confidence"]
        pairs.append(same[int((iou_one_to_many(box, found.boxes_xyxy[same]) - apart).argmax())])
        unused.remove(pairs[-1])
    return pairs


def _masks(result: Any, native: Any, found: Prediction, pairs: list[int], served: Model) -> dict[str, float]:
    """Polygons against masks at the size of the input, run lengths against masks at the size of the picture."""
    if result.masks is None or found.masks is None or found.masks.polygons is None or found.masks.run_lengths is None:
        return {}
    facts = served.metadata
    box = letterbox.fit(found.size_wh, facts.imgsz_hw, facts.stride, facts.rectangular)
    small = result.masks.data.numpy().astype(bool)
    large = native.masks.data.numpy().astype(bool)
    natives = zip(native.boxes.xyxy.numpy(), large, _paired(native.boxes, found), strict=True)
    inner = np.s_[box.top : box.top + box.resized_h, box.left : box.left + box.resized_w]  # the rest is padding
    polygons = [
        overlap(mask[inner], filled(found.masks.polygons[pair], box)[inner])
        for mask, pair in zip(small, pairs, strict=True)
    ]
    runs = [
        overlap(mask, painted(found.masks.run_lengths[pair], found.size_wh))
        for corners, mask, pair in natives
        if _iou(corners, found.boxes_xyxy[pair]) >= LIMITS["iou"]  # predict drops other empty masks at other sizes
    ]
    return {"masks": min(polygons, default=1.0), "run_lengths": min(runs, default=1.0)}


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """IoU of two masks; 1 where both are empty."""
    either = int((one | other).sum())
    return float((one & other).sum() / either) if either else 1.0


def filled(polygons: list[NDArray[np.float32]], box: Letterbox) -> NDArray[np.bool_]:
    """Polygons of the picture, filled in the network's input."""
    back = letterbox.inverse(box)
    gain = np.array([back.resized_w / box.image_w, back.resized_h / box.image_h])
    fine = 8  # pillow fills whole pixels: at eight times the size they are the parts of one
    canvas = Image.new("1", (box.input_w * fine, box.input_h * fine))
    for polygon in polygons:
        points = (polygon * gain + (back.left, back.top)) * fine - 0.5
        ImageDraw.Draw(canvas).polygon([(x, y) for x, y in points.tolist()], fill=1)
    return np.asarray(canvas)[fine // 2 :: fine, fine // 2 :: fine]


def painted(counts: list[int], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Run lengths as the mask of a picture."""
    runs = [np.full(count, index % 2 == 1) for index, count in enumerate(counts)]
    width, height = size_wh
    return np.concatenate(runs).reshape(width, height).T


def load(path: Path) -> Model:
    """The ONNX file, as the function loads it."""
    return model.load(path, threads=1)
