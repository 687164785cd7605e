"""Convolutions in 8 bits: weights and activations quantized, with ranges measured on the user's images.

Always in float32: everything after the last convolutions, where boxes are computed (their pixels do not fit into 256
steps), those last convolutions, and convolutions with one output, which are arithmetic (the box distribution of YOLOv8
to 12). What else stays float32 is a `Choice`; `search` compares several.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

from export.compress import ranges
from export.compress.predictions import Array
from export.errors import UsageError

MIN_OPSET = 13  # DequantizeLinear with a scale for each channel
QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")
FUSED_DOMAIN = "com.microsoft"  # of the operators that onnxruntime writes when it optimizes a graph
# Of 7 bits: two products of 8 bits overflow the 16 that AVX2 and AVX-512 add them in, where VNNI is missing; so a file
# gives the same boxes on every machine. It cost nothing on the example.
SETTINGS = {"per_channel": True, "reduce_range": True}
# The operators between convolutions. In 8 bits a yolov8n takes 0.72 of the time of float32 with convolutions alone,
# 0.63 with SiLU, 0.56 with all.
OPERATORS = {
    "Conv": ("Conv",),
    "SiLU": ("Conv", "Mul", "Sigmoid"),
    "all": ("Conv", "Mul", "Sigmoid", "Add", "Concat", "MaxPool", "Resize", "Split"),
}


class Choice(NamedTuple):
    """What is quantized, and how."""

    calibration: str  # a method of `ranges.measure`
    operators: str  # a key of OPERATORS
    float_first: bool  # the first convolution stays float32
    float_last: int  # convolutions at the end of each path that stay float32, at least 1


class Quantizer:
    """A model with the ranges of its activations, from which files of several choices are made."""

    def __init__(self, content: bytes, tensors: Callable[[], Iterator[Array]], count: int) -> None:
        """Measure the ranges.

        Args:
            content: an ONNX file in float32.
            tensors: called twice; yields the inputs that ranges are measured on, (B, 3, H, W) float32.
            count: their number, for the metadata.

        Raises:
            UsageError: it is quantized or optimized already, has no convolutions to quantize, or is of an opset below
                MIN_OPSET.
        """
        import onnx

        model = onnx.load_model_from_string(content)
        _check(model)
        for number, node in enumerate(model.graph.node):
            node.name = node.name or f"{node.op_type}_{number}"
        self.model, self.count = onnx.shape_inference.infer_shapes(model), count
        self.ranges = ranges.measure(self.model, _activations(self.model.graph), tensors)

    def quantize(self, choice: Choice) -> bytes:
        """Return an ONNX file with QuantizeLinear and DequantizeLinear; the same arguments give the same bytes."""
        import onnx
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
        from onnxruntime.quantization.quant_utils import QuantType

        float_nodes = _float_nodes(self.model.graph, choice)
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # it warns of every node that stays float32
        try:
            quantizer = QDQQuantizer(
                model,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QUInt8,
                tensors_range=_as_tensors_data(self.ranges[choice.calibration]),
                nodes_to_quantize=[],
                nodes_to_exclude=float_nodes,
                op_types_to_quantize=list(OPERATORS[choice.operators]),
                extra_options={},
                **SETTINGS,
            )
            quantizer.quantize_model()
        finally:
            root.setLevel(level)
        quantized = quantizer.model.model
        del quantized.metadata_props[:]
        quantized.metadata_props.extend(self.model.metadata_props)
        quantized.metadata_props.add(key="quantization", value=str(_metadata(choice, self.count, len(float_nodes))))
        del quantized.graph.value_info[:]
        return bytes(quantized.SerializeToString(deterministic=True))


def _activations(graph: Any) -> set[str]:
    """Return the names of the float32 tensors that some choice quantizes."""
    weights = {tensor.name for tensor in graph.initializer}
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input, *graph.output)}
    names = {name for node in graph.node if node.op_type in OPERATORS["all"] for name in (*node.input, *node.output)}
    return {name for name in names - weights if types.get(name) == ranges.FLOAT} | {graph.input[0].name}


def _as_tensors_data(measured: ranges.Ranges) -> Any:
    import numpy as np
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData

    values = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in measured.items()
    }
    return TensorsData(CalibrationMethod.MinMax, values)  # bounds are bounds, however they were measured


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


def _metadata(choice: Choice, count: int, float_nodes: int) -> dict[str, Any]:
    return {
        "format": "QDQ",
        "weights": "int8",
        "activations": "uint8",
        **choice._asdict(),
        **SETTINGS,
        "operators": list(OPERATORS[choice.operators]),
        "images": count,
        "float_nodes": float_nodes,
        "onnxruntime": version("onnxruntime"),
    }


def _float_nodes(graph: Any, choice: Choice) -> list[str]:
    """Return the names of the nodes that stay float32, in the order of the graph."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)

    def is_learned(node: Any) -> bool:
        return node.op_type == "Conv" and node.input[1] in weights and weights[node.input[1]].dims[0] > 1

    after: dict[str, int] = {}  # node -> the most learned convolutions on a path that begins behind it
    for node in reversed(graph.node):
        direct = [reader for name in node.output for reader in readers[name]]
        after[node.name] = max((after[reader.name] + is_learned(reader) for reader in direct), default=0)
    first = next((node.name for node in graph.node if is_learned(node)), "") if choice.float_first else ""
    return [node.name for node in graph.node if after[node.name] < choice.float_last or node.name == first]
