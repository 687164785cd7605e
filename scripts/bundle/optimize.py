"""The model as it is shipped: with the work that onnxruntime would do on its graph at every cold start done once.

Only what holds on every processor: the fusions, not the layouts that suit one kind of vector instructions. Those
follow when the function loads the file, as they would have done without this.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from function import metadata
from function.errors import UnusableModel

MAX_DIFFERENCE = 1e-4  # of outputs, relative to their largest value; measured on the example and a YOLOv8n: 0
MAX_GROWTH = 1.05  # of the file: weights that are stored small and widened when loaded would be stored wide
TINY = 1e-9  # what outputs of nothing but zeros are measured against
QUANTISED = b"QuantizeLinear"  # the fusions of 8-bit graphs are chosen by the processor


class Optimized(NamedTuple):
    """The file to ship, and what became of the one that was given."""

    path: Path
    source_sha256: str  # of the one that was given
    note: str  # why it is shipped as it was given; empty where it is not


def optimize(model: Path, scratch: Path) -> Optimized:
    """The model with its graph optimized, in `scratch`; the model itself where that is not known to be the same.

    The same model gives the same bytes.

    Args:
        model: an ONNX file that onnxruntime loads.
        scratch: a folder.
    """
    data = model.read_bytes()
    target = scratch / "optimized.onnx"
    note = _obstacle(data, target)
    return Optimized(model if note else target, hashlib.sha256(data).hexdigest(), note)


def _obstacle(data: bytes, target: Path) -> str:
    """Writes the optimized model, and says why it cannot be used, if it cannot."""
    ort = _onnxruntime()
    if QUANTISED in data:
        return "it is quantized, and the best graph for that depends on the processor"
    before = _session(data)
    pictures = _pictures(before)
    if pictures is None:
        return "it takes something else than pictures of a known size"
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    if target.stat().st_size > len(data) * MAX_GROWTH:
        return f"it would grow from {len(data):,} to {target.stat().st_size:,} bytes"
    after = _session(target.read_bytes())
    if after.get_modelmeta().custom_metadata_map != before.get_modelmeta().custom_metadata_map:
        return "its metadata would change"
    difference = _difference(before.run(None, pictures), after.run(None, pictures))
    return (
        "" if difference <= MAX_DIFFERENCE else f"its outputs would change by {difference:.1g} of their largest value"
    )


def _onnxruntime() -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is imported
    import onnxruntime

    return onnxruntime


def _session(data: bytes) -> Any:
    """As the function loads it."""
    return _onnxruntime().InferenceSession(data, providers=["CPUExecutionProvider"])


def _pictures(session: Any) -> dict[str, NDArray[np.float32]] | None:
    """One random picture for the input; None where the model takes no picture."""
    try:
        asked = (1, 3, *metadata.read("the model", session, "").imgsz_hw)
    except UnusableModel:
        return None
    (taken,) = session.get_inputs()
    shape = [fixed if isinstance(fixed, int) else side for fixed, side in zip(taken.shape, asked, strict=True)]
    return {taken.name: np.random.default_rng(0).random(shape, dtype=np.float32)}


def _difference(wanted: list[Any], found: list[Any]) -> float:
    """The largest difference in any output, relative to the largest value of that output."""
    return max(
        float(np.abs(one - other).max() / max(float(np.abs(one).max()), TINY))
        for one, other in zip(wanted, found, strict=True)
    )
