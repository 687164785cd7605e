"""Comparison of FAST_DECODE=1 with exact decoding: boxes and times on large images, in one process.

`scripts/bench.sh fast-decode model.onnx [IMAGE ...]`; without images it uses the two large samples of the example, and
draws scenes of 12 and 24 megapixels with dials at known positions.
"""

import argparse
import io
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.models import ROOT
from example.images import Plan, draw_scene
from function import model
from function.arrays import Floats, Ints
from function.errors import UnusableModel
from function.model import Model
from function.postprocess.boxes import iou_one_to_many
from function.predictor import predict
from function.request import Options
from function.results import Prediction
from function.settings import Settings
from scripts.command_line import Parser

SAMPLES = ("gauges-large-1920x1080", "mixed-large-2400x1600")
SEED = 20265  # not used by the data sets and samples of the example
SIZES = ((4000, (4, 3)), (6000, (3, 2)))  # long side in px, width : height
SCENES = 3  # of each size
QUALITY = 85  # of the JPEGs
MATCH_IOU = 0.5  # two boxes match from here on
ROUNDS = 9  # runs of each mode, alternating; the times are medians


class Boxes(NamedTuple):
    """Objects in an image, best first if they are detections."""

    boxes_xyxy: Floats  # (N, 4), pixels of the image
    class_ids: Ints  # (N,)
    scores: Floats  # (N,); 1 for known objects


class Case(NamedTuple):
    """An image; with its objects if they are known."""

    name: str
    data: bytes
    truth: Boxes | None


class Comparison(NamedTuple):
    """Results of exact and of fast decoding.

    Attributes:
        name: of the image.
        truth: number of known objects; 0 if they are not known.
        exact_correct: known objects that exact decoding detects.
        fast_correct: known objects that fast decoding detects.
        exact: number of boxes with exact decoding.
        fast: number of boxes with fast decoding.
        matched: number of pairs of matching boxes.
        min_iou: smallest IoU of the pairs; 1 without pairs.
        max_confidence_difference: largest difference in confidence of the pairs; 0 without pairs.
        exact_ms: time to read and preprocess with exact decoding.
        fast_ms: time to read and preprocess with fast decoding.
    """

    name: str
    truth: int
    exact_correct: int
    fast_correct: int
    exact: int
    fast: int
    matched: int
    min_iou: float
    max_confidence_difference: float
    exact_ms: float
    fast_ms: float


