"""Does the ONNX model do what the torch model does? Both see the same pictures.

The measure is the torch model itself: run in double precision it shows how much its single precision output is
rounded, for this network and this picture. An ONNX output that is off by a few times that is the same function; a wrong
operator or a lost weight is off by thousands. A fixed tolerance could not do this: the rounding of one and the same
architecture was measured from 3e-5 to 3 pixels, depending on weights and picture.
"""

from typing import NamedTuple

import numpy as np

from export import console
from export.checkpoint import Checkpoint
from export.convert import Shape
from export.errors import VerificationError
from export.verify import raw_outputs
from export.verify.boxes import IOU, Array, BoxComparison, final, threshold
from export.verify.inputs import Case, cases
from export.verify.raw_outputs import ANCHORS, FINISHED, PROBABILITIES, QUERIES, TOLERANCES, OutputLayout
from export.verify.runners import OnnxRunner, Outputs, TorchRunner, kind

# Measured over v8n, 9t, 10n, 11n, 26n, trained and random, 150 pictures: the ONNX output is 0.4 to 6.2 times as far
# from the torch output as that is from its own double precision. One filter scaled by 1 % is off by thousands.
MAX_RATIO = 20.0
PERTURBATIONS = 8  # times that rounding is imitated to see whether the boxes of a picture hang on it

# RT-DETR looks closer at the 300 best places; where the 300th and the 301st score alike, rounding chooses, and the one
# place that is another changes all others a little. Of many pictures that happens in few.
OTHER_QUERY = "ok (another query)"
MAX_OTHER_QUERIES = 0.25  # of the pictures

HEAD = ("x torch", "found", "min IoU", "conf diff", "")


class Row(NamedTuple):
    """One picture."""

    case: Case
    apart: dict[str, float]  # ONNX against torch
    own: dict[str, float]  # torch against itself in double precision
    boxes: BoxComparison  # ONNX against torch
    is_stable: bool  # torch's boxes stay the same when its output is shaken by its own rounding
    queries: bool = False  # of RT-DETR

    @property
    def ratio(self) -> float:
        """How many times torch's own rounding the ONNX output is off, at its worst."""
        return raw_outputs.ratio(self.apart, self.own, MAX_RATIO)

    @property
    def verdict(self) -> str:
        """What is wrong, or ok; boxes that hang on torch's own rounding are no evidence."""
        if not self.ratio <= MAX_RATIO:  # also when it is not a number
            return OTHER_QUERY if self.queries and self.boxes.agrees else "RAW OUTPUT DIFFERS"
        if not self.boxes.agrees and self.is_stable:
            return "BOXES DIFFER"
        return "ok" if self.boxes.agrees else "ok (hangs on rounding)"


def verify(checkpoint: Checkpoint, content: bytes, wanted: Shape) -> None:
    """Runs every case through both, prints the table.

    Args:
        checkpoint: the torch side.
        content: the ONNX file.
        wanted: the shape that it was made for.

    Raises:
        VerificationError: a row is outside tolerance.
    """
    meant = kind(checkpoint, wanted.end2end)
    torch_side, onnx_side = TorchRunner(checkpoint, wanted.end2end), OnnxRunner(content, wanted)
    shown = list(cases(wanted, checkpoint))
    rows = []
    for number, case in enumerate(shown, start=1):
        console.note(f"{number} of {len(shown)}: {case.name}")
        rows.append(_compare(meant, case, torch_side(case.tensor), onnx_side(case.tensor, number)))
    console.table([("picture", "input", *rows[0].apart, *HEAD), *(_cells(row) for row in rows)])
    bad = [row for row in rows if not row.verdict.startswith("ok")]
    chance = [row for row in rows if row.verdict == OTHER_QUERY]
    bad += chance if len(chance) > MAX_OTHER_QUERIES * len(rows) else []
    if bad:
        rows_named = "; ".join(f"{row.case.name}: {row.verdict.lower()}" for row in bad)
        raise VerificationError(
            f"the ONNX model does not do what {checkpoint.path} does ({rows_named}); nothing was written"
        )


