"""Verification that the ONNX model computes the same as the torch model: both run on the same images.

The measure is the torch model itself: run in double precision it shows how much its single precision output is
rounded, for this network and this image. An ONNX output that differs by a few times that is the same function; a wrong
operator or a lost weight differs by thousands. A fixed tolerance could not do this: the rounding of one and the same
architecture was measured from 3e-5 to 3 pixels, depending on weights and image.
"""

from typing import Any, NamedTuple

import numpy as np

from export import console
from export.checkpoint import Checkpoint
from export.convert import Shape
from export.errors import VerificationError
from export.verify import dense, raw_outputs
from export.verify.boxes import IOU, Array, BoxComparison, compare_boxes, confidence_threshold
from export.verify.inputs import ModelInput, model_inputs
from export.verify.raw_outputs import ANCHORS, END_TO_END, PROBABILITIES, QUERIES, TOLERANCES, OutputLayout
from export.verify.runners import OnnxRunner, Outputs, TorchRunner, output_layout

# Measured over v8n, 9t, 10n, 11n, 26n, trained and random, 150 images: the ONNX output is 0.4 to 6.2 times as far from
# the torch output as that is from its own double precision. One filter scaled by 1 % is off by thousands.
MAX_RATIO = 20.0
PERTURBATIONS = 8  # imitations of that rounding, to see whether the boxes of an image depend on it

# RT-DETR refines the 300 best queries; where the 300th and the 301st score alike, rounding decides, and the one query
# that is another changes all others a little. This was measured in few of many images.
OTHER_QUERY = "ok (another query)"
MAX_OTHER_QUERIES = 0.25  # of the images

HEAD = ("x torch", "boxes", "min IoU", "conf diff", "")


class Comparison(NamedTuple):
    """The results of both models for one image."""

    image: ModelInput
    differences: dict[str, float]  # ONNX from torch
    rounding: dict[str, float]  # torch from itself in double precision
    boxes: BoxComparison  # ONNX and torch
    is_stable: bool  # torch's boxes stay the same when its output is perturbed by its own rounding
    queries: bool = False  # True for RT-DETR

    @property
    def ratio(self) -> float:
        """The largest difference of the ONNX output, relative to torch's own rounding."""
        return raw_outputs.worst_ratio(self.differences, self.rounding, MAX_RATIO)

    @property
    def verdict(self) -> str:
        """The kind of difference, or ok; boxes that depend on torch's own rounding prove nothing."""
        if not self.ratio <= MAX_RATIO:  # also if it is NaN
            return OTHER_QUERY if self.queries and self.boxes.agrees else "RAW OUTPUT DIFFERS"
        if not self.boxes.agrees and self.is_stable:
            return "BOXES DIFFER"
        return "ok" if self.boxes.agrees else "ok (boxes depend on rounding)"

    @property
    def is_ok(self) -> bool:
        """True if the results are the same but for rounding."""
        return self.verdict.startswith("ok")

    def as_json(self) -> dict[str, Any]:
        """Return the values that JSON can hold, for the file of `--json`."""
        return {
            "name": self.image.name,
            "input_wh": list(self.image.tensor.shape[:1:-1]),
            "differences": self.differences,
            "torch_rounding": self.rounding,
            "ratio": self.ratio,
            "boxes": self.boxes._asdict(),
            "is_stable": self.is_stable,
            "verdict": self.verdict,
            "is_ok": self.is_ok,
        }


def verify(checkpoint: Checkpoint, session: Any, shape: Shape) -> list[dict[str, Any]]:
    """Run both models on every image, and print the table.

    Args:
        checkpoint: the weights of the torch model.
        session: onnxruntime's, of the ONNX file.
        shape: the input that was exported.

    Returns:
        The measurements of each image, for the report of `--json`.

    Raises:
        VerificationError: an image is outside the tolerance.
    """
    if checkpoint.is_dense:
        return dense.verify_outputs(checkpoint, session, shape)
    layout = output_layout(checkpoint, shape.end2end)
    torch_runner, onnx_runner = TorchRunner(checkpoint, shape.end2end), OnnxRunner(session, shape)
    images = list(model_inputs(shape, checkpoint))
    comparisons = []
    for number, image in enumerate(images, start=1):
        console.detail(f"{number} of {len(images)}: {image.name}")
        comparisons.append(_compare(layout, image, torch_runner(image.tensor), onnx_runner(image.tensor, number)))
    head = ("image", "input", *comparisons[0].differences, *HEAD)
    rows = [head, *(_cells(comparison) for comparison in comparisons)]
    report = [comparison.as_json() for comparison in comparisons]
    failed = _failed(comparisons)
    if failed:
        console.table(rows)
        named = "; ".join(f"{comparison.image.name}: {comparison.verdict.lower()}" for comparison in failed)
        raise VerificationError(
            f"the ONNX model differs from {checkpoint.path} ({named}); nothing was written", {"images": report}
        )
    console.detail_table(rows)
    console.verdict(_summary(comparisons))
    return report


def _summary(comparisons: list[Comparison]) -> str:
    """Return the verdict in one line."""
    count = f"verified on {len(comparisons)} images"
    if not all(comparison.boxes.agrees for comparison in comparisons):
        return f"{count}: the outputs agree; some boxes depend on rounding (--verbose shows which)"
    largest = max(comparison.boxes.max_conf_diff for comparison in comparisons)
    return f"{count}: same results, confidence within {largest:.0e}"


