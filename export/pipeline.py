"""The steps, top to bottom: read, convert, verify, make smaller if that was asked for, write.

Runs inside the export environment.
"""

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from export import console, files, ultralytics_setup
from export.checkpoint import CROP, STRETCH
from export.options import ExportOptions

if TYPE_CHECKING:
    from export.checkpoint import Checkpoint
    from export.convert import Shape

TWO_HEADS = (
    "these weights have two heads; exported is the one that `yolo predict` uses (boxes through NMS), "
    "not the end-to-end one that it uses with nms=False (--end2end)"
)  # ultralytics 8.4.190 engine/predictor.py; some earlier versions preferred the other
ONE_SIZE = {
    CROP: "a classifier looks at a square of one size, cut from the middle of the picture; sides are fixed",
    STRETCH: "RT-DETR looks at every picture stretched to one size; sides are fixed",
}


def run(order: ExportOptions) -> None:
    """Does what the command line says.

    Raises:
        ExportError: refused, or the result differs; nothing was written.
    """
    ultralytics_setup.prepare()
    if files.kind(order.weights) == files.ONNX:
        _pass_through(order)
    else:
        _export(order)


def _export(order: ExportOptions) -> None:
    from export import checkpoint, convert, model_info, verify

    total = 5 if order.compression else 4
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        console.step(1, total, f"reading {order.weights} (a .pt is a pickle: use only weights whose origin you know)")
        weights = checkpoint.read(order.weights, Path(folder), order.end2end)
        shape = _shape(order, weights)
        console.step(2, total, f"converting, {_shape_text(shape)}")
        content = convert.convert(weights, shape, order.opset)
        model_info.describe(order.output, content)
        complaint = model_info.check_onnx(content)
        if complaint:
            raise RuntimeError(f"the exported model is not valid ONNX: {complaint}")
        console.step(3, total, "verifying: torch and onnxruntime see the same pictures")
        verify.verify(weights, content, shape)
    if order.compression:
        console.step(4, total, f"making it smaller, {order.compression}")
    _write(order, content, total)


def _pass_through(order: ExportOptions) -> None:
    from export import model_info

    content = order.weights.read_bytes()
    model_info.describe(order.weights, content)
    complaint = model_info.check_onnx(content)
    if complaint:
        console.note(f"it runs, but onnx's checker says: {complaint}")
    _write(order, content, 0)


def _write(order: ExportOptions, content: bytes, total: int) -> None:
    """Makes it smaller if that was asked for, puts it in place, and says what it is."""
    from export import model_info

    gains: list[tuple[str, str]] = []
    if order.compression:
        from export import compress

        content, gains = compress.compression(order, content)
    if total:
        console.step(total, total, f"writing {order.output}")
    facts = model_info.describe(order.output, content)
    if order.output != order.weights:
        files.put(content, order.output)
    console.facts([*facts, *gains])
    if order.print_next_step:
        console.facts([("next", f"scripts/build_zip.sh {shlex.quote(str(order.output))}")])


def _shape(order: ExportOptions, weights: "Checkpoint") -> "Shape":
    """The input that is converted to, and what the user should know of it."""
    from export import convert

    static = order.static or weights.fit in ONE_SIZE
    shape = convert.shape(order.imgsz or weights.imgsz, weights.stride, static, order.batch, order.end2end)
    asked = order.imgsz * 2 if len(order.imgsz) == 1 else order.imgsz
    if asked and asked != (shape.height, shape.width):
        given = " ".join(map(str, order.imgsz))
        console.note(f"--imgsz {given} is not a multiple of the stride; rounded up to {shape.height} {shape.width}")
    if static and not order.static:
        console.note(ONE_SIZE[weights.fit])
    if weights.two_heads and not order.end2end:
        console.note(TWO_HEADS)
    rows = convert.finished_rows(shape, weights.stride, weights.strides)
    if order.end2end and rows < convert.MAX_ROWS:
        console.note(f"at most {rows} boxes a picture: its smallest input has no more anchors")
    return shape


def _shape_text(shape: "Shape") -> str:
    many = f", {shape.batch} pictures at once" if shape.batch > 1 else ""
    sides = f"{shape.height} x {shape.width}"
    return (f"fixed {sides}" if shape.static else f"any size, letterboxed to {sides} at most") + many