def _compare(meant: OutputLayout, case: Case, torch_side: tuple[Outputs, Outputs], onnx_side: Outputs) -> Row:
    single, double = torch_side
    input_wh = (case.tensor.shape[3], case.tensor.shape[2])
    exact, reference, other = (raw_outputs.rows(meant, one.first, input_wh) for one in (double, single, onnx_side))
    apart = _apart(meant, reference, other) | _prototypes(single, onnx_side)
    own = _apart(meant, exact, reference[: len(other)]) | _prototypes(double, single)
    if _is_finished(meant):
        reference = raw_outputs.pair(reference, other)
    conf = threshold(raw_outputs.best_scores(meant, reference))
    expected = _boxes(meant, reference, conf)
    boxes = final(expected, _boxes(meant, other, conf))
    is_stable = boxes.agrees or _settled(meant, reference, own, conf)
    return Row(case, apart, own, boxes, is_stable, meant.rows == QUERIES)


def _apart(meant: OutputLayout, reference: Array, other: Array) -> dict[str, float]:
    """Differences; of finished rows each with its counterpart, and none better left out."""
    if not _is_finished(meant):
        return raw_outputs.differences(meant, reference, other)
    found = raw_outputs.differences(meant, raw_outputs.pair(reference, other), other)
    best, given = (np.sort(one[:, 4])[::-1] for one in (reference, other))
    found["scores"] = float(np.max([found["scores"], np.abs(best[: len(given)] - given).max()]))
    return found


def _is_finished(meant: OutputLayout) -> bool:
    return meant.rows in (FINISHED, QUERIES)


def _prototypes(reference: Outputs, other: Outputs) -> dict[str, float]:
    if reference.prototypes is None or other.prototypes is None:
        return {}
    return {"prototypes": float(np.abs(reference.prototypes.astype(np.float64) - other.prototypes).max())}


def _settled(meant: OutputLayout, rows: Array, own: dict[str, float], conf: float) -> bool:
    """Whether the boxes stay the same however the output is rounded.

    Weights with little training score neighboring anchors alike to the seventh digit; which of them wins, and with it
    every box after, is then chance.
    """
    random = np.random.default_rng(0)
    amplitude = np.zeros(rows.shape[1])
    for column in raw_outputs.columns(meant):
        if column.name != "class":
            amplitude[column.at] = max(own[column.name], TOLERANCES[column.name])
    boxes = _boxes(meant, rows, conf)
    shaken = (rows + amplitude * random.uniform(-1, 1, rows.shape) for _ in range(PERTURBATIONS))
    return all(final(boxes, _boxes(meant, other, conf)).agrees for other in shaken)


def _boxes(meant: OutputLayout, rows: Array, conf: float) -> Array:
    """Rows of one picture -> (N, 6+E) corners, score, class, extras. A class is a box as large as the picture."""
    if meant.rows == PROBABILITIES:
        best = int(rows[0].argmax())
        return np.array([[0, 0, 1, 1, rows[0, best], best]])
    found = _nms(meant, rows, conf) if meant.rows == ANCHORS else rows[rows[:, 4] > conf]
    if meant.task != "obb" and meant.rows != QUERIES:
        return found
    half = found[:, 2:4] / 2  # of an oriented box as it would lie unrotated; its angle is compared for itself
    return np.concatenate((found[:, :2] - half, found[:, :2] + half, found[:, 4:]), axis=1)


def _nms(meant: OutputLayout, rows: Array, conf: float) -> Array:
    """(A, 4+C+E) -> (N, 6+E), by Ultralytics' own NMS."""
    import torch
    from ultralytics.utils.nms import non_max_suppression

    prediction = torch.from_numpy(np.array(rows.T[None], dtype=np.float32))  # NMS writes into it
    rotated = meant.task == "obb"
    kept = non_max_suppression(prediction, conf_thres=conf, iou_thres=IOU, nc=meant.classes, rotated=rotated)
    return np.asarray(kept[0].numpy())


def _cells(row: Row) -> tuple[str, ...]:
    height, width = row.case.tensor.shape[2:]
    counts = row.boxes.counts
    return (
        row.case.name,
        f"{width}x{height}",
        *(f"{apart:.1e}" for apart in row.apart.values()),
        f"{row.ratio:.1f}",
        f"{counts[1]} of {counts[0]}",
        f"{row.boxes.min_iou:.5f}",
        f"{row.boxes.max_conf_diff:.1e}",
        row.verdict,
    )
