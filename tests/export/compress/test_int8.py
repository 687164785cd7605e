"""Convolutions in 8 bits."""

import ast
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from export.compress import predictions
from export.compress.int8 import Choice, Quantizer
from export.compress.predictions import Array
from export.errors import UsageError
from scripts.bundle import optimize
from tests.export.compress import models
from tests.support import tensor_models

ENDS = Choice("MinMax", "SiLU", float_first=True, float_last=1)


def quantizer(content: bytes, paths: list[Path]) -> Quantizer:
    loaded = models.load(content)
    return Quantizer(content, lambda: predictions.tensors(loaded, paths), len(paths))


def quantized(content: bytes, paths: list[Path], choice: Choice = ENDS) -> bytes:
    return quantizer(content, paths).quantize(choice)


def no_tensors() -> Iterator[Array]:
    yield from ()


def float_convolutions(content: bytes) -> set[str]:
    """Return the names of the learned convolutions of `deep` that stay float32."""
    nodes = onnx.load_model_from_string(content).graph.node
    weights = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
    return {node.name for node in nodes if node.name.startswith("conv") and node.input[1] not in weights}


@pytest.mark.parametrize(
    ("float_first", "float_last", "expected"),
    [
        (True, 1, {"conv0"}),
        (False, 1, set()),
        (False, 2, {"conv2"}),
        (True, 3, {"conv0", "conv1", "conv2"}),
    ],
)
def test_the_convolutions_of_a_choice_stay_float(
    deep: bytes, paths: list[Path], float_first: bool, float_last: int, expected: set[str]
) -> None:
    choice = ENDS._replace(float_first=float_first, float_last=float_last)
    assert float_convolutions(quantized(deep, paths, choice)) == expected


@pytest.mark.parametrize(("operators", "expected"), [("Conv", False), ("SiLU", True)])
def test_operators_of_a_choice_are_quantized(deep: bytes, paths: list[Path], operators: str, expected: bool) -> None:
    nodes = onnx.load_model_from_string(quantized(deep, paths, ENDS._replace(operators=operators))).graph.node
    sources = {name: node for node in nodes for name in node.output}
    (multiply,) = (node for node in nodes if node.name == "mul1")
    assert all((sources[name].op_type == "DequantizeLinear") is expected for name in multiply.input)


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
    assert (settings["calibration"], settings["float_first"], settings["float_last"]) == ("MinMax", True, 1)
    assert settings["operators"] == ["Conv", "Mul", "Sigmoid"]
    assert after == before


def test_quantizing_twice_gives_the_same_bytes(deep: bytes, paths: list[Path]) -> None:
    assert quantized(deep, paths) == quantized(deep, paths)


def test_quantized_model_is_refused(deep: bytes, paths: list[Path]) -> None:
    with pytest.raises(UsageError, match="must be in float32, got a quantized one"):
        Quantizer(quantized(deep, paths), no_tensors, 0)


def test_model_that_a_build_has_optimized_is_refused(deep: bytes, tmp_path: Path) -> None:
    optimize._write(silu(deep), tmp_path / "optimized.onnx")
    with pytest.raises(UsageError, match=r"optimized it, got an optimized one \(it has .*QuickGelu") as raised:
        Quantizer((tmp_path / "optimized.onnx").read_bytes(), no_tensors, 0)
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
        Quantizer(tensor_models.pad_then_pool().SerializeToString(), no_tensors, 0)


def test_opset_without_scales_for_each_channel_is_refused(deep: bytes) -> None:
    model = onnx.load_model_from_string(deep)
    model.opset_import[0].version = 12
    with pytest.raises(UsageError, match="must be 13 or later, got 12"):
        Quantizer(model.SerializeToString(), no_tensors, 0)
