"""Graph optimization at build time: fusions that onnxruntime would otherwise repeat at every cold start, and rewrites.

Only optimizations that hold on every processor: the fusions, not the layouts that suit one kind of vector
instructions. onnxruntime applies those when the function loads the file, with or without this step. The rewrites
(`rewrites/`) are those that it does not make itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.bundle import model, rewrites
from scripts.bundle.model import ModelRejected
from scripts.bundle.rewrites.head import KEY as HEAD_MAPS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from export.model_info import ModelInfo

MAX_DIFFERENCE = 1e-4  # of outputs, relative to their largest value; measured on the example and a YOLOv8n: 0
MAX_GROWTH = 1.05  # of the file: weights that are stored as float16 and cast at load would be stored as float32
MIN_SCALE = 1e-9  # the least value that a difference is divided by: outputs may be all zeros
FLOAT16 = "FP16"  # datatype of the Open Inference Protocol
QUANTIZED = b"QuantizeLinear"
UINT8 = 2  # onnx.TensorProto.UINT8


class Optimized(NamedTuple):
    """The model that is shipped, and the original."""

    info: ModelInfo  # of the file to ship
    source_sha256: str  # of the original file
    note: str  # the reason why the original is shipped; empty if the optimized file is


def optimize(original: ModelInfo, scratch: Path) -> Optimized:
    """Write the model with its graph optimized; keep what is not known to be the same.

    The same model gives the same bytes.

    Args:
        original: the description of an ONNX file, with its session.
        scratch: a folder for the optimized files.
    """
    content = original.path.read_bytes()
    fused, note = _fused(original, content, scratch / "optimized.onnx")
    rewritten = _rewritten(original, fused.read_bytes() if fused else content, scratch / "rewritten.onnx")
    if rewritten:
        info, reason = _checked(original, rewritten)
        if info:
            return Optimized(info, original.sha256, note)
    if fused:
        info, reason = _checked(original, fused)
        return Optimized(info or original, original.sha256, reason)
    return Optimized(original, original.sha256, note)


def _fused(original: ModelInfo, content: bytes, target: Path) -> tuple[Path | None, str]:
    """Return the file with onnxruntime's fusions and ""; or None and the reason to have none."""
    if QUANTIZED in content and not _is_portable(content):
        return None, "it is quantized, and its best graph depends on the processor"
    if original.is_generic:
        return None, "its input is not an image of a known size"
    _write(content, target)
    if target.stat().st_size > len(content) * MAX_GROWTH:
        return None, f"it would grow from {len(content):,} to {target.stat().st_size:,} bytes"
    return target, ""


def _is_portable(content: bytes) -> bool:
    """Return True if a quantized model has activations of uint8 alone: those of int8 are fused only on ARM."""
    import onnx

    graph = onnx.load_model_from_string(content).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    quantizers = [node for node in graph.node if node.op_type.endswith("QuantizeLinear")]
    return bool(quantizers) and all(
        node.op_type == "QuantizeLinear" and len(node.input) > 2 and types.get(node.input[2]) == UINT8
        for node in quantizers
    )


def _rewritten(original: ModelInfo, content: bytes, target: Path) -> Path | None:
    """Return the file with the rewrites; None if no place of the graph fits one."""
    from function.model import Model

    if not isinstance(original.loaded, Model):
        return None
    content, count = rewrites.rewrite(content, original.loaded)
    if not count:
        return None
    target.write_bytes(content)
    return target


def _checked(original: ModelInfo, path: Path) -> tuple[ModelInfo | None, str]:
    """Return the description of a file and ""; or None and the reason to use another one."""
    try:
        info = model.read(path)
    except ModelRejected as error:
        return None, f"the function does not load the optimized file: {error}"
    if info.metadata not in (original.metadata, {**original.metadata, HEAD_MAPS: "True"}):
        return None, "its metadata would change"
    difference = _difference(*_outputs(original, info))
    if not difference <= MAX_DIFFERENCE:  # also if it is NaN
        return None, f"its outputs would change by {difference:.1g} of their largest value"
    return info, ""


def _outputs(original: ModelInfo, info: ModelInfo) -> tuple[list[Any], list[Any]]:
    """Return the outputs of two models for the same random image; decoded, if their layouts are not the same."""
    from function.postprocess.layouts import MAPS

    feed = _random_image(original)
    before, after = (one.loaded.session.run(None, feed) for one in (original, info))
    if getattr(info.loaded, "layout", None) is not MAPS or getattr(original.loaded, "layout", None) is MAPS:
        return before, after
    return _decoded(original, feed, before), _decoded(info, feed, after)


def _decoded(info: ModelInfo, feed: dict[str, NDArray[np.floating]], outputs: list[Any]) -> list[Any]:
    """Return boxes, scores and extras of every anchor, and prototypes."""
    import numpy as np

    from function.model import Model
    from function.postprocess import layouts

    loaded = info.loaded
    if not isinstance(loaded, Model):
        raise TypeError(f"{info.path} has no layout")
    (image,) = feed.values()
    input_wh = (image.shape[3], image.shape[2])
    candidates = layouts.decode(loaded.layout, outputs, loaded.metadata, input_wh, -1.0, None)
    prototypes = outputs[-1:] if loaded.metadata.task == "segment" else []
    scores = np.append(candidates.scores, np.float32(1))  # differences are relative to a score of 1
    return [candidates.boxes, scores, *([candidates.extras] if candidates.extras.size else []), *prototypes]


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
