"""Conversion of a checkpoint to ONNX bytes by Ultralytics' exporter; nothing is written outside a scratch folder.

Measured on ultralytics 8.4.190, torch 2.13.0, onnxslim 0.1.98: BatchNorm is folded into the convolutions before
tracing (no BatchNormalization node is left), and onnxslim leaves no Identity, Dropout or Constant node.
"""

import logging
from pathlib import Path
from typing import Any, NamedTuple

from export import onnx_graph, transforms
from export.checkpoint import CROP, Checkpoint
from export.errors import UsageError

DEFAULT_OPSET = 18
"""The choice of ultralytics 8.4.190 for torch >= 2.4 (`best_onnx_opset`, utils/export/engine.py), pinned so that
another version does not change the file. It can be raised to 20, and onnxruntime 1.31.1 runs every one of 11 to 20 to
the same boxes; nothing in a YOLO gains by it, and older runtimes read 18."""

RTDETR_OPSET = 16  # the first with GridSample
MAX_DET = 300  # boxes of an end-to-end head: ultralytics' own default, `max_det`


class Shape(NamedTuple):
    """The input and the head to export."""

    height: int  # pixels, a multiple of the stride
    width: int  # pixels, a multiple of the stride
    static: bool
    batch: int = 1  # images in one run; for a dynamic model only the batch size that is verified
    end2end: bool = False


def input_shape(imgsz: tuple[int, ...], stride: int, static: bool, batch: int = 1, end2end: bool = False) -> Shape:
    """Return the shape with sides rounded up to multiples of the stride, as ultralytics rounds them.

    Args:
        imgsz: pixels, (side,) or (height, width).
        stride: pixels.
        static: True if batch, height and width are fixed.
        batch: images in one run.
        end2end: True for the end-to-end head.
    """
    height, width = imgsz if len(imgsz) == 2 else (imgsz[0], imgsz[0])
    return Shape(-(-height // stride) * stride, -(-width // stride) * stride, static, batch, end2end)


def max_detections(shape: Shape, stride: int, strides: tuple[int, ...]) -> int:
    """Return the number of boxes that an end-to-end head outputs.

    The number is written into the graph. A dynamic model runs on strips one stride high, which have fewer anchors than
    MAX_DET if the other side is short; a graph that selects more rows than there are anchors fails.

    Args:
        shape: the input.
        stride: pixels; no letterboxed side is shorter.
        strides: pixels, of the feature maps that the head reads.
    """
    sides = [(shape.height, shape.width)]
    if not shape.static:
        sides = [(shape.height, stride), (stride, shape.width)]
    anchors = (sum((height // step) * (width // step) for step in strides) for height, width in sides)
    return min(MAX_DET, *anchors)


def convert(checkpoint: Checkpoint, shape: Shape, opset: int) -> bytes:
    """Return the ONNX file, ready to be written.

    The same arguments give the same bytes, on every machine and at every time.

    Args:
        checkpoint: the weights.
        shape: the input and the head.
        opset: the ONNX opset; 0 for DEFAULT_OPSET.

    Raises:
        UsageError: torch cannot write it as ONNX, or not in this opset, or a classifier has transforms that the
            function cannot do.
    """
    import onnx

    if checkpoint.yolo.task == "semantic":
        _return_logits(checkpoint.yolo.model)
    if checkpoint.is_rtdetr and 0 < opset < RTDETR_OPSET:
        raise UsageError(f"--opset must be {RTDETR_OPSET} or later for RT-DETR, which needs GridSample, got {opset}")
    shape_hw = (shape.height, shape.width)
    is_classifier = checkpoint.fit == CROP
    steps = transforms.metadata_entry(checkpoint.path, checkpoint.yolo.model, shape_hw) if is_classifier else ""
    exported = _export(checkpoint, shape, opset or DEFAULT_OPSET)
    model = onnx.load(str(exported))
    onnx_graph.keep_zero_padding(model)
    onnx_graph.write_metadata(model, checkpoint, {transforms.KEY: steps} if steps else {})
    onnx_graph.clear_trace(model)
    return bytes(model.SerializeToString(deterministic=True))


def _return_logits(net: Any) -> None:
    """Let a model for semantic segmentation return (B, C, H/8, W/8) logits when it is exported, as it does in torch.

    Ultralytics reduces them to class ids at the size of the input. From those, `predict` makes another map than from
    the logits: objects have steps at their edges if the image is larger than the input.
    """
    from ultralytics.nn.modules.head import SemanticSegment

    def forward(head: Any, maps: Any) -> Any:
        return head.classifier(maps[0])

    # The exporter writes the name of the class into the metadata.
    net.model[-1].__class__ = type(SemanticSegment.__name__, (SemanticSegment,), {"forward": forward})


def _export(checkpoint: Checkpoint, shape: Shape, opset: int) -> Path:
    from torch.onnx.errors import OnnxExporterError
    from ultralytics.utils import LOGGER

    failures = _SimplifierFailures()
    LOGGER.addHandler(failures)
    try:
        exported = checkpoint.yolo.export(
            format="onnx",
            imgsz=[shape.height, shape.width],
            dynamic=not shape.static,
            simplify=True,
            opset=opset,
            batch=shape.batch,
            device="cpu",
            nms=False if shape.end2end else None,  # False: the end-to-end head, None: the one that NMS follows
            max_det=max_detections(shape, checkpoint.stride, checkpoint.strides) if shape.end2end else MAX_DET,
        )
    except OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"{checkpoint.path} has a layer that torch cannot write as ONNX: {reason}") from error
    finally:
        LOGGER.removeHandler(failures)
    if failures.messages:  # ultralytics continues with the graph as it was
        raise RuntimeError(f"onnxslim did not simplify the graph: {failures.messages}")
    return Path(exported)


class _SimplifierFailures(logging.Handler):
    """Collector of simplifier failures, which ultralytics only logs as warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: Any) -> None:
        message = record.getMessage()
        if "simplifier failure" in message:
            self.messages.append(message)
