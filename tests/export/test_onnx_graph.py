"""Changes of the graph that keep what it computes: zero padding, half weights, 8 bits."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import onnx_graph
from export.compress import agreement, float16, int8, predictions
from export.compress.predictions import Array
from export.errors import UsageError
from tests.conftest import encode, picture
from tests.support import color_model

LAYERS = 3  # of learned convolutions before the color model's own
WIDTH = 16


def pad_then_pool(value: float = 0.0) -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("Pad", ["x", "pads", "value"], ["padded"]),
            helper.make_node("MaxPool", ["padded"], ["y"], kernel_shape=[2, 2], strides=[1, 1], pads=[0] * 4),
        ],
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 2, 2])],
        [
            numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 0, 1, 1]), "pads"),
            numpy_helper.from_array(np.float32(value), "value"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(content: bytes, tensor: Array) -> Array:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: tensor})[0]


def test_zeros_before_a_maximum_stay_zeros() -> None:
    model = pad_then_pool()
    onnx_graph.keep_zeros(model)
    onnx.checker.check_model(model, full_check=True)
    found = run(model.SerializeToString(), np.full((1, 1, 2, 2), -1, dtype=np.float32))
    assert found.ravel().tolist() == [-1, 0, 0, 0]


def test_a_pool_without_a_pad_before_it_stays_as_it_is() -> None:
    model = pad_then_pool()
    del model.graph.node[0]
    model.graph.node[0].input[0] = "x"
    before = model.SerializeToString()
    onnx_graph.keep_zeros(model)
    assert model.SerializeToString() == before


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The color model behind convolutions with SiLU whose last gives the picture back."""
    random = np.random.default_rng(0)
    model = onnx.load(str(color_model.save(tmp_path_factory.mktemp("deep") / "colors.onnx")))
    there = random.normal(size=(WIDTH, 3)).astype(np.float32)
    back = np.linalg.pinv(there).astype(np.float32)
    weights = {"w0": there, "w1": np.eye(WIDTH, dtype=np.float32), "w2": back}
    for name, matrix in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(matrix[:, :, None, None], name))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(12), "high"))  # SiLU(x + 12) is about x + 12
    nodes, name = [], "images"
    for layer in range(LAYERS):
        nodes.append(helper.make_node("Conv", [name, f"w{layer}"], [f"c{layer}"], name=f"conv{layer}"))
        name = f"c{layer}"
        if layer < LAYERS - 1:
            nodes += [
                helper.make_node("Add", [name, "high"], [f"a{layer}"]),
                helper.make_node("Sigmoid", [f"a{layer}"], [f"s{layer}"], name=f"sigmoid{layer}"),
                helper.make_node("Mul", [f"a{layer}", f"s{layer}"], [f"m{layer}"], name=f"mul{layer}"),
                helper.make_node("Sub", [f"m{layer}", "high"], [f"l{layer}"]),
            ]
            name = f"l{layer}"
    for node in model.graph.node:
        node.input[:] = [name if one == "images" else one for one in node.input]
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *kept])
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(4):
        corner = 64 * number
        red = encode(picture(box=(corner, corner, corner + 32, corner + 32)))
        (folder / f"{number}.png").write_bytes(red)
    return sorted(folder.iterdir())


def test_half_weights_find_the_same(deep: bytes, paths: list[Path]) -> None:
    found = [predictions.find(predictions.load("deep", content), paths, 0.25) for content in (deep, big_halved(deep))]
    agreed = agreement.f1_agreement(found[0], found[1])
    assert (agreed.counts, agreed.share) == ((4, 4), 1.0)