def main(arguments: Sequence[str]) -> int:
    """Print one line for each image and one for all of them; return the exit code."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    for name, path in (("MODEL", options.model), *(("IMAGE", image) for image in options.images)):
        if not path.is_file():
            command.error(f"{name} must be a file, got {path}")
    try:
        loaded = model.load(options.model, threads=1)
    except UnusableModel as error:
        command.error(str(error))
    if not isinstance(loaded, Model) or loaded.metadata.task == "classify":
        command.error(f"MODEL must be a model that returns boxes, got {options.model}")
    comparisons = []
    for case in map(_read, options.images) if options.images else _default_cases():
        comparisons.append(compare(loaded, case))
        sys.stdout.write(_line(comparisons[-1]))
    sys.stdout.write(_line(_total(comparisons)))
    return 0


def parser() -> Parser:
    """Return the parser of the command line."""
    prog = "scripts/bench.sh fast-decode"
    command = Parser(
        prog=prog, description="Compare FAST_DECODE=1 with exact decoding: boxes and times on large images."
    )
    command.add_version()
    command.add_argument("model", type=Path, metavar="MODEL", help="ONNX file of a model that returns boxes")
    command.add_argument(
        "images",
        nargs="*",
        type=Path,
        metavar="IMAGE",
        help="image to compare (default: two samples of the example, and drawn scenes of 12 and 24 megapixels)",
    )
    return command


def compare(loaded: Model, case: Case) -> Comparison:
    """Detect the objects of one image in both modes, ROUNDS times each."""
    exact, fast = Settings.from_env({}), Settings.from_env({"FAST_DECODE": "1"})
    pairs = [(_predict(loaded, exact, case.data), _predict(loaded, fast, case.data)) for _ in range(ROUNDS)]
    exact_boxes, fast_boxes = (
        Boxes(prediction.boxes_xyxy, prediction.class_ids, prediction.scores) for prediction in pairs[0]
    )
    ious, differences = match(exact_boxes, fast_boxes)
    truth = case.truth or Boxes(exact_boxes.boxes_xyxy[:0], exact_boxes.class_ids[:0], exact_boxes.scores[:0])
    return Comparison(
        name=case.name,
        truth=len(truth.scores),
        exact_correct=len(match(truth, exact_boxes)[0]),
        fast_correct=len(match(truth, fast_boxes)[0]),
        exact=len(exact_boxes.scores),
        fast=len(fast_boxes.scores),
        matched=len(ious),
        min_iou=min(ious, default=1.0),
        max_confidence_difference=max(differences, default=0.0),
        exact_ms=statistics.median(_input_ms(prediction) for prediction, _ in pairs),
        fast_ms=statistics.median(_input_ms(prediction) for _, prediction in pairs),
    )


def match(reference: Boxes, detected: Boxes) -> tuple[list[float], list[float]]:
    """Return the IoU and the difference in confidence of each matching pair; each detected box is used once."""
    unused = list(range(len(detected.scores)))
    ious, differences = [], []
    for box, score, class_id in zip(reference.boxes_xyxy, reference.scores, reference.class_ids, strict=True):
        same_class = [index for index in unused if detected.class_ids[index] == class_id]
        overlaps = iou_one_to_many(box, detected.boxes_xyxy[same_class])
        if not (same_class and overlaps.max() >= MATCH_IOU):
            continue
        best = same_class[int(overlaps.argmax())]
        unused.remove(best)
        ious.append(float(overlaps.max()))
        differences.append(abs(float(detected.scores[best] - score)))
    return ious, differences


def _predict(loaded: Model, settings: Settings, data: bytes) -> Prediction:
    prediction = predict(loaded, settings, data, Options())
    assert isinstance(prediction, Prediction)
    return prediction


def _input_ms(prediction: Prediction) -> float:
    return prediction.timing.read + prediction.timing.preprocess


def _read(path: Path) -> Case:
    return Case(path.name, path.read_bytes(), None)


def _default_cases() -> Iterator[Case]:
    for name in SAMPLES:
        yield _read(ROOT / "example" / "samples" / f"{name}.jpg")
    for long_side, shape in SIZES:
        for index in range(SCENES):
            scene = draw_scene(SEED, index, Plan(long_side, shape, 5, 0.4, (0.08, 0.3), 0.4))
            file = io.BytesIO()
            scene.image.save(file, "JPEG", quality=QUALITY)
            scores = np.ones(len(scene.class_ids), dtype=np.float32)
            truth = Boxes(scene.boxes_xyxy.astype(np.float32), scene.class_ids, scores)
            yield Case(f"drawn-{long_side}-{index}", file.getvalue(), truth)


def _total(comparisons: Sequence[Comparison]) -> Comparison:
    return Comparison(
        name=f"{len(comparisons)} images",
        truth=sum(each.truth for each in comparisons),
        exact_correct=sum(each.exact_correct for each in comparisons),
        fast_correct=sum(each.fast_correct for each in comparisons),
        exact=sum(each.exact for each in comparisons),
        fast=sum(each.fast for each in comparisons),
        matched=sum(each.matched for each in comparisons),
        min_iou=min(each.min_iou for each in comparisons),
        max_confidence_difference=max(each.max_confidence_difference for each in comparisons),
        exact_ms=sum(each.exact_ms for each in comparisons),
        fast_ms=sum(each.fast_ms for each in comparisons),
    )


def _line(row: Comparison) -> str:
    known = f"  correct of {row.truth}: {row.exact_correct} and {row.fast_correct}" if row.truth else ""
    return (
        f"{row.name:<26} boxes {row.exact:>3} exact {row.fast:>3} fast {row.matched:>3} matched   IoU >= "
        f"{row.min_iou:.3f}   confidence within {row.max_confidence_difference:.3f}   "
        f"{row.exact_ms:7.1f} -> {row.fast_ms:6.1f} ms{known}\n"
    )