def _failed(comparisons: list[Comparison]) -> list[Comparison]:
    """Return the images outside the tolerance."""
    failed = [comparison for comparison in comparisons if not comparison.is_ok]
    other_query = [comparison for comparison in comparisons if comparison.verdict == OTHER_QUERY]
    return failed + (other_query if len(other_query) > MAX_OTHER_QUERIES * len(comparisons) else [])


def _compare(
    layout: OutputLayout, image: ModelInput, torch_outputs: tuple[Outputs, Outputs], onnx_outputs: Outputs
) -> Comparison:
    single, double = torch_outputs
    input_wh = (image.tensor.shape[3], image.tensor.shape[2])
    exact, reference, other = (
        raw_outputs.to_rows(layout, outputs.first, input_wh) for outputs in (double, single, onnx_outputs)
    )
    differences = _differences(layout, reference, other) | _prototypes(single, onnx_outputs)
    rounding = _differences(layout, exact, reference[: len(other)]) | _prototypes(double, single)
    if _is_end_to_end(layout):
        reference = raw_outputs.counterparts(reference, other)
    conf = confidence_threshold(raw_outputs.best_scores(layout, reference))
    boxes = compare_boxes(_boxes(layout, reference, conf), _boxes(layout, other, conf))
    is_stable = boxes.agrees or _is_stable(layout, reference, rounding, conf)
    return Comparison(image, differences, rounding, boxes, is_stable, layout.rows == QUERIES)


def _differences(layout: OutputLayout, reference: Array, other: Array) -> dict[str, float]:
    """Return differences; an end-to-end row is compared with its counterpart, and no better row may be missing."""
    if not _is_end_to_end(layout):
        return raw_outputs.differences(layout, reference, other)
    largest = raw_outputs.differences(layout, raw_outputs.counterparts(reference, other), other)
    best, scores = (np.sort(rows[:, 4])[::-1] for rows in (reference, other))
    largest["scores"] = float(np.max([largest["scores"], np.abs(best[: len(scores)] - scores).max()]))
    return largest


def _is_end_to_end(layout: OutputLayout) -> bool:
    return layout.rows in (END_TO_END, QUERIES)


def _prototypes(reference: Outputs, other: Outputs) -> dict[str, float]:
    if reference.prototypes is None or other.prototypes is None:
        return {}
    return {"prototypes": float(np.abs(reference.prototypes.astype(np.float64) - other.prototypes).max())}


def _is_stable(layout: OutputLayout, rows: Array, rounding: dict[str, float], conf: float) -> bool:
    """Return True if the boxes stay the same however the output is rounded.

    Weights with little training score neighboring anchors alike to the seventh digit; which of them wins, and with it
    every box after, is then chance.
    """
    random = np.random.default_rng(0)
    amplitude = np.zeros(rows.shape[1])
    for column in raw_outputs.columns(layout):
        if column.name != "class":
            amplitude[column.at] = max(rounding[column.name], TOLERANCES[column.name])
    boxes = _boxes(layout, rows, conf)
    perturbed = (rows + amplitude * random.uniform(-1, 1, rows.shape) for _ in range(PERTURBATIONS))
    return all(compare_boxes(boxes, _boxes(layout, other, conf)).agrees for other in perturbed)


def _boxes(layout: OutputLayout, rows: Array, conf: float) -> Array:
    """Return (N, 6+E) corners, score, class, extras of one image. A class is a box as large as the image."""
    if layout.rows == PROBABILITIES:
        best = int(rows[0].argmax())
        return np.array([[0, 0, 1, 1, rows[0, best], best]])
    boxes = _nms(layout, rows, conf) if layout.rows == ANCHORS else rows[rows[:, 4] > conf]
    if layout.task != "obb" and layout.rows != QUERIES:
        return boxes
    half = boxes[:, 2:4] / 2  # of an oriented box without its rotation; the angle has its own column
    return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half, boxes[:, 4:]), axis=1)


def _nms(layout: OutputLayout, rows: Array, conf: float) -> Array:
    """Return the rows that Ultralytics' own NMS keeps: (A, 4+C+E) -> (N, 6+E)."""
    import torch
    from ultralytics.utils.nms import non_max_suppression

    prediction = torch.from_numpy(np.array(rows.T[None], dtype=np.float32))  # NMS writes into it
    rotated = layout.task == "obb"
    kept = non_max_suppression(prediction, conf_thres=conf, iou_thres=IOU, nc=layout.classes, rotated=rotated)
    return np.asarray(kept[0].numpy())


def _cells(comparison: Comparison) -> tuple[str, ...]:
    height, width = comparison.image.tensor.shape[2:]
    expected, detected = comparison.boxes.counts
    return (
        comparison.image.name,
        f"{width}x{height}",
        *(f"{difference:.1e}" for difference in comparison.differences.values()),
        f"{comparison.ratio:.1f}",
        f"{detected} of {expected}",
        f"{comparison.boxes.min_iou:.5f}",
        f"{comparison.boxes.max_conf_diff:.1e}",
        comparison.verdict,
    )
