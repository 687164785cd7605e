"""The steps of the export, in order: read, convert, verify, compress if requested, write.

Runs inside the export environment; for a file that is ONNX already, the environment `build` is enough.
"""

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export import console, files, ultralytics_setup
from export.checkpoint import CROP, STRETCH
from export.errors import UsageError, VerificationError
from export.options import ExportOptions

if TYPE_CHECKING:
    from export.checkpoint import Checkpoint
    from export.convert import Shape
    from export.model_info import ModelInfo

TWO_HEADS = (
    "these weights have two heads; the exported one is the head that `yolo predict` uses (boxes through NMS), "
    "not the end-to-end head that it uses with nms=False (--end2end)"
)  # ultralytics 8.4.190 engine/predictor.py; some earlier versions preferred the other
ONE_SIZE = {
    CROP: "a classifier sees a square of one size, cut from the center of the image; sides are fixed",
    STRETCH: "RT-DETR sees every image stretched to one size; sides are fixed",
}


def run(options: ExportOptions) -> dict[str, Any]:
    """Carry out the command line, and return the report of `--json`.

    Raises:
        ExportError: the input cannot be used, or the result differs; no model was written.
    """
    if files.kind(options.weights) == files.ONNX:
        return _check(options)  # needs neither torch nor ultralytics
    ultralytics_setup.prepare()
    return _export(options)


def _export(options: ExportOptions) -> dict[str, Any]:
    from export import checkpoint, convert, model_info, verify
    from export.compress import predictions
    from export.verify import image_files

    total = 5 if options.compression else 4
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        console.step(1, total, f"reading {options.weights} (a .pt is a pickle: use only weights whose origin you know)")
        weights = checkpoint.read(options.weights, Path(folder), options.end2end)
        if options.compression and weights.is_dense:
            raise UsageError(f"{options.compression} is not available for a {weights.yolo.task} model")
        shape = _shape(options, weights)
        console.step(2, total, f"converting, {_describe_shape(shape)}")
        content = convert.convert(weights, shape, options.opset)
        try:
            info = model_info.read(options.output, content, model_info.ALL_CORES)
        except UsageError as error:  # the user passed another file
            raise VerificationError(
                f"the function cannot serve the exported model: {error}; nothing was written"
            ) from error
        violation = model_info.check_onnx(content)
        if violation:
            raise RuntimeError(f"the exported model is not valid ONNX: {violation}")
        console.step(3, total, "verifying: torch and onnxruntime run on the same images")
        images = verify.verify(weights, info.loaded.session, shape)
        compared_files = image_files.verify(weights, predictions.require_image_model(info), shape, images)
    if options.compression:
        console.step(4, total, f"compressing, {options.compression}")
    return {"images": images, "files": compared_files, **_finish(options, info, content, total)}


def _check(options: ExportOptions) -> dict[str, Any]:
    """Check a file that is already ONNX."""
    from export import model_info

    content = options.weights.read_bytes()
    info = model_info.read(options.weights, content)
    violation = model_info.check_onnx(content)
    if violation:
        console.note(f"it runs, but the checker of the ONNX standard reports: {violation}")
    return _finish(options, info, content, 0)


def _finish(options: ExportOptions, info: "ModelInfo", content: bytes, total: int) -> dict[str, Any]:
    """Compress the model if requested, write it, and print its description.

    Args:
        options: the command line.
        info: the description of the model.
        content: the ONNX file.
        total: the number of steps; 0 prints none.

    Returns:
        The part of the report that describes the result.
    """
    from export import model_info

    rows: list[tuple[str, str]] = []
    report: dict[str, Any] = {}
    if options.compression:
        from export import compress

        compressed = compress.compress(options, content)
        content, info, rows = compressed.content, compressed.info, compressed.rows
        report["compression"] = compressed.report
    if total:
        console.step(total, total, f"writing {options.output}")
    if options.output != options.weights:
        files.write(content, options.output)
    console.values([*model_info.describe(info), *rows])
    if options.print_next_step:
        console.values([("next", f"scripts/build_zip.sh {shlex.quote(str(options.output))}")])
    return {"model": info.as_json(), **report}


def _shape(options: ExportOptions, weights: "Checkpoint") -> "Shape":
    """Return the input to convert to, and print what the user should know about it."""
    from export import convert

    has_one_size = weights.fit in ONE_SIZE and not weights.is_dense
    static = options.static or has_one_size
    imgsz = options.imgsz or weights.imgsz
    shape = convert.input_shape(imgsz, weights.stride, static, options.batch, options.end2end)
    requested = options.imgsz * 2 if len(options.imgsz) == 1 else options.imgsz
    if requested and requested != (shape.height, shape.width):
        text = " ".join(map(str, options.imgsz))
        console.note(f"--imgsz {text} is not a multiple of the stride; rounded up to {shape.height} {shape.width}")
    if static and not options.static:
        console.note(ONE_SIZE[weights.fit])
    if weights.two_heads and not options.end2end:
        console.note(TWO_HEADS)
    max_det = convert.max_detections(shape, weights.stride, weights.strides)
    if options.end2end and max_det < convert.MAX_DET:
        console.note(f"at most {max_det} boxes for each image: the smallest input has no more anchors")
    return shape


def _describe_shape(shape: "Shape") -> str:
    batch = f", {shape.batch} images at once" if shape.batch > 1 else ""
    sides = f"{shape.height} x {shape.width}"
    return (f"fixed {sides}" if shape.static else f"any size, letterboxed to {sides} at most") + batch
