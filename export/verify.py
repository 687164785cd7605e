"""Does the ONNX model do what the torch model does? Both see the same pictures.

The measure is the torch model itself: run in double precision it shows how much its single precision output is
rounded, for this network and this picture. An ONNX output that is off by a few times that is the same function; a wrong
operator or a lost weight is off by thousands. A fixed tolerance could not do this: the rounding of one and the same
architecture was measured from 3e-5 to 3 pixels, depending on weights and picture.
"""

from typing import Any, NamedTuple

import numpy as np

from export import report
from export.agreement import IOU, Array, Final, Raw, final, raw, threshold
from export.cases import Case, cases
from export.checkpoint import Checkpoint
from export.convert import Shape
from export.errors import Differs

# Measured over v8n, 9t, 10n, 11n, 26n, trained and random, 150 pictures: the ONNX output is 0.4 to 6.2 times as far
# from the torch output as that is from its own double precision. One filter scaled by 1 % is off by thousands.
MAX_RATIO = 20.0
# Differences up to these are nothing, whatever the ratio: a hundredth of what the function promises for a box of 50
# pixels, and of the 0.002 that it promises for a confidence. Trained models were measured at 3e-4 and 2e-6.
BOX_FLOOR = 2e-3  # pixels
SCORE_FLOOR = 2e-5

SHAKES = 8  # times that rounding is imitated to see whether the boxes of a picture hang on it

HEAD = ("picture", "input", "boxes px", "scores", "relative", "x torch", "found", "min IoU", "conf diff", "")


class Row(NamedTuple):
    """One picture."""

    case: Case
    apart: Raw  # ONNX against torch
    own: Raw  # torch against itself in double precision
    boxes: Final  # ONNX against torch
    settled: bool  # torch's boxes stay the same when its output is shaken by its own rounding

    @property
    def ratio(self) -> float:
        """How many times torch's own rounding the ONNX output is off, boxes or scores."""
        return max(
            self.apart.box / max(self.own.box, BOX_FLOOR / MAX_RATIO),
            self.apart.score / max(self.own.score, SCORE_FLOOR / MAX_RATIO),
        )

    @property
    def verdict(self) -> str:
        """What is wrong, or ok; boxes that hang on torch's own rounding are no evidence."""
        if not self.ratio <= MAX_RATIO:  # also when it is not a number
            return "RAW OUTPUT DIFFERS"
        if not self.boxes.agrees and self.settled:
            return "BOXES DIFFER"
        return "ok" if self.boxes.agrees else "ok (hangs on rounding)"


def verify(checkpoint: Checkpoint, content: bytes, wanted: Shape) -> None:
    """Runs every case through both, prints the table.

    Args:
        checkpoint: the torch side.
        content: the ONNX file.
        wanted: the shape that it was made for.

    Raises:
        Differs: a row is outside tolerance.
    """
    torch_side, onnx_side = _Torch(checkpoint), _session(content)
    shown = list(cases(wanted, checkpoint.stride))
    rows = []
    for number, case in enumerate(shown, start=1):
        report.note(f"{number} of {len(shown)}: {case.name}")
        rows.append(_compare(case, torch_side, onnx_side))
    report.table([HEAD, *(_cells(row) for row in rows)])
    bad = [row for row in rows if not row.verdict.startswith("ok")]
    if bad:
        rows_named = "; ".join(f"{row.case.name}: {row.verdict.lower()}" for row in bad)
        raise Differs(f"the ONNX model does not do what {checkpoint.path} does ({rows_named}); nothing was written")


class _Torch:
    """The network as `yolo predict` loads it (fused, its NMS head), in single and in double precision."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.single = _network(checkpoint)
        self.double = _network(checkpoint).double()

    def __call__(self, tensor: Array) -> tuple[Array, Array]:
        import torch

        with torch.inference_mode():
            single = self.single(torch.from_numpy(tensor))
            double = self.double(torch.from_numpy(tensor).double())
        return _first(single), _first(double)


def _network(checkpoint: Checkpoint) -> Any:
    from ultralytics.nn.tasks import load_checkpoint

    net = load_checkpoint(str(checkpoint.copy))[0]
    if hasattr(net, "end2end"):
        net.end2end = False  # as engine/predictor.py does unless nms=False is asked for
    return net.fuse(verbose=False).eval()


def _first(output: Any) -> Array:
    """Ultralytics' heads return the decoded output and the undecoded maps."""
    return np.asarray((output[0] if isinstance(output, list | tuple) else output).numpy())


def _session(content: bytes) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def _compare(case: Case, torch_side: _Torch, session: Any) -> Row:
    single, double = torch_side(case.tensor)
    onnx_output = session.run(None, {session.get_inputs()[0].name: case.tensor})[0]
    own = raw(double, single)
    conf = threshold(single)
    boxes = final(_nms(single, conf), _nms(onnx_output, conf))
    return Row(case, raw(single, onnx_output), own, boxes, boxes.agrees or _settled(single, own, conf))


def _settled(output: Array, own: Raw, conf: float) -> bool:
    """Whether NMS gives the same boxes however the output is rounded.

    Weights with little training score neighbouring anchors alike to the seventh digit; which of them wins, and with it
    every box after, is then chance.
    """
    random = np.random.default_rng(0)
    amplitude = np.array([max(own.box, BOX_FLOOR)] * 4 + [max(own.score, SCORE_FLOOR)] * (output.shape[1] - 4))
    boxes = _nms(output, conf)
    shaken = (output + amplitude[:, None] * random.uniform(-1, 1, output.shape) for _ in range(SHAKES))
    return all(final(boxes, _nms(other, conf)).agrees for other in shaken)


def _nms(output: Array, conf: float) -> Array:
    """(1, 4+C, A) -> (N, 6), by Ultralytics' own NMS."""
    import torch
    from ultralytics.utils.nms import non_max_suppression

    prediction = torch.from_numpy(output.astype(np.float32))  # a copy: NMS writes into its input
    return np.asarray(non_max_suppression(prediction, conf_thres=conf, iou_thres=IOU)[0].numpy())


def _cells(row: Row) -> tuple[str, ...]:
    height, width = row.case.tensor.shape[2:]
    counts = row.boxes.counts
    return (
        row.case.name,
        f"{width}x{height}",
        f"{row.apart.box:.1e}",
        f"{row.apart.score:.1e}",
        f"{row.apart.relative:.1e}",
        f"{row.ratio:.1f}",
        f"{counts[1]} of {counts[0]}",
        f"{row.boxes.min_iou:.5f}",
        f"{row.boxes.max_conf_diff:.1e}",
        row.verdict,
    )
