"""Running the two models that are compared: the network as `yolo predict` loads it, and the ONNX file.

Either takes one picture and gives its outputs without the batch axis.
"""

from typing import Any, NamedTuple

import numpy as np

from export.checkpoint import CROP, LETTERBOX, STRETCH, Checkpoint
from export.convert import Shape
from export.verify.raw_outputs import ANCHORS, FINISHED, PROBABILITIES, QUERIES, Array, OutputLayout

EVERY_ROW = 10**9  # rows of an end-to-end head: all that there are


class Outputs(NamedTuple):
    """Of one picture."""

    first: Array  # as outputs.py describes it
    prototypes: Array | None  # (M, h, w) of masks


def kind(checkpoint: Checkpoint, end2end: bool) -> OutputLayout:
    """Which outputs a checkpoint has.

    Args:
        checkpoint: the weights.
        end2end: with the end-to-end head.
    """
    net = checkpoint.yolo.model
    rows = {CROP: PROBABILITIES, STRETCH: QUERIES}.get(checkpoint.fit, FINISHED if end2end else ANCHORS)
    points = getattr(net.model[-1], "kpt_shape", (0, 0))
    return OutputLayout(net.task, rows, len(net.names), int(points[1]))


class TorchRunner:
    """The network (fused), in single and in double precision.

    Of a head that gives the best few hundred rows every row is given: which are the best hangs on rounding.
    """

    def __init__(self, checkpoint: Checkpoint, end2end: bool) -> None:
        """Reads the weights twice.

        Args:
            checkpoint: the weights.
            end2end: whether its end-to-end head is to answer, else the one that NMS follows.
        """
        self.queries = checkpoint.fit == STRETCH
        self.single = _network(checkpoint, end2end)
        self.double = _network(checkpoint, end2end).double()

    def __call__(self, tensor: Array) -> tuple[Outputs, Outputs]:
        """The outputs in single and in double precision; the tensor is (1, 3, H, W) float32."""
        import torch

        with torch.inference_mode():
            single = self.single(torch.from_numpy(tensor))
            double = self.double(torch.from_numpy(tensor).double())
        decoded = _every_query if self.queries else _decoded
        return decoded(single), decoded(double)


def _network(checkpoint: Checkpoint, end2end: bool) -> Any:
    from ultralytics.nn.tasks import load_checkpoint

    net = load_checkpoint(str(checkpoint.copy))[0]
    head = net.model[-1]
    if checkpoint.fit == LETTERBOX:
        head.end2end = end2end  # as engine/predictor.py does by nms=False
        head.max_det = EVERY_ROW
    return net.fuse(verbose=False).eval()


def _decoded(output: Any) -> Outputs:
    """Ultralytics' heads return the decoded output, for masks with prototypes, and the undecoded maps."""
    decoded = output[0] if isinstance(output, list | tuple) else output
    if isinstance(decoded, list | tuple):
        return Outputs(decoded[0][0].numpy(), decoded[1][0].numpy())
    return Outputs(decoded[0].numpy(), None)


def _every_query(output: Any) -> Outputs:
    """RT-DETR's queries (1, 1, Q, 4) and logits (1, 1, Q, C) -> a row for each query and class, the best first."""
    boxes, logits = (one[0, 0] for one in output[1][:2])
    scores = logits.sigmoid().flatten()  # (Q*C,)
    order = scores.argsort(descending=True, stable=True)
    classes = logits.shape[1]
    columns = (boxes[order // classes].numpy(), scores[order, None].numpy(), (order % classes)[:, None].numpy())
    return Outputs(np.concatenate(columns, axis=1), None)


class OnnxRunner:
    """The ONNX file under onnxruntime, with a batch of the size that was asked for."""

    def __init__(self, content: bytes, shape: Shape) -> None:
        """Makes the session.

        Args:
            content: the file.
            shape: what it was made for.
        """
        import onnxruntime

        self.session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.batch = shape.batch

    def __call__(self, tensor: Array, place: int) -> Outputs:
        """The outputs of one picture.

        Args:
            tensor: (1, 3, H, W) float32.
            place: where in the batch it goes, modulo its size; the other places hold the picture shifted, so that
                outputs that get mixed up do not go unnoticed.
        """
        at = place % self.batch
        shifted = [np.roll(tensor, 16 * (number - at), axis=(2, 3)) for number in range(self.batch)]
        first, *others = self.session.run(None, {self.name: np.concatenate(shifted)})
        return Outputs(first[at], others[0][at] if others else None)
