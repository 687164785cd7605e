"""Ranges of activations, measured on images one after the other: whole, or without their rare values."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from export.compress.predictions import Array

BINS = 2048  # of a histogram
LEVELS = 256  # of 8 bits
STEP = 32  # bins between two bounds that `entropy` tries
OUTSIDE = 1e-5  # the share of values beyond each bound of `percentile`
FLOAT = 1  # onnx.TensorProto.FLOAT

Range = tuple[float, float]
Ranges = dict[str, Range]


def measure(model: Any, names: set[str], tensors: Callable[[], Iterator[Array]]) -> dict[str, Ranges]:
    """Return the ranges of tensors by each method: MinMax, Percentile and Entropy.

    The images are run twice, for the extremes and for histograms between them, so that memory does not grow with
    their number.

    Args:
        model: an onnx.ModelProto in float32.
        names: of activations in its graph, and its input.
        tensors: called twice; yields the inputs of the network, (B, 3, H, W) float32.
    """
    run = _runner(model, names)
    extremes: Ranges = {}
    for tensor in tensors():
        for name, values in run(tensor):
            low, high = extremes.get(name, (np.inf, -np.inf))
            extremes[name] = min(low, float(values.min())), max(high, float(values.max()))
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}
    for tensor in tensors():
        for name, values in run(tensor):
            counts[name] += histogram(values, extremes[name])
    methods = {"MinMax": _whole, "Percentile": percentile, "Entropy": entropy}
    return {
        method: {name: bounds(counts[name], extremes[name]) for name in sorted(extremes)}
        for method, bounds in methods.items()
    }


def _runner(model: Any, names: set[str]) -> Callable[[Array], Iterator[tuple[str, Array]]]:
    """Return a function that runs the model and yields each tensor that has values."""
    import onnx
    import onnxruntime as ort

    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    feed = model.graph.input[0].name
    del observed.graph.output[:]
    outputs = sorted(names - {feed})
    observed.graph.output.extend(onnx.helper.make_tensor_value_info(name, FLOAT, None) for name in outputs)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # sums of several threads may differ in the last digit
    session = ort.InferenceSession(observed.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(tensor: Array) -> Iterator[tuple[str, Array]]:
        for name, values in [(feed, tensor), *zip(outputs, session.run(outputs, {feed: tensor}), strict=True)]:
            if values.size:
                yield name, values

    return run


def histogram(values: Array, extremes: Range) -> Array:
    """Return the counts of values in BINS equal bins between two bounds; both bounds belong to a bin."""
    low, high = extremes
    if high <= low:
        return np.bincount([0], weights=[values.size], minlength=BINS).astype(np.int64)
    bins = ((values.ravel() - np.float32(low)) * np.float32(BINS / (high - low))).astype(np.int32)
    return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS)


def _whole(_: Array, extremes: Range) -> Range:
    return extremes


def percentile(counts: Array, extremes: Range) -> Range:
    """Return the bounds beyond which OUTSIDE of the values are, at each end."""
    below = np.cumsum(counts)
    first = int(np.searchsorted(below, OUTSIDE * below[-1], side="right"))
    last = int(np.searchsorted(below, (1 - OUTSIDE) * below[-1]))
    return _between(extremes, first, min(last, BINS - 1) + 1)


def entropy(counts: Array, extremes: Range) -> Range:
    """Return the bounds with the least Kullback-Leibler divergence of the values in 8 bits from those in float32.

    As in Szymon Migacz, "8-bit inference with TensorRT" (2017), but the upper bound first and then the lower one.
    """
    last = _least_divergence(counts)
    first = BINS - _least_divergence(_clipped(counts, last)[::-1])
    return _between(extremes, min(first, last - 1), last)


def _least_divergence(counts: Array) -> int:
    """Return the number of bins to keep."""
    ends = list(range(LEVELS, BINS + 1, STEP))
    return min(reversed(ends), key=lambda end: _divergence(_clipped(counts, end)[:end], counts[:end]))


def _clipped(counts: Array, end: int) -> Array:
    """Return the counts with those from `end` on added to the last bin before it."""
    clipped = counts.copy()
    clipped[end - 1] += clipped[end:].sum()
    clipped[end:] = 0
    return clipped


def _divergence(clipped: Array, kept: Array) -> float:
    """Return the divergence of the kept counts, merged into LEVELS and spread again, from the clipped ones."""
    levels = np.arange(len(kept)) * LEVELS // len(kept)
    filled = clipped > 0
    sizes = np.bincount(levels, weights=filled, minlength=LEVELS)
    spread = np.bincount(levels, weights=kept, minlength=LEVELS) / np.maximum(sizes, 1)
    share = clipped[filled] / max(int(clipped.sum()), 1)
    merged = np.maximum(spread[levels][filled], 1e-9) / max(float(kept.sum()), 1.0)
    return float(np.sum(share * np.log(share / merged)))


def _between(extremes: Range, first: int, end: int) -> Range:
    low, high = extremes
    width = (high - low) / BINS
    return low + first * width, low + end * width
