#!/usr/bin/env python3
"""What FAST_DECODE=1 does to the boxes and to the time, on large pictures, against exact decoding in the same process.

    .venv/dev/bin/python benchmarks/fast_decode.py model.onnx [PICTURE.jpg ...]

Without pictures it takes the large samples, and draws scenes of 12 and 24 megapixels with dials of known places.
"""

import argparse
import io
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from example.images import Plan, make  # noqa: E402  (neighbors, not installed packages)
from function import model  # noqa: E402
from function.arrays import Floats, Ints  # noqa: E402
from function.model import Model  # noqa: E402
from function.postprocess.boxes import iou_one_to_many  # noqa: E402
from function.predictor import predict  # noqa: E402
from function.request import Options, Request  # noqa: E402
from function.results import Prediction  # noqa: E402
from function.settings import Settings  # noqa: E402

SAMPLES = ("gauges-large-1920x1080", "mixed-large-2400x1600")
SEED = 20265  # of no split of the example's data, and of no sample
DRAWN = ((4000, (4, 3)), (6000, (3, 2)))  # long side in pixels, width : height
SCENES = 3  # of each size
QUALITY = 85  # of the JPEG files
MATCH = 0.5  # IoU of two boxes that are the same thing
ROUNDS = 9  # of each way, in turn; times are medians


class Boxes(NamedTuple):
    """Things on a picture, best first where that can be said."""

    boxes_xyxy: Floats  # (N, 4), pixels
    class_ids: Ints  # (N,)
    scores: Floats  # (N,); ones where they are the truth


class Case(NamedTuple):
    """One picture, and what is on it where that is known."""

    name: str
    data: bytes
    truth: Boxes | None


class Row(NamedTuple):
    """One picture, exact and fast."""

    name: str
    truth: int  # things that are known to be there; 0 where nothing is known
    exact_right: int  # of those
    fast_right: int
    exact: int  # boxes
    fast: int
    matched: int
    iou_min: float  # 1 where nothing is matched
    confidence_max: float  # largest difference
    exact_ms: float  # read and preprocess
    fast_ms: float


def main(arguments: list[str]) -> int:
    """Prints a line for each picture and one of all."""
    parser = argparse.ArgumentParser(prog="compare_fast_decode.py", description=str(__doc__).splitlines()[0])
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE.jpg")
    given = parser.parse_args(arguments)
    served = model.load(given.model, threads=1)
    if not isinstance(served, Model) or served.metadata.task == "classify":
        parser.error(f"{given.model} finds no boxes")
    rows = []
    for case in map(_file, given.pictures) if given.pictures else _own():
        rows.append(compare(served, case))
        sys.stdout.write(_line(rows[-1]))
    total = Row(
        name=f"{len(rows)} pictures",
        truth=sum(row.truth for row in rows),
        exact_right=sum(row.exact_right for row in rows),
        fast_right=sum(row.fast_right for row in rows),
        exact=sum(row.exact for row in rows),
        fast=sum(row.fast for row in rows),
        matched=sum(row.matched for row in rows),
        iou_min=min(row.iou_min for row in rows),
        confidence_max=max(row.confidence_max for row in rows),
        exact_ms=sum(row.exact_ms for row in rows),
        fast_ms=sum(row.fast_ms for row in rows),
    )
    sys.stdout.write(_line(total))
    return 0


def compare(served: Model, case: Case) -> Row:
    """Both ways on one picture."""
    request = Request(case.data, case.name, Options())
    exact, fast = Settings.from_env({}), Settings.from_env({"FAST_DECODE": "1"})
    pairs = [(_boxes(served, exact, request), _boxes(served, fast, request)) for _ in range(ROUNDS)]
    wanted, found = (Boxes(one.boxes_xyxy, one.class_ids, one.scores) for one in pairs[0])
    ious, differences = match(wanted, found)
    truth = case.truth or Boxes(wanted.boxes_xyxy[:0], wanted.class_ids[:0], wanted.scores[:0])
    return Row(
        name=case.name,
        truth=len(truth.scores),
        exact_right=len(match(truth, wanted)[0]),
        fast_right=len(match(truth, found)[0]),
        exact=len(wanted.scores),
        fast=len(found.scores),
        matched=len(ious),
        iou_min=min(ious, default=1.0),
        confidence_max=max(differences, default=0.0),
        exact_ms=statistics.median(one.timing.read + one.timing.preprocess for one, _ in pairs),
        fast_ms=statistics.median(one.timing.read + one.timing.preprocess for _, one in pairs),
    )


def _boxes(served: Model, settings: Settings, request: Request) -> Prediction:
    found = predict(served, settings, request)
    assert isinstance(found, Prediction)
    return found


def match(wanted: Boxes, found: Boxes) -> tuple[list[float], list[float]]:
    """IoU and difference in confidence of the pairs, each found box used once."""
    unused = list(range(len(found.scores)))
    ious, differences = [], []
    for box, score, class_id in zip(wanted.boxes_xyxy, wanted.scores, wanted.class_ids, strict=True):
        same = [index for index in unused if found.class_ids[index] == class_id]
        overlaps = iou_one_to_many(box, found.boxes_xyxy[same])
        if not (same and overlaps.max() >= MATCH):
            continue
        best = same[int(overlaps.argmax())]
        unused.remove(best)
        ious.append(float(overlaps.max()))
        differences.append(abs(float(found.scores[best] - score)))
    return ious, differences


def _file(path: Path) -> Case:
    return Case(path.name, path.read_bytes(), None)


def _own() -> Iterator[Case]:
    for name in SAMPLES:
        yield _file(ROOT / "example" / "samples" / f"{name}.jpg")
    for long_side, shape in DRAWN:
        for index in range(SCENES):
            scene = make(SEED, index, Plan(long_side, shape, 5, 0.4, (0.08, 0.3), 0.4))
            file = io.BytesIO()
            scene.image.save(file, "JPEG", quality=QUALITY)
            known = np.ones(len(scene.class_ids), dtype=np.float32)
            truth = Boxes(scene.boxes_xyxy.astype(np.float32), scene.class_ids, known)
            yield Case(f"drawn-{long_side}-{index}", file.getvalue(), truth)


def _line(row: Row) -> str:
    known = f"  of {row.truth} there: {row.exact_right} and {row.fast_right}" if row.truth else ""
    return (
        f"{row.name:<26} boxes {row.exact:>3} exact {row.fast:>3} fast {row.matched:>3} matched   IoU >= "
        f"{row.iou_min:.3f}   confidence within {row.confidence_max:.3f}   "
        f"{row.exact_ms:7.1f} -> {row.fast_ms:6.1f} ms{known}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
