"""A smaller file from a verified one, kept only if the function finds the same with it; what it gains, measured."""

import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from export import console, files
from export.compress import agreement, predictions
from export.compress.agreement import Agreement
from export.compress.float16 import halve
from export.compress.int8 import quantize
from export.compress.predictions import Array
from export.errors import UsageError, VerificationError
from export.files import SAMPLES
from export.options import ExportOptions
from function import model
from function.model import Model

CONFS = (0.25, 0.01)  # ultralytics' default for predict, and one for models that find nothing above it
MIN_AGREEMENT = {"int8": 0.9, "half": 0.98}  # where the user says nothing
RUNS = 20  # of each file, in turn
LOADS = 10  # of each file, in turn
WARM_UPS = 2
SPREAD = (10, 50, 90)  # percentiles


def compression(order: ExportOptions, content: bytes) -> tuple[bytes, list[tuple[str, str]]]:
    """The smaller file, and what it gains.

    Args:
        order: what the user asked for; `compression` is not empty.
        content: the ONNX file in float32.

    Raises:
        UsageError: the pictures or the model do not allow it.
        VerificationError: what is found agrees less than was wanted.
    """
    split = files.split(order.data) if order.data else files.Split([], sorted(SAMPLES.glob("*.jpg")))
    before = predictions.load(str(order.weights), content)
    if order.compression == "int8":
        console.note(f"measuring ranges on {len(split.learned)} pictures")
        small = quantize(content, predictions.tensors(before, split.learned), len(split.learned))
    else:
        small = halve(content)
    after = predictions.load(str(order.weights), small)
    console.note(f"comparing what is found in {len(split.held_out)} other pictures")
    agreed, conf = _agreement(order, before, after, split.held_out)
    found = _text(agreed, len(split.held_out), conf)
    wanted = MIN_AGREEMENT[order.compression] if order.min_agreement is None else order.min_agreement
    if agreed.share < wanted:
        raise VerificationError(
            f"agreement is {found}; wanted at least {wanted:g} (--min-agreement); nothing was written"
        )
    tensor = next(predictions.tensors(before, split.held_out))
    gains = [
        ("size", _sizes(content, small)),
        ("speed", _speed(before, after, tensor)),
        ("start", _start(content, small)),
    ]
    return small, [("agreement", found), *gains]


def _agreement(order: ExportOptions, before: Model, after: Model, held_out: list[Path]) -> tuple[Agreement, float]:
    for conf in CONFS:
        reference = predictions.find(before, held_out, conf)
        if any(len(one.scores) for one in reference):
            return agreement.f1_agreement(reference, predictions.find(after, held_out, conf)), conf
    where = f"--data {order.data}" if order.data else "the bundled ones (--data names others)"
    raise UsageError(f"nothing is found in {len(held_out)} pictures of {where}, so that nothing can be compared")


def _text(agreed: Agreement, count: int, conf: float) -> str:
    found = f"{agreed.share:.3f} (F1 at IoU {agreement.MIN_IOU}, {agreed.counts[0]} and {agreed.counts[1]} found"
    means = f"mean IoU {agreed.mean_iou:.3f}, confidence off by {agreed.mean_conf_diff:.4f} on average"
    return f"{found} above {conf:g} in {count} pictures; {means})"


def _sizes(before: bytes, after: bytes) -> str:
    zipped = [len(zlib.compress(content)) for content in (before, after)]
    return f"{len(before):,} -> {len(after):,} bytes, zipped {zipped[0]:,} -> {zipped[1]:,}"


def _speed(before: Model, after: Model, tensor: Array) -> str:
    ratio = _in_turn(lambda: model.run(before, tensor[:1]), lambda: model.run(after, tensor[:1]), RUNS)
    height, width = tensor.shape[2:]
    return f"one run takes {ratio} of the time before (one thread, {width} x {height}, this machine)"


def _start(before: bytes, after: bytes) -> str:
    ratio = _in_turn(lambda: predictions.load("before", before), lambda: predictions.load("after", after), LOADS)
    return f"loading and the first run take {ratio} of the time before"


def _in_turn(before: Callable[[], object], after: Callable[[], object], times: int) -> str:
    """Seconds of the one after those of the other, so that what else the machine does meets both; two only warm up."""
    ratios = []
    for _ in range(times + WARM_UPS):
        first = _seconds(before)
        ratios.append(_seconds(after) / first)
    low, middle, high = np.percentile(ratios[WARM_UPS:], SPREAD)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
