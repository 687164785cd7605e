"""The mean of a box distribution, without a softmax over an inner axis."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from scripts.bundle.rewrites import dfl
from scripts.bundle.rewrites.graph import remove_dead
from tests.scripts.bundle.rewrites.graphs import copy, model, node, operators, run, set_attribute, set_constant

BINS = 16
RNG = np.random.default_rng(3)
FUSED = ["Reshape", "ReduceMax", "Sub", "Exp", "MatMul", "Split", "Div", "Reshape"]


def distribution(shape: list[Any], bins: int = BINS, opset: int = 18) -> Any:
    """Return the model of ultralytics' DFL: from (B, 4 * bins, A) to (B, 4, A)."""
    weights = {
        "by_bin": np.array([0, 4, bins, -1]),
        "bins": np.arange(bins, dtype=np.float32).reshape(1, bins, 1, 1),
        "sides": np.array([0, 4, -1] if isinstance(shape[0], str) else [shape[0], 4, shape[2]]),
    }
    nodes = [
        helper.make_node("Reshape", ["x", "by_bin"], ["split"]),
        helper.make_node("Transpose", ["split"], ["transposed"], perm=[0, 2, 1, 3]),
        helper.make_node("Softmax", ["transposed"], ["softmax"], axis=1),
        helper.make_node("Conv", ["softmax", "bins"], ["mean"]),
        helper.make_node("Reshape", ["mean", "sides"], ["y"]),
    ]
    if isinstance(shape[0], str):  # (B, 1, 4, A): the batch is not the first of the two axes that remain
        weights["sides"] = np.array([-1, 4, 21])
    return model(nodes, weights, shape, opset)


@pytest.mark.parametrize("opset", [13, 17, 18, 21])
@pytest.mark.parametrize("shape", [[1, 4 * BINS, 21], ["batch", 4 * BINS, "anchors"]])
def test_mean_is_the_same(shape: list[Any], opset: int) -> None:
    original = distribution(shape, opset=opset)
    rewritten = copy(original)
    assert dfl.rewrite(rewritten) == 1
    remove_dead(rewritten)
    assert operators(rewritten) == FUSED
    values = 5 * RNG.standard_normal((1 if shape[0] == 1 else 3, 4 * BINS, 21), np.float32)
    (expected,), (actual,) = run(original, values), run(rewritten, values)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)  # of values up to 15


def test_large_logits_do_not_overflow() -> None:
    original = distribution([1, 4 * BINS, 21])
    rewritten = copy(original)
    dfl.rewrite(rewritten)
    values = 500 * RNG.standard_normal((1, 4 * BINS, 21), np.float32)
    np.testing.assert_allclose(run(rewritten, values)[0], run(original, values)[0], rtol=0, atol=1e-5)


def test_other_number_of_bins_is_rewritten() -> None:
    original = distribution([1, 32, 21], bins=8)
    rewritten = copy(original)
    assert dfl.rewrite(rewritten) == 1
    values = RNG.standard_normal((1, 32, 21), np.float32)
    np.testing.assert_allclose(run(rewritten, values)[0], run(original, values)[0], rtol=0, atol=1e-5)


def with_computed_shape(sides: int = 4, parts: int = 4) -> Any:
    """Return the model as it is before onnxruntime's fusions: the shape of the bins is computed."""
    proto = distribution(["batch", 4 * BINS, "anchors"])
    proto.graph.initializer.remove(next(one for one in proto.graph.initializer if one.name == "by_bin"))
    constants = {"first": [0], "sides4": [sides], "bins16": [BINS], "last": [-1]}
    proto.graph.initializer.extend(numpy_helper.from_array(np.array(part), name) for name, part in constants.items())
    proto.graph.node.insert(0, helper.make_node("Concat", [*constants][:parts], ["by_bin"], axis=0))
    return proto


def test_computed_shape_is_rewritten() -> None:
    original = with_computed_shape()
    rewritten = copy(original)
    assert dfl.rewrite(rewritten) == 1
    values = RNG.standard_normal((2, 4 * BINS, 21), np.float32)
    np.testing.assert_allclose(run(rewritten, values)[0], run(original, values)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("sides", "parts"), [(5, 4), (4, 3)])
def test_other_computed_shape_is_left_as_it_is(sides: int, parts: int) -> None:
    assert dfl.rewrite(with_computed_shape(sides, parts)) == 0


def add_reader(name: str) -> Callable[[Any], None]:
    def change(proto: Any) -> None:
        proto.graph.node.append(helper.make_node("Identity", [name], ["second"]))
        proto.graph.output.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, None))

    return change


def add_output(name: str) -> Callable[[Any], None]:
    return lambda proto: proto.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


NEAR_MISSES = {
    "axis of the softmax": lambda proto: set_attribute(node(proto, "Softmax"), "axis", 3),
    "default axis of the softmax": lambda proto: node(proto, "Softmax").ClearField("attribute"),
    "other transpose": lambda proto: set_attribute(node(proto, "Transpose"), "perm", [0, 3, 1, 2]),
    "five sides": lambda proto: set_constant(proto, "by_bin", np.array([0, 5, BINS, -1])),
    "other number of bins": lambda proto: set_constant(proto, "by_bin", np.array([0, 4, BINS // 2, -1])),
    "shape with zeros": lambda proto: set_attribute(node(proto, "Reshape"), "allowzero", 1),
    "weights from 1": lambda proto: set_constant(
        proto, "bins", np.arange(1, BINS + 1, dtype=np.float32).reshape(1, BINS, 1, 1)
    ),
    "two output channels": lambda proto: set_constant(
        proto, "bins", np.tile(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1), (2, 1, 1, 1))
    ),
    "kernel of two columns": lambda proto: set_constant(
        proto, "bins", np.tile(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1), (1, 1, 1, 2))
    ),
    "bias": lambda proto: node(proto, "Conv").input.append("by_bin"),
    "padding": lambda proto: set_attribute(node(proto, "Conv"), "pads", [0, 1, 0, 1]),
    "stride": lambda proto: set_attribute(node(proto, "Conv"), "strides", [1, 2]),
    "logits in another domain": lambda proto: setattr(node(proto, "Softmax"), "domain", "com.example"),
    "mean that no Reshape reads": lambda proto: setattr(proto.graph.node[-1], "op_type", "Expand"),
    "shape that is not constant": lambda proto: proto.graph.initializer.remove(
        next(tensor for tensor in proto.graph.initializer if tensor.name == "by_bin")
    ),
    **{f"second reader of {name}": add_reader(name) for name in ("split", "transposed", "softmax", "mean")},
    **{f"{name} is an output": add_output(name) for name in ("transposed", "softmax", "mean")},
}


@pytest.mark.parametrize("change", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_near_miss_is_left_as_it_is(change: Callable[[Any], None]) -> None:
    proto = distribution([1, 4 * BINS, 21])
    change(proto)
    before = proto.SerializeToString()
    assert dfl.rewrite(proto) == 0
    assert proto.SerializeToString() == before


def test_opset_without_sizes_as_an_input_is_left_as_it_is() -> None:
    assert dfl.rewrite(distribution([1, 4 * BINS, 21], opset=12)) == 0
