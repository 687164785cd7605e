"""Graph optimization: the same outputs and metadata from a graph that loads faster."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from function import model as function_model
from scripts.bundle import model, optimize
from scripts.bundle.optimize import Optimized
from tests.support import color_model, fixed_output_model, tensor_models

METADATA = {**color_model.METADATA, "names": "{0: 'red'}", "imgsz": "[64, 32]"}
RNG = np.random.default_rng(2)


def network(path: Path, channels: int = 16) -> Path:
    """Write a model of convolutions with x * sigmoid(x), the activation of a YOLO, which is fused; (1, 5, A)."""
    nodes, before = [], "images"
    weights = []
    for index, (wide, deep) in enumerate([(3, channels), (channels, channels), (channels, 5)]):
        kernel = RNG.standard_normal((deep, wide, 3, 3), dtype=np.float32) / 8
        weights.append(numpy_helper.from_array(kernel, f"w{index}"))
        nodes += [
            helper.make_node("Conv", [before, f"w{index}"], [f"c{index}"], pads=[1] * 4, strides=[2, 2]),
            helper.make_node("Sigmoid", [f"c{index}"], [f"s{index}"]),
            helper.make_node("Mul", [f"c{index}", f"s{index}"], [f"m{index}"]),
        ]
        before = f"m{index}"
    weights.append(numpy_helper.from_array(np.array([1, 5, -1]), "flat"))
    nodes.append(helper.make_node("Reshape", [before, "flat"], ["output0"]))
    declared_input = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])
    declared_output = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 5, "anchors"])
    graph = helper.make_graph(nodes, "network", [declared_input], [declared_output], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(proto, METADATA)
    onnx.save(proto, path)
    return path


def optimized(path: Path, scratch: Path) -> Optimized:
    return optimize.optimize(model.read(path), scratch)


def folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return network(tmp_path / "original.onnx")


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_activations_are_fused(original: Path, tmp_path: Path) -> None:
    result = optimized(original, tmp_path)
    assert result.note == ""
    assert operators(original).count("Sigmoid") == 3
    assert "Sigmoid" not in operators(result.info.path)


def test_layouts_of_one_processor_are_not_written(original: Path, tmp_path: Path) -> None:
    domains = {node.domain for node in onnx.load(optimized(original, tmp_path).info.path).graph.node}
    assert "com.microsoft.nchwc" not in domains


@pytest.mark.parametrize("sides", [(64, 32), (32, 96)])
def test_outputs_stay_the_same(original: Path, tmp_path: Path, sides: tuple[int, int]) -> None:
    image = RNG.random((1, 3, *sides), dtype=np.float32)
    expected, outputs = (
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"images": image})[0]
        for path in (original, optimized(original, tmp_path).info.path)
    )
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_function_reads_the_same_metadata(original: Path, tmp_path: Path) -> None:
    before, after = (
        function_model.load(path, 1).metadata for path in (original, optimized(original, tmp_path).info.path)
    )
    assert after._replace(sha256=before.sha256) == before
    assert after.sha256 != before.sha256


def test_same_model_gives_the_same_bytes(original: Path, tmp_path: Path) -> None:
    first, second = (optimized(original, folder(tmp_path / name)).info.path.read_bytes() for name in ("one", "two"))
    assert first == second


def test_original_is_unchanged_and_identified_by_its_checksum(original: Path, tmp_path: Path) -> None:
    before = original.read_bytes()
    assert optimized(original, tmp_path).source_sha256 == function_model.load(original, 1).metadata.sha256
    assert original.read_bytes() == before


def with_quantized_input(original: Path, zero: np.generic) -> None:
    """Quantize the input of the network to the type of the zero point, and back."""
    model = onnx.load(original)
    (name,) = (value.name for value in model.graph.input)
    for node in model.graph.node:
        node.input[:] = ["input_back" if source == name else source for source in node.input]
    scale = np.float32(1 / 255) if zero.dtype == np.uint8 else np.float32(1 / 127)
    model.graph.initializer.append(numpy_helper.from_array(np.array(scale), "input_scale"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(zero), "input_zero"))
    back = helper.make_node("DequantizeLinear", ["input_8", "input_scale", "input_zero"], ["input_back"])
    model.graph.node.insert(0, back)
    model.graph.node.insert(0, helper.make_node("QuantizeLinear", [name, *back.input[1:]], ["input_8"]))
    onnx.save(model, original)


def test_model_with_activations_of_int8_is_kept(original: Path, tmp_path: Path) -> None:
    with_quantized_input(original, np.int8(0))
    result = optimized(original, tmp_path)
    assert result.info.path == original
    assert "depends on the processor" in result.note


def test_model_with_activations_of_uint8_is_optimized(original: Path, tmp_path: Path) -> None:
    with_quantized_input(original, np.uint8(0))
    result = optimized(original, tmp_path)
    assert (result.note, result.info.path == original) == ("", False)


def test_model_that_would_grow_is_kept(tmp_path: Path) -> None:
    original = network(tmp_path / "original.onnx", channels=64)
    compressed = onnx.load(original)
    for weight in list(compressed.graph.initializer):
        if weight.data_type == TensorProto.FLOAT:
            stored = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{weight.name}_half")
            compressed.graph.initializer.remove(weight)
            compressed.graph.initializer.append(stored)
            compressed.graph.node.insert(
                0, helper.make_node("Cast", [stored.name], [weight.name], to=TensorProto.FLOAT)
            )
    onnx.save(compressed, original)
    result = optimized(original, tmp_path)
    assert result.info.path == original
    assert "would grow" in result.note


def test_generic_model_is_kept(tmp_path: Path) -> None:
    original = tensor_models.add(tmp_path / "tabular.onnx")
    result = optimized(original, tmp_path)
    assert result.info.path == original
    assert "not an image" in result.note


def test_original_is_kept_if_outputs_would_change(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimize, "MAX_DIFFERENCE", -1.0)
    result = optimized(original, tmp_path)
    assert result.info.path == original
    assert "outputs would change" in result.note


def scaled(content: bytes, _loaded: object) -> tuple[bytes, int]:
    """Return the file with one weight changed."""
    proto = onnx.load_model_from_string(content)
    weights = next(tensor for tensor in proto.graph.initializer if tensor.name == "w0")
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(1.01), "w0"))
    return proto.SerializeToString(), 1


@pytest.mark.parametrize("rewrite", [scaled, lambda *_: (b"no model", 1)])
def test_rewrite_that_changes_outputs_or_does_not_load_is_left_out(
    rewrite: Callable[..., tuple[bytes, int]], original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimize.rewrites, "rewrite", rewrite)
    result = optimized(original, tmp_path)
    assert result.note == ""
    assert result.info.path == tmp_path / "optimized.onnx"


@pytest.mark.parametrize(
    ("key", "reason"), [("stride", "does not load the optimized file"), ("end2end", "metadata would change")]
)
def test_original_is_kept_if_metadata_would_be_lost(
    key: str, reason: str, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(content: bytes, target: Path) -> None:
        proto = onnx.load_model_from_string(content)
        del proto.metadata_props[next(at for at, prop in enumerate(proto.metadata_props) if prop.key == key)]
        onnx.save(proto, target)

    monkeypatch.setattr(optimize, "_write", write)
    result = optimized(original, tmp_path)
    assert result.info.path == original
    assert reason in result.note


def test_difference_is_relative_to_the_output() -> None:
    output = np.array([1.0, -200.0], dtype=np.float32)
    assert optimize._difference([output, output], [output, output]) == 0
    assert optimize._difference([output], [output + np.float32(2)]) == pytest.approx(0.01)
    assert optimize._difference([output * 0], [output * 0]) == 0


def test_model_with_float16_input_is_compared_on_float16_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimize, "MAX_GROWTH", 9)  # the file is so small that its names and shapes count
    path = tmp_path / "half.onnx"
    outputs = [np.ones((1, 5, 84), np.float32)]
    fixed_output_model.save(path, outputs, fixed_output_model.YOLOV5, dtype=np.float16)
    result = optimized(path, folder(tmp_path / "scratch"))
    assert result.note == ""
    assert result.info.inputs[0]["datatype"] == "FP16"


def test_layout_and_read_outputs_stay_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "MAX_GROWTH", 9)
    rows = np.tile(np.float32([40, 30, 8, 8, 0.3, 0.4]), (1, 84, 1))
    path = tmp_path / "maps.onnx"
    fixed_output_model.save(path, [rows, np.zeros((1, 3, 8, 8, 6))], fixed_output_model.YOLOV5)
    before = model.read(path).loaded
    after = optimized(path, folder(tmp_path / "scratch")).info.loaded
    assert isinstance(before, function_model.Model)
    assert isinstance(after, function_model.Model)
    assert (after.layout, after.outputs) == (before.layout, before.outputs)
    assert after.layout.name == "objectness"
