"""Runners of the two models that are compared: the network as `yolo predict` loads it, and the ONNX file.

Each takes one image and returns its outputs without the batch axis.
"""

from typing import Any, NamedTuple

import numpy as np

from export.checkpoint import CROP, LETTERBOX, STRETCH, Checkpoint
from export.convert import Shape
from export.verify.raw_outputs import ANCHORS, END_TO_END, PROBABILITIES, QUERIES, Array, OutputLayout

ALL_ROWS = 10**9  # rows of an end-to-end head: as many as there are


class Outputs(NamedTuple):
    """Outputs of one image."""

    first: Array  # as raw_outputs.py describes it
    prototypes: Array | None  # (M, h, w) of masks


def output_layout(checkpoint: Checkpoint, end2end: bool) -> OutputLayout:
    """Return the layout of a checkpoint's outputs.

    Args:
        checkpoint: the weights.
        end2end: True for the end-to-end head.
    """
    net = checkpoint.yolo.model
    rows = {CROP: PROBABILITIES, STRETCH: QUERIES}.get(checkpoint.fit, END_TO_END if end2end else ANCHORS)
    _, values = getattr(net.model[-1], "kpt_shape", (0, 0))
    return OutputLayout(net.task, rows, len(net.names), int(values))


class TorchRunner:
    """The network (fused), in single and in double precision.

    A head that selects the best few hundred rows returns all of them here: rounding decides which are the best.
    """

    def __init__(self, checkpoint: Checkpoint, end2end: bool) -> None:
        """Load the weights twice.

        Args:
            checkpoint: the weights.
            end2end: True to run the end-to-end head, False for the head that NMS follows.
        """
        self.queries = checkpoint.is_rtdetr
        self.single = _network(checkpoint, end2end)
        self.double = _network(checkpoint, end2end).double()

    def __call__(self, tensor: Array) -> tuple[Outputs, Outputs]:
        """Return the outputs in single and in double precision; the tensor is (1, 3, H, W) float32."""
        import torch

        with torch.inference_mode():
            single = self.single(torch.from_numpy(tensor))
            double = self.double(torch.from_numpy(tensor).double())
        decode = _all_queries if self.queries else _decoded
        return decode(single), decode(double)


def _network(checkpoint: Checkpoint, end2end: bool) -> Any:
    from ultralytics.nn.tasks import load_checkpoint

    net = load_checkpoint(str(checkpoint.copy))[0]
    head = net.model[-1]
    if checkpoint.fit == LETTERBOX:
        head.end2end = end2end  # as engine/predictor.py does by nms=False
        head.max_det = ALL_ROWS
    return net.fuse(verbose=False).eval()


def _decoded(output: Any) -> Outputs:
    """Return the decoded output; Ultralytics' heads return it with the prototypes of masks and the undecoded maps."""
    decoded = output[0] if isinstance(output, list | tuple) else output
    if isinstance(decoded, list | tuple):
        return Outputs(decoded[0][0].numpy(), decoded[1][0].numpy())
    return Outputs(decoded[0].numpy(), None)


def _all_queries(output: Any) -> Outputs:
    """Return a row for each query and class, the best first, from boxes (1, 1, Q, 4) and logits (1, 1, Q, C)."""
    boxes, logits = (tensor[0, 0] for tensor in output[1][:2])
    scores = logits.sigmoid().flatten()  # (Q*C,)
    order = scores.argsort(descending=True, stable=True)
    classes = logits.shape[1]
    columns = (boxes[order // classes].numpy(), scores[order, None].numpy(), (order % classes)[:, None].numpy())
    return Outputs(np.concatenate(columns, axis=1), None)


class OnnxRunner:
    """The ONNX file under onnxruntime, with batches of the exported size."""

    def __init__(self, session: Any, shape: Shape) -> None:
        """Keep the session.

        Args:
            session: onnxruntime's, as the function makes it.
            shape: the input that was exported.
        """
        self.session = session
        self.name = session.get_inputs()[0].name
        self.batch = shape.batch

    def __call__(self, tensor: Array, position: int) -> Outputs:
        """Return the outputs of one image.

        Args:
            tensor: (1, 3, H, W) float32.
            position: the position in the batch, modulo its size; the other positions hold the image shifted, so that
                outputs of the wrong position are noticed.
        """
        at = position % self.batch
        shifted = [np.roll(tensor, 16 * (number - at), axis=(2, 3)) for number in range(self.batch)]
        first, *others = self.session.run(None, {self.name: np.concatenate(shifted)})
        return Outputs(first[at], others[0][at] if others else None)
