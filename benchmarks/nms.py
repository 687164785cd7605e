"""Decoding and non-maximum suppression of 33,600 candidates through the function: time and additional memory."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks import in_process, inputs, nms_model, report
from benchmarks.contenders import Contender
from benchmarks.models import BUILD, IMAGE

CONF = 0.001
NO_CANDIDATES = 0.99  # a confidence above every score: the same request without candidates
IMAGE_WH = (640, 640)  # px
IOUS = (0.7, 0.45)  # the default of Ultralytics, and a common stricter value


class NmsCost(NamedTuple):
    """Cost of one distribution of boxes.

    Attributes:
        boxes: `uniform` or `clustered`.
        iou: threshold of the suppression.
        kept: boxes in the response.
        idle_ms: postprocessing without candidates, median, milliseconds.
        ms: postprocessing with all candidates, median, milliseconds.
        above_bytes: peak resident size during the first request, above the size before it.
    """

    boxes: str
    iou: float
    kept: int
    idle_ms: float
    ms: float
    above_bytes: int


def measure(built: Contender, runs: int) -> list[NmsCost]:
    """Measure both distributions at each IoU threshold, on one CPU."""
    image = inputs.jpeg(IMAGE, IMAGE_WH)
    costs = []
    for name, clustered in (("uniform", False), ("clustered", True)):
        model = BUILD / "models" / f"nms-{name}.onnx"
        model.parent.mkdir(parents=True, exist_ok=True)
        nms_model.save(model, clustered)
        for iou in IOUS:
            with in_process.running(built.dist, 1, {"MODEL_PATH": str(model)}) as function:
                costs.append(_measure(function, image, name, iou, runs))
    return costs


def _measure(function: in_process.FunctionProcess, image: bytes, name: str, iou: float, runs: int) -> NmsCost:
    without = inputs.event(image, f"conf={NO_CANDIDATES}&iou={iou}")
    full = inputs.event(image, f"conf={CONF}&iou={iou}")
    idle = [function.invoke(without) for _ in range(max(runs, 2))]
    function.reset_peak()
    first = function.invoke(full)  # the memory is that of this request: later ones reuse what it left allocated
    results = [first, *(function.invoke(full) for _ in range(runs - 1))]
    return NmsCost(
        boxes=name,
        iou=iou,
        kept=first["count"],
        idle_ms=statistics.median(result["timing_ms"]["postprocess"] for result in idle),
        ms=statistics.median(result["timing_ms"]["postprocess"] for result in results),
        above_bytes=first["after"]["peak"] - first["before"]["resident"],
    )


def text(costs: Sequence[NmsCost]) -> str:
    """Return the table."""
    rows = [[f"{nms_model.ANCHORS:,} x {nms_model.CLASSES}, conf {CONF}", "IoU", "kept", "without candidates ms",
             "decode + NMS ms", "additional MB"]]  # fmt: skip
    rows += [
        [cost.boxes, f"{cost.iou}", f"{cost.kept}", report.ms(cost.idle_ms), report.ms(cost.ms),
         report.mb(cost.above_bytes)]
        for cost in costs
    ]  # fmt: skip
    return report.table(rows)


def fields(costs: Sequence[NmsCost]) -> dict[str, Any]:
    """Return the results for the JSON document."""
    return {"costs": [cost._asdict() for cost in costs]}
