"""Graph optimization at build time: the fusions that onnxruntime would otherwise repeat at every cold start.

Only optimizations that hold on every processor: the fusions, not the layouts that suit one kind of vector
instructions. onnxruntime applies those when the function loads the file, with or without this step.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.bundle import model
from scripts.bundle.model import ModelRejected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from export.model_info import ModelInfo

MAX_DIFFERENCE = 1e-4  # of outputs, relative to their largest value; measured on the example and a YOLOv8n: 0
MAX_GROWTH = 1.05  # of the file: weights that are stored as float16 and cast at load would be stored as float32
MIN_SCALE = 1e-9  # the least value that a difference is divided by: outputs may be all zeros
FLOAT16 = "FP16"  # datatype of the Open Inference Protocol
QUANTIZED = b"QuantizeLinear"  # the fusions of 8-bit graphs depend on the processor


class Optimized(NamedTuple):
    """The model that is shipped, and the original."""

    info: ModelInfo  # of the file to ship
    source_sha256: str  # of the original file
    note: str  # the reason why the original is shipped; empty if the optimized file is


def optimize(original: ModelInfo, scratch: Path) -> Optimized:
    """Write the model with its graph optimized; keep the original where the two are not known to be the same.

    The same model gives the same bytes.

    Args:
        original: the description of an ONNX file, with its session.
        scratch: a folder for the optimized file.
    """
    info, note = _optimized(original, scratch / "optimized.onnx")
    return Optimized(info, original.sha256, note)


def _optimized(original: ModelInfo, target: Path) -> tuple[ModelInfo, str]:
    """Return the description of the optimized file and ""; or the original and the reason to keep it."""
    content = original.path.read_bytes()
    if QUANTIZED in content:
        return original, "it is quantized, and the best graph of a quantized model depends on the processor"
    if original.is_generic:
        return original, "its input is not an image of a known size"
    _write(content, target)
    if target.stat().st_size > len(content) * MAX_GROWTH:
        return original, f"it would grow from {len(content):,} to {target.stat().st_size:,} bytes"
    try:
        info = model.read(target)
    except ModelRejected as error:
        return original, f"the function does not load the optimized file: {error}"
    if info.metadata != original.metadata:
        return original, "its metadata would change"
    feed = _random_image(original)
    before, after = (one.loaded.session.run(None, feed) for one in (original, info))
    difference = _difference(before, after)
    if not difference <= MAX_DIFFERENCE:  # also if it is NaN
        return original, f"its outputs would change by {difference:.1g} of their largest value"
    return info, ""


def _write(content: bytes, target: Path) -> None:
    import onnxruntime  # `function`, which has been imported, sets the variables that it reads

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _random_image(info: ModelInfo) -> dict[str, NDArray[np.floating]]:
    """Return one random image for the input: (B, 3, H, W), 0..1; dynamic sizes are 1 and the trained sides."""
    import numpy as np

    (declared,) = info.inputs
    default = (1, 3, *info.imgsz)
    shape = [size if size > 0 else side for size, side in zip(declared["shape"], default, strict=True)]
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    return {declared["name"]: image.astype(np.float16) if declared["datatype"] == FLOAT16 else image}


def _difference(expected: list[Any], outputs: list[Any]) -> float:
    """Return the largest difference in any output, relative to the largest value of that output."""
    import numpy as np

    return max(
        float(np.abs(before - after).max() / max(float(np.abs(before).max()), MIN_SCALE))
        for before, after in zip(expected, outputs, strict=True)
    )