def big_halved(content: bytes) -> bytes:
    """As halve.halve, for a model whose tensors are all small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(float16, "MIN_WEIGHTS", 1)
        return float16.halve(content)


def test_halved_weights_are_stored_as_float16_and_cast(deep: bytes) -> None:
    model = onnx.load_model_from_string(big_halved(deep))
    onnx.checker.check_model(model, full_check=True)
    halves = {one.name for one in model.graph.initializer if one.data_type == TensorProto.FLOAT16}
    casts = {node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    assert {"w0_half", "w1_half", "w2_half"} <= halves == casts


def test_small_tensors_stay_float32(deep: bytes) -> None:
    model = onnx.load_model_from_string(float16.halve(deep))
    halves = {one.name for one in model.graph.initializer if one.data_type == TensorProto.FLOAT16}
    assert halves == {"w1_half"}  # 16 x 16 weights; the others have 48 and fewer


def test_weights_that_float16_cannot_hold_stay_float32() -> None:
    weights = np.full(1000, 1e6, dtype=np.float32)
    model = pad_then_pool()
    model.graph.initializer.append(numpy_helper.from_array(weights, "large"))
    kept = onnx.load_model_from_string(float16.halve(model.SerializeToString())).graph.initializer
    assert [one.data_type for one in kept if one.name.startswith("large")] == [TensorProto.FLOAT]


def quantized(content: bytes, paths: list[Path]) -> bytes:
    served = predictions.load("deep", content)
    return int8.quantize(content, predictions.tensors(served, paths), len(paths))


def test_eight_bits_find_the_same_where_they_suffice(deep: bytes, paths: list[Path]) -> None:
    found = [predictions.find(predictions.load("deep", one), paths, 0.25) for one in (deep, quantized(deep, paths))]
    agreed = agreement.f1_agreement(found[0], found[1])
    assert (agreed.counts, agreed.share) == ((4, 4), 1.0)


def test_only_convolutions_between_the_first_and_the_last_are_quantized(deep: bytes, paths: list[Path]) -> None:
    # the color model's own convolution is the last; its two outputs are learned ones
    model = onnx.load_model_from_string(quantized(deep, paths))
    made = {name: node for node in model.graph.node for name in node.output}
    readers = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            readers[node.name] = made[node.input[1]].op_type if node.input[1] in made else "float"
    assert readers.pop("conv0") == "float"
    assert {readers.pop("conv1"), readers.pop("conv2")} == {"DequantizeLinear"}
    assert set(readers.values()) == {"float"}


def test_the_metadata_says_how_it_was_quantized_and_stays_otherwise(deep: bytes, paths: list[Path]) -> None:
    before, after = (
        {one.key: one.value for one in onnx.load_model_from_string(content).metadata_props}
        for content in (deep, quantized(deep, paths))
    )
    said = ast.literal_eval(after.pop("quantization"))
    assert (said["pictures"], said["weights"], said["per_channel"]) == (4, "int8", True)
    assert after == before


def test_quantizing_twice_gives_the_same_bytes(deep: bytes, paths: list[Path]) -> None:
    assert quantized(deep, paths) == quantized(deep, paths)


def test_a_quantized_model_is_not_quantized_again(deep: bytes, paths: list[Path]) -> None:
    with pytest.raises(UsageError, match="is quantized already"):
        int8.quantize(quantized(deep, paths), nothing(), 0)


def nothing() -> Iterator[Array]:
    yield from ()


def test_a_model_without_convolutions_is_refused() -> None:
    with pytest.raises(UsageError, match="has no convolution; found MaxPool, Pad"):
        int8.quantize(pad_then_pool().SerializeToString(), nothing(), 0)


def test_an_opset_without_scales_by_channel_is_refused(deep: bytes) -> None:
    model = onnx.load_model_from_string(deep)
    model.opset_import[0].version = 12
    with pytest.raises(UsageError, match="of opset 12; wanted 13 or later"):
        int8.quantize(model.SerializeToString(), nothing(), 0)


def test_a_broken_picture_is_named(deep: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"broken\.jpg: the data begins with"):
        predictions.find(predictions.load("deep", deep), [path], 0.25)


def test_tensors_are_what_the_function_paints(deep: bytes, paths: list[Path]) -> None:
    shapes = [tensor.shape for tensor in predictions.tensors(predictions.load("deep", deep), paths)]
    assert shapes == [(1, 3, 320, 320)] * 4


def test_a_model_of_tensors_is_not_made_smaller() -> None:
    with pytest.raises(UsageError, match="is served as tensors"):
        predictions.load("pool.onnx", pad_then_pool().SerializeToString())
