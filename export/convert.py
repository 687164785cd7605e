"""Checkpoint -> ONNX bytes, through Ultralytics' own exporter; nothing is written outside a scratch folder.

Measured on ultralytics 8.4.190, torch 2.13.0, onnxslim 0.1.98: BatchNorm is folded into the convolutions before
tracing (no BatchNormalization node is left), and onnxslim leaves no Identity, Dropout or Constant node.
"""

import logging
from pathlib import Path
from typing import Any, NamedTuple

from export import metadata
from export.checkpoint import Checkpoint
from export.errors import Refused

DEFAULT_OPSET = 18
"""What ultralytics 8.4.190 chooses for torch >= 2.4 (`best_onnx_opset`, utils/export/engine.py), pinned so that another
version does not change the file. It can be raised to 20 and onnxruntime 1.31.1 runs every one of 11 to 20 to the same
boxes; nothing in a YOLO gains by it, and older runtimes read 18."""


class Shape(NamedTuple):
    """The input that was asked for."""

    height: int  # pixels, a multiple of the stride
    width: int  # pixels, a multiple of the stride
    static: bool


def shape(imgsz: tuple[int, ...], stride: int, static: bool) -> Shape:
    """The sides rounded up to multiples of the stride, as ultralytics rounds them.

    Args:
        imgsz: pixels, (side,) or (height, width).
        stride: pixels.
        static: whether height and width are to be fixed.
    """
    height, width = imgsz if len(imgsz) == 2 else (imgsz[0], imgsz[0])
    return Shape(-(-height // stride) * stride, -(-width // stride) * stride, static)


def convert(checkpoint: Checkpoint, wanted: Shape, opset: int) -> bytes:
    """The ONNX file, ready to be written.

    The same checkpoint and the same wish give the same bytes, wherever and whenever.
    """
    import onnx

    exported = _export(checkpoint, wanted, opset or DEFAULT_OPSET)
    model = onnx.load(str(exported))
    metadata.finish(model, checkpoint)
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
            batch=1,
            device="cpu",
        )
    except OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise Refused(f"{checkpoint.path} has a layer that torch cannot write as ONNX: {reason}") from error
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
