"""The model as it is shipped: the same outputs and metadata from a graph that is ready sooner."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from function import model as served
from scripts.bundle import optimize
from tests.support import color_model

METADATA = {**color_model.METADATA, "names": "{0: 'red'}", "imgsz": "[64, 32]"}
RNG = np.random.default_rng(2)


def network(path: Path, channels: int = 16) -> Path:
    """Convolutions with the activation of a YOLO, x * sigmoid(x), which is what there is to fuse; (1, 5, A)."""
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
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])
    made = helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 5, "anchors"])
    model = helper.make_model(
        helper.make_graph(nodes, "network", [given], [made], weights), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    helper.set_model_props(model, METADATA)
    onnx.save(model, path)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return network(tmp_path / "given.onnx")


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_the_activations_are_fused(given: Path, tmp_path: Path) -> None:
    made = optimize.optimize(given, tmp_path)
    assert made.note == ""
    assert operators(given).count("Sigmoid") == 3
    assert "Sigmoid" not in operators(made.path)


def test_no_layout_of_one_processor_is_written(given: Path, tmp_path: Path) -> None:
    domains = {node.domain for node in onnx.load(optimize.optimize(given, tmp_path).path).graph.node}
    assert "com.microsoft.nchwc" not in domains


@pytest.mark.parametrize("sides", [(64, 32), (32, 96)])
def test_the_outputs_stay(given: Path, tmp_path: Path, sides: tuple[int, int]) -> None:
    picture = RNG.random((1, 3, *sides), dtype=np.float32)
    wanted, found = (
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"images": picture})[0]
        for path in (given, optimize.optimize(given, tmp_path).path)
    )
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


def test_the_function_reads_the_same_facts(given: Path, tmp_path: Path) -> None:
    before, after = served.load(given, 1).metadata, served.load(optimize.optimize(given, tmp_path).path, 1).metadata
    assert after._replace(sha256=before.sha256) == before
    assert after.sha256 != before.sha256


def test_the_same_model_gives_the_same_bytes(given: Path, tmp_path: Path) -> None:
    made = [optimize.optimize(given, folder(tmp_path / name)).path.read_bytes() for name in ("one", "two")]
    assert made[0] == made[1]


def test_the_given_model_is_not_touched_and_known_by_its_checksum(given: Path, tmp_path: Path) -> None:
    before = given.read_bytes()
    assert optimize.optimize(given, tmp_path).source_sha256 == served.load(given, 1).metadata.sha256
    assert given.read_bytes() == before


def test_a_quantized_model_is_left_alone(tmp_path: Path) -> None:
    given = network(tmp_path / "given.onnx")
    quantized = onnx.load(given)
    quantized.graph.node[0].name = "images_QuantizeLinear"
    onnx.save(quantized, given)
    made = optimize.optimize(given, tmp_path)
    assert made.path == given
    assert "quantized" in made.note


def test_a_model_that_would_grow_is_left_alone(tmp_path: Path) -> None:
    given = network(tmp_path / "given.onnx", channels=64)
    halved = onnx.load(given)
    for weight in list(halved.graph.initializer):
        if weight.data_type == TensorProto.FLOAT:
            stored = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{weight.name}_half")
            halved.graph.initializer.remove(weight)
            halved.graph.initializer.append(stored)
            halved.graph.node.insert(0, helper.make_node("Cast", [stored.name], [weight.name], to=TensorProto.FLOAT))
    onnx.save(halved, given)
    made = optimize.optimize(given, tmp_path)
    assert made.path == given
    assert "would grow" in made.note


def test_a_model_that_takes_no_pictures_is_left_alone(tmp_path: Path) -> None:
    given = tmp_path / "tabular.onnx"
    side = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "tabular", [side], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save(model, given)
    result = optimize.optimize(given, tmp_path)
    assert result.path == given
    assert "pictures" in result.note


def test_outputs_that_would_change_are_noticed(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "MAX_DIFFERENCE", -1.0)
    made = optimize.optimize(given, tmp_path)
    assert made.path == given
    assert "outputs would change" in made.note


def test_the_difference_is_relative_to_the_output() -> None:
    one = np.array([1.0, -200.0], dtype=np.float32)
    assert optimize._difference([one, one], [one, one]) == 0
    assert optimize._difference([one], [one + np.float32(2)]) == pytest.approx(0.01)
    assert optimize._difference([one * 0], [one * 0]) == 0
