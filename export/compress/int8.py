"""Convolutions in 8 bits: weights and activations quantized, with ranges measured on the user's images.

The parts that stay float32 were chosen by measurement on the example (180 images to calibrate, 60 held out):

- everything after the last convolutions, where boxes are computed: their pixels do not fit into 256 steps;
- those last convolutions: with them in 8 bits the mean IoU of boxes falls from 0.987 to 0.981;
- convolutions with one output, which are arithmetic (the box distribution of YOLOv8 to 12);
- the first convolution: with it in 8 bits the model is slower (0.98 times as fast as in float32, 1.07 without).
"""

import logging
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from export.compress.predictions import Array
from export.errors import UsageError

MIN_OPSET = 13  # DequantizeLinear with a scale for each channel
QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")
FUSED_DOMAIN = "com.microsoft"  # of the operators that onnxruntime writes when it optimizes a graph
# Of 7 bits: two products of 8 bits overflow the 16 that AVX2 and AVX-512 add them in, where VNNI is missing; so a file
# gives the same boxes on every machine. It cost nothing on the example.
SETTINGS = {"per_channel": True, "reduce_range": True}
# SiLU is between convolutions; with it in 8 bits the model is 1.2 to 1.3 times as fast as in float32, with convolutions
# alone 1.07 times. More (Concat, MaxPool, Resize, Split, Add) gains little, and the mean IoU falls from 0.985 to 0.954.
OPERATORS = ["Conv", "Mul", "Sigmoid"]


def quantize(content: bytes, tensors: Iterator[Array], count: int) -> bytes:
    """Return the ONNX file in 8 bits.

    Args:
        content: an ONNX file in float32.
        tensors: (B, 3, H, W) float32, the inputs that ranges are measured on.
        count: their number, for the metadata.

    Returns:
        An ONNX file with QuantizeLinear and DequantizeLinear; the same arguments give the same bytes.

    Raises:
        UsageError: it is quantized or optimized already, has no convolutions to quantize, or is of an opset below
            MIN_OPSET.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    _check(model)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    float_nodes = _float_nodes(model.graph)
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        quantized = onnx.load(_run(model, Path(folder, "int8.onnx"), tensors, float_nodes))
    del quantized.metadata_props[:]
    quantized.metadata_props.extend(onnx.load_model_from_string(content).metadata_props)
    quantized.metadata_props.add(key="quantization", value=str(_metadata(count, len(float_nodes))))
    del quantized.graph.value_info[:]
    return bytes(quantized.SerializeToString(deterministic=True))


def _check(model: Any) -> None:
    operators = {node.op_type for node in model.graph.node}
    fused = sorted({node.op_type for node in model.graph.node if node.domain == FUSED_DOMAIN})
    quantized = sorted(operators & set(QUANTIZED))
    if quantized:
        raise UsageError(f"--int8: the model must be in float32, got a quantized one (it has {', '.join(quantized)})")
    if fused:
        raise UsageError(
            "--int8: the model must be one before scripts/build_zip.sh optimized it, "
            f"got an optimized one (it has {', '.join(fused)})"
        )
    if "Conv" not in operators:
        raise UsageError(f"--int8: the model must have convolutions, got {', '.join(sorted(operators))[:200]}")
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < MIN_OPSET:
        raise UsageError(f"--int8: the opset of the model must be {MIN_OPSET} or later, got {opset}")


def _metadata(count: int, float_nodes: int) -> dict[str, Any]:
    return {
        "format": "QDQ",
        "weights": "int8",
        "activations": "uint8",
        "calibration": "MinMax",
        **SETTINGS,
        "operators": OPERATORS,
        "images": count,
        "float_nodes": float_nodes,
        "onnxruntime": version("onnxruntime"),
    }


def _run(model: Any, output: Path, tensors: Iterator[Array], float_nodes: list[str]) -> str:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it recommends a step that onnxslim has done
    try:
        quantize_static(
            model,
            output,
            _CalibrationReader(model.graph.input[0].name, tensors),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPERATORS,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=float_nodes,
            calibrate_method=CalibrationMethod.MinMax,
            **SETTINGS,
        )
    finally:
        root.setLevel(level)
    return str(output)


class _CalibrationReader:
    """Reader with the method of onnxruntime's CalibrationDataReader: one feed after the other, then None."""

    def __init__(self, name: str, tensors: Iterator[Array]) -> None:
        self.name, self.tensors = name, tensors

    def get_next(self) -> dict[str, Array] | None:
        tensor = next(self.tensors, None)
        return None if tensor is None else {self.name: tensor}


def _float_nodes(graph: Any) -> list[str]:
    """Return the names of the nodes that stay float32, in the order of the graph."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)

    def is_learned(node: Any) -> bool:
        return node.op_type == "Conv" and node.input[1] in weights and weights[node.input[1]].dims[0] > 1

    after: dict[str, set[str]] = {}  # node -> the nodes that depend on it
    is_last = {}  # node -> True if no learned convolution depends on it
    by_name = {node.name: node for node in graph.node}
    for node in reversed(graph.node):
        direct = [reader for name in node.output for reader in readers[name]]
        after[node.name] = {reader.name for reader in direct}.union(*(after[reader.name] for reader in direct))
        is_last[node.name] = not any(is_learned(by_name[name]) for name in after[node.name])
    first = next((node.name for node in graph.node if is_learned(node)), "")
    return [node.name for node in graph.node if is_last[node.name] or node.name == first]
