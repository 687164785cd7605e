"""Convolutions in 8 bits."""

import ast
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from export.compress import int8, predictions
from export.compress.predictions import Array
from export.errors import UsageError
from scripts.bundle import optimize
from tests.export.compress import models
from tests.support import tensor_models


def quantized(content: bytes, paths: list[Path]) -> bytes:
    return int8.quantize(content, predictions.tensors(models.load(content), paths), len(paths))


def no_tensors() -> Iterator[Array]:
    yield from ()


def test_predictions_stay_the_same_where_8_bits_suffice(deep: bytes, paths: list[Path]) -> None:
    agreed = models.agreement_of(deep, quantized(deep, paths), paths)
    assert (agreed.counts, agreed.f1) == ((4, 4), 1.0)


def test_only_convolutions_between_the_first_and_the_last_are_quantized(deep: bytes, paths: list[Path]) -> None:
    # the color model's own convolution is the last; its two outputs are learned ones
    model = onnx.load_model_from_string(quantized(deep, paths))
    producers = {name: node for node in model.graph.node for name in node.output}
    sources = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            sources[node.name] = producers[node.input[1]].op_type if node.input[1] in producers else "float"
    assert sources.pop("conv0") == "float"
    assert {sources.pop("conv1"), sources.pop("conv2")} == {"DequantizeLinear"}
    assert set(sources.values()) == {"float"}


def test_metadata_has_the_settings_of_quantization_and_is_otherwise_unchanged(deep: bytes, paths: list[Path]) -> None:
    before, after = (
        {prop.key: prop.value for prop in onnx.load_model_from_string(content).metadata_props}
        for content in (deep, quantized(deep, paths))
    )
    settings = ast.literal_eval(after.pop("quantization"))
    assert (settings["images"], settings["weights"], settings["per_channel"]) == (4, "int8", True)
    assert after == before


def test_quantizing_twice_gives_the_same_bytes(deep: bytes, paths: list[Path]) -> None:
    assert quantized(deep, paths) == quantized(deep, paths)


def test_quantized_model_is_refused(deep: bytes, paths: list[Path]) -> None:
    with pytest.raises(UsageError, match="must be in float32, got a quantized one"):
        int8.quantize(quantized(deep, paths), no_tensors(), 0)


def test_model_that_a_build_has_optimized_is_refused(deep: bytes, tmp_path: Path) -> None:
    optimize._write(silu(deep), tmp_path / "optimized.onnx")
    with pytest.raises(UsageError, match=r"optimized it, got an optimized one \(it has .*QuickGelu") as raised:
        int8.quantize((tmp_path / "optimized.onnx").read_bytes(), no_tensors(), 0)
    assert "\n" not in str(raised.value)


def silu(deep: bytes) -> bytes:
    """Return the model with `x * sigmoid(x)` as the last step, as after the convolutions of a YOLO."""
    model = onnx.load_model_from_string(deep)
    (name,) = (output.name for output in model.graph.output)
    for node in model.graph.node:
        node.output[:] = [f"{name}_before" if output == name else output for output in node.output]
    model.graph.node.append(onnx.helper.make_node("Sigmoid", [f"{name}_before"], ["gate"]))
    model.graph.node.append(onnx.helper.make_node("Mul", [f"{name}_before", "gate"], [name]))
    return bytes(model.SerializeToString())


def test_model_without_convolutions_is_refused() -> None:
    with pytest.raises(UsageError, match="must have convolutions, got MaxPool, Pad"):
        int8.quantize(tensor_models.pad_then_pool().SerializeToString(), no_tensors(), 0)


def test_opset_without_scales_for_each_channel_is_refused(deep: bytes) -> None:
    model = onnx.load_model_from_string(deep)
    model.opset_import[0].version = 12
    with pytest.raises(UsageError, match="must be 13 or later, got 12"):
        int8.quantize(model.SerializeToString(), no_tensors(), 0)
