"""Compression of a verified ONNX file, accepted only if the function's predictions agree; the gains are measured."""

import zlib
from pathlib import Path
from typing import Any, NamedTuple

from export import console, images, model_info
from export.compress import agreement, predictions, search
from export.compress.agreement import Agreement
from export.compress.float16 import store_as_float16
from export.compress.int8 import Quantizer
from export.compress.predictions import Array
from export.compress.search import Reference
from export.compress.timing import ratio
from export.errors import UsageError, VerificationError
from export.model_info import ModelInfo
from export.options import FLOAT16, INT8, ExportOptions
from function import model
from function.model import Model

CONFS = (0.25, 0.01)  # ultralytics' default for predict, and a threshold for models that detect nothing above it
MIN_AGREEMENT = {INT8: 0.9, FLOAT16: 0.98}  # the default of each method
RUNS = 20  # of each file, in turn
LOADS = 10  # of each file, in turn
CALIBRATION_IMAGES = 200  # evenly chosen from more: more change no range by much, and each is run twice


class Compressed(NamedTuple):
    """A compressed model and its measurements."""

    content: bytes  # the ONNX file
    info: ModelInfo
    rows: list[tuple[str, str]]  # names and values for the user
    report: dict[str, Any]  # for the file of `--json`


def compress(options: ExportOptions, content: bytes) -> Compressed:
    """Return the compressed model and its gains.

    Args:
        options: the command line; `compression` is not empty.
        content: the ONNX file in float32.

    Raises:
        UsageError: the images or the model cannot be used.
        VerificationError: the predictions agree less than required.
    """
    split = images.split(options.data) if options.data else images.samples()
    before = predictions.require_image_model(model_info.read(options.weights, content))
    reference = _reference(options, before, split.held_out)
    minimum = MIN_AGREEMENT[options.compression] if options.min_agreement is None else options.min_agreement
    small, choices = _compress(options.compression, content, reference, split.calibration, minimum)
    info = model_info.read(options.output, small)
    after = predictions.require_image_model(info)
    console.detail(f"comparing predictions on {len(split.held_out)} other images")
    conf = reference.conf
    agreed = agreement.f1_agreement(reference.predictions, predictions.predict(after, split.held_out, conf))
    report = {"method": options.compression, "agreement": _as_json(agreed, len(split.held_out), conf), **choices}
    text = _describe(agreed, len(split.held_out), conf)
    if agreed.f1 < minimum:
        message = f"the agreement must be at least {minimum:g} (--min-agreement), got {text}; nothing was written"
        raise VerificationError(message, {"compression": report})
    tensor = next(predictions.tensors(before, split.held_out))
    rows, gains = _gains((content, small), (before, after), tensor)
    return Compressed(small, info, [("agreement", text), *rows], report | gains)


def _compress(
    method: str, content: bytes, reference: Reference, calibration: list[Path], minimum: float
) -> tuple[bytes, dict[str, Any]]:
    """Return the compressed file, and the choices that were compared, for the report."""
    if method == FLOAT16:
        return store_as_float16(content), {}
    count = min(len(calibration), CALIBRATION_IMAGES)
    paths = [calibration[number * len(calibration) // count] for number in range(count)]
    console.detail(f"measuring ranges on {count} images")
    quantizer = Quantizer(content, lambda: predictions.tensors(reference.loaded, paths), count)
    return search.search(quantizer, reference, minimum)


def _reference(options: ExportOptions, before: Model, held_out: list[Path]) -> Reference:
    """Return the predictions in float32 at the first threshold that any of them exceeds."""
    for conf in CONFS:
        found = predictions.predict(before, held_out, conf)
        if any(len(image.scores) for image in found):
            return Reference(before, held_out, found, conf)
    origin = f"images of --data {options.data}" if options.data else "sample images (--data DIR names others)"
    raise UsageError(f"the model detects nothing in the {len(held_out)} {origin}: nothing can be compared")


def _describe(agreed: Agreement, count: int, conf: float) -> str:
    before, after = agreed.counts
    counts = f"{before} and {after} predictions above {conf:g} in {count} images"
    means = f"mean IoU {agreed.mean_iou:.3f}, mean confidence difference {agreed.mean_conf_diff:.4f}"
    return f"{agreed.f1:.3f} (F1 at IoU {agreement.MIN_IOU}, {counts}; {means})"


def _as_json(agreed: Agreement, count: int, conf: float) -> dict[str, Any]:
    return {"f1": agreed.f1, **agreed._asdict(), "images": count, "conf": conf}


def _gains(
    contents: tuple[bytes, bytes], models: tuple[Model, Model], tensor: Array
) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Measure size, run time and load time; return them for the user and for the report."""
    before, after = models
    sizes = [len(content) for content in contents]
    zipped = [len(zlib.compress(content)) for content in contents]
    run_time = ratio(lambda: model.run(before, tensor[:1]), lambda: model.run(after, tensor[:1]), RUNS)
    load_time = ratio(lambda: _load("before", contents[0]), lambda: _load("after", contents[1]), LOADS)
    height, width = tensor.shape[2:]
    rows = [
        ("size", f"{sizes[0]:,} -> {sizes[1]:,} bytes, zipped {zipped[0]:,} -> {zipped[1]:,}"),
        ("speed", f"one run takes {run_time} of the time before (one thread, {width} x {height}, this machine)"),
        ("start", f"loading and the first run take {load_time} of the time before"),
    ]
    measured = {"bytes": sizes, "zipped_bytes": zipped}
    ratios = {"run_time_ratio": run_time._asdict(), "load_time_ratio": load_time._asdict()}
    return rows, measured | ratios


def _load(name: str, content: bytes) -> None:
    model.load_bytes(name, content, threads=1)
