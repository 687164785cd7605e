"""Checkpoint -> ONNX bytes, through Ultralytics' own exporter; nothing is written outside a scratch folder.

Measured on ultralytics 8.4.190, torch 2.13.0, onnxslim 0.1.98: BatchNorm is folded into the convolutions before
tracing (no BatchNormalization node is left), and onnxslim leaves no Identity, Dropout or Constant node.
"""

import logging
from pathlib import Path
from typing import Any, NamedTuple

from export import onnx_graph
from export.checkpoint import STRETCH, Checkpoint
from export.errors import UsageError

DEFAULT_OPSET = 18
"""What ultralytics 8.4.190 chooses for torch >= 2.4 (`best_onnx_opset`, utils/export/engine.py), pinned so that another
version does not change the file. It can be raised to 20 and onnxruntime 1.31.1 runs every one of 11 to 20 to the same
boxes; nothing in a YOLO gains by it, and older runtimes read 18."""


RTDETR_OPSET = 16  # the first with GridSample
MAX_ROWS = 300  # of an end-to-end head: ultralytics' own default, `max_det`


class Shape(NamedTuple):
    """The input that was asked for, and the head that is to answer."""

    height: int  # pixels, a multiple of the stride
    width: int  # pixels, a multiple of the stride
    static: bool
    batch: int = 1  # pictures in one run; of a dynamic model only the one that is verified
    end2end: bool = False


def shape(imgsz: tuple[int, ...], stride: int, static: bool, batch: int = 1, end2end: bool = False) -> Shape:
    """The sides rounded up to multiples of the stride, as ultralytics rounds them.

    Args:
        imgsz: pixels, (side,) or (height, width).
        stride: pixels.
        static: whether batch, height and width are to be fixed.
        batch: pictures in one run.
        end2end: with the end-to-end head.
    """
    height, width = imgsz if len(imgsz) == 2 else (imgsz[0], imgsz[0])
    return Shape(-(-height // stride) * stride, -(-width // stride) * stride, static, batch, end2end)


def finished_rows(wanted: Shape, stride: int, strides: tuple[int, ...]) -> int:
    """How many boxes an end-to-end head gives.

    The number is written into the graph. A dynamic model is run on strips one stride high, which have fewer anchors
    than MAX_ROWS when the other side is short; asked for more than there are, the graph fails.

    Args:
        wanted: the input.
        stride: pixels; no letterboxed side is shorter.
        strides: pixels, of the maps that the head reads.
    """
    sides = [(wanted.height, wanted.width)]
    if not wanted.static:
        sides = [(wanted.height, stride), (stride, wanted.width)]
    return min(MAX_ROWS, *(sum((height // one) * (width // one) for one in strides) for height, width in sides))


def convert(checkpoint: Checkpoint, wanted: Shape, opset: int) -> bytes:
    """The ONNX file, ready to be written.

    The same checkpoint and the same wish give the same bytes, wherever and whenever.

    Raises:
        UsageError: torch cannot write it as ONNX, or not in this opset.
    """
    import onnx

    if checkpoint.fit == STRETCH and 0 < opset < RTDETR_OPSET:
        raise UsageError(f"--opset {opset}: RT-DETR samples its maps between pixels; wanted {RTDETR_OPSET} or later")
    exported = _export(checkpoint, wanted, opset or DEFAULT_OPSET)
    model = onnx.load(str(exported))
    onnx_graph.keep_zeros(model)
    onnx_graph.finish(model, checkpoint)
    return bytes(model.SerializeToString(deterministic=True))


def _export(checkpoint: Checkpoint, wanted: Shape, opset: int) -> Path:
    from torch.onnx.errors import OnnxExporterError
    from ultralytics.utils import LOGGER

    failures = _Failures()
    LOGGER.addHandler(failures)
    try:
        exported = checkpoint.yolo.export(
            format="onnx",
            imgsz=[wanted.height, wanted.width],
            dynamic=not wanted.static,
            simplify=True,
            opset=opset,
            batch=wanted.batch,
            device="cpu",
            nms=False if wanted.end2end else None,  # False: the end-to-end head, None: the one that NMS follows
            max_det=finished_rows(wanted, checkpoint.stride, checkpoint.strides) if wanted.end2end else MAX_ROWS,
        )
    except OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"{checkpoint.path} has a layer that torch cannot write as ONNX: {reason}") from error
    finally:
        LOGGER.removeHandler(failures)
    if failures.texts:  # ultralytics goes on with the graph as it was
        raise RuntimeError(f"onnxslim did not simplify the graph: {failures.texts}")
    return Path(exported)


class _Failures(logging.Handler):
    """Collects what ultralytics only warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: Any) -> None:
        text = record.getMessage()
        if "simplifier failure" in text:
            self.texts.append(text)
