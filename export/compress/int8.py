"""Convolutions in 8 bits: weights and activations quantized, with ranges measured on the user's pictures.

What stays float32 was chosen by measurement on the example (180 pictures to learn from, 60 held out):

- what follows the last convolutions, where boxes are computed: their pixels do not fit into 256 steps;
- those last convolutions: with them in 8 bits the mean IoU of boxes falls from 0.987 to 0.981;
- convolutions with one output, which are arithmetic (the box distribution of YOLOv8 to 12);
- the first convolution: with it in 8 bits the whole is slower (0.98 times as fast as in float32, 1.07 without).
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
QUANTISED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")
# Of 7 bits: two products of 8 bits overflow the 16 that AVX2 and AVX-512 add them in, where VNNI is missing; so a file
# gives the same boxes on every machine. It cost nothing on the example.
SETTINGS = {"per_channel": True, "reduce_range": True}
# SiLU stands between convolutions; with it in 8 bits the whole is 1.2 to 1.3 times as fast as in float32, with
# convolutions alone 1.07 times. More (Concat, MaxPool, Resize, Split, Add) gains little, and the mean IoU falls from
# 0.985 to 0.954.
OPERATORS = ["Conv", "Mul", "Sigmoid"]


def quantize(content: bytes, tensors: Iterator[Array], count: int) -> bytes:
    """The ONNX file in 8 bits.

    Args:
        content: an ONNX file in float32.
        tensors: (B, 3, H, W) float32, what ranges are measured on.
        count: how many there are, for the metadata.

    Returns:
        An ONNX file with QuantizeLinear and DequantizeLinear; the same arguments give the same bytes.

    Raises:
        UsageError: it is quantized already, has no convolutions to quantize, or is of an opset below MIN_OPSET.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    _check(model)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    left = _left_float(model.graph)
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        quantized = onnx.load(_run(model, Path(folder, "int8.onnx"), tensors, left))
    del quantized.metadata_props[:]
    quantized.metadata_props.extend(onnx.load_model_from_string(content).metadata_props)
    quantized.metadata_props.add(key="quantization", value=str(_said(count, len(left))))
    del quantized.graph.value_info[:]
    return bytes(quantized.SerializeToString(deterministic=True))


def _check(model: Any) -> None:
    operators = {node.op_type for node in model.graph.node}
    quantized = sorted(operators & set(QUANTISED))
    if quantized:
        raise UsageError(f"--int8: the model is quantized already (it has {', '.join(quantized)})")
    if "Conv" not in operators:
        raise UsageError(f"--int8: the model has no convolution; found {', '.join(sorted(operators))[:200]}")
    opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)
    if opset < MIN_OPSET:
        raise UsageError(f"--int8: the model is of opset {opset}; wanted {MIN_OPSET} or later")


def _said(count: int, left: int) -> dict[str, Any]:
    return {
        "format": "QDQ",
        "weights": "int8",
        "activations": "uint8",
        "calibration": "MinMax",
        **SETTINGS,
        "operators": OPERATORS,
        "pictures": count,
        "float_nodes": left,
        "onnxruntime": version("onnxruntime"),
    }


def _run(model: Any, output: Path, tensors: Iterator[Array], left: list[str]) -> str:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a step that onnxslim has done
    try:
        quantize_static(
            model,
            output,
            _Reader(model.graph.input[0].name, tensors),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPERATORS,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=left,
            calibrate_method=CalibrationMethod.MinMax,
            **SETTINGS,
        )
    finally:
        root.setLevel(level)
    return str(output)


class _Reader:
    """As onnxruntime's CalibrationDataReader: one feed after the other, then None."""

    def __init__(self, name: str, tensors: Iterator[Array]) -> None:
        self.name, self.tensors = name, tensors

    def get_next(self) -> dict[str, Array] | None:
        tensor = next(self.tensors, None)
        return None if tensor is None else {self.name: tensor}


def _left_float(graph: Any) -> list[str]:
    """Names of the nodes that are not to be quantized, in the order of the graph."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)

    def learned(node: Any) -> bool:
        return node.op_type == "Conv" and node.input[1] in weights and weights[node.input[1]].dims[0] > 1

    after: dict[str, set[str]] = {}  # node -> what depends on it
    last = {}  # node -> no learned convolution depends on it
    by_name = {node.name: node for node in graph.node}
    for node in reversed(graph.node):
        direct = [reader for name in node.output for reader in readers[name]]
        after[node.name] = {reader.name for reader in direct}.union(*(after[reader.name] for reader in direct))
        last[node.name] = not any(learned(by_name[name]) for name in after[node.name])
    first = next((node.name for node in graph.node if learned(node)), "")
    return [node.name for node in graph.node if last[node.name] or node.name == first]
