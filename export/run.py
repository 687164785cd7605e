"""The four steps, top to bottom: read, convert, verify, write. Runs inside the export environment."""

import shlex
import tempfile
from pathlib import Path

from export import offline, place, report, sniff
from export.cli import Order

TWO_HEADS = (
    "these weights have two heads; exported is the one that `yolo predict` uses (boxes through NMS), "
    "not the end-to-end one that it uses with nms=False (--end2end)"
)  # ultralytics 8.4.190 engine/predictor.py; some earlier versions preferred the other


def run(order: Order) -> None:
    """Does what the command line says.

    Raises:
        ExportError: refused, or the result differs; nothing was written.
    """
    offline.prepare()
    if sniff.kind(order.weights) == sniff.ONNX:
        _pass_through(order)
    else:
        _export(order)


def _export(order: Order) -> None:
    from export import checkpoint, convert, served, verify

    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        report.step(1, f"reading {order.weights} (a .pt is a pickle: use only weights whose origin you know)")
        weights = checkpoint.read(order.weights, Path(folder))
        shape = convert.shape(order.imgsz or weights.imgsz, weights.stride, order.static)
        _say_rounded(order, shape)
        if weights.two_heads:
            report.note(TWO_HEADS)
        report.step(2, f"converting, {_shape_text(shape)}")
        content = convert.convert(weights, shape, order.opset)
        facts = served.facts(order.output, content)
        complaint = served.complaint(content)
        if complaint:
            raise RuntimeError(f"the exported model is not valid ONNX: {complaint}")
        report.step(3, "verifying: torch and onnxruntime see the same pictures")
        verify.verify(weights, content, shape)
    report.step(4, f"writing {order.output}")
    place.put(content, order.output)
    report.facts(facts)
    if order.says_next:
        report.facts([("next", f"scripts/build_zip.sh {shlex.quote(str(order.output))}")])


def _pass_through(order: Order) -> None:
    from export import served

    content = order.weights.read_bytes()
    facts = served.facts(order.weights, content)
    complaint = served.complaint(content)
    if complaint:
        report.note(f"it runs, but onnx's checker says: {complaint}")
    if order.output != order.weights:
        place.put(content, order.output)
    report.facts(facts)
    if order.says_next:
        report.facts([("next", f"scripts/build_zip.sh {shlex.quote(str(order.output))}")])


def _say_rounded(order: Order, shape: tuple[int, int, bool]) -> None:
    asked = order.imgsz * 2 if len(order.imgsz) == 1 else order.imgsz
    if asked and asked != shape[:2]:
        given = " ".join(map(str, order.imgsz))
        report.note(f"--imgsz {given} is not a multiple of the stride; rounded up to {shape[0]} {shape[1]}")


def _shape_text(shape: tuple[int, int, bool]) -> str:
    height, width, static = shape
    return f"fixed {height} x {width}" if static else f"any size, letterboxed to {height} x {width} at most"
