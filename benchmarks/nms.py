"""Decoding and NMS at their worst, through the function itself: time, and memory above what it had before."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks import in_process, inputs, nms_model, report
from benchmarks.contenders import Contender
from benchmarks.models import BUILD, PICTURE

CONF = 0.001
NOTHING_PASSES = 0.99  # a confidence above every score: the same request, without candidates
PICTURE_WH = (640, 640)  # px
IOUS = (0.7, 0.45)  # ultralytics' default, and a usual stricter one


class Crowd(NamedTuple):
    """What a crowd cost.

    Attributes:
        boxes: `anywhere` or `in heaps`.
        iou: of the suppression.
        kept: boxes in the answer.
        idle_ms: decoding when nothing passes; milliseconds.
        ms: decoding and NMS, median.
        above_bytes: largest resident size meanwhile, above that before.
    """

    boxes: str
    iou: float
    kept: int
    idle_ms: float
    ms: float
    above_bytes: int


def measure(built: Contender, runs: int) -> list[Crowd]:
    """Both kinds of crowd at each IoU; one CPU."""
    picture = inputs.jpeg(PICTURE, PICTURE_WH)
    found = []
    for name, clustered in (("anywhere", False), ("in heaps", True)):
        model = BUILD / "models" / f"crowd-{int(clustered)}.onnx"
        model.parent.mkdir(parents=True, exist_ok=True)
        nms_model.save(model, clustered)
        for iou in IOUS:
            with in_process.served(built.dist, 1, {"MODEL_PATH": str(model)}) as function:
                found.append(_one(function, picture, name, iou, runs))
    return found


def _one(function: in_process.Served, picture: bytes, name: str, iou: float, runs: int) -> Crowd:
    quiet = inputs.event(picture, f"conf={NOTHING_PASSES}&iou={iou}")
    full = inputs.event(picture, f"conf={CONF}&iou={iou}")
    idle = [function.ask(quiet) for _ in range(max(runs, 2))]
    function.forget_peak()
    first = function.ask(full)  # its memory: later ones find what it left
    told = [first, *(function.ask(full) for _ in range(runs - 1))]
    return Crowd(
        name, iou, told[0]["count"],
        statistics.median(one["timing_ms"]["postprocess"] for one in idle),
        statistics.median(one["timing_ms"]["postprocess"] for one in told),
        first["after"]["peak"] - first["before"]["resident"],
    )  # fmt: skip


def text(found: Sequence[Crowd]) -> str:
    """A table."""
    rows = [[f"{nms_model.ANCHORS:,} x {nms_model.CLASSES}, conf {CONF}", "IoU", "kept", "nothing passes ms",
             "decode + NMS ms", "MB above before"]]  # fmt: skip
    rows += [
        [one.boxes, f"{one.iou}", f"{one.kept}", report.ms(one.idle_ms), report.ms(one.ms), report.mb(one.above_bytes)]
        for one in found
    ]
    return report.table(rows)


def document(found: Sequence[Crowd]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [one._asdict() for one in found]
