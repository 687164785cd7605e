"""A convolution whose output is split becomes a convolution for each part."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from scripts.bundle.rewrites import split
from scripts.bundle.rewrites.graph import remove_dead
from tests.scripts.bundle.rewrites.graphs import (
    MICROSOFT,
    copy,
    model,
    node,
    operators,
    run,
    set_attribute,
    set_constant,
)

RNG = np.random.default_rng(4)
IN = 16


def network(sizes: tuple[int, ...] = (32, 16), bias: bool = True, reads: str = "both") -> Any:
    """Return a model of `Conv, QuickGelu, Split`; `reads`: which parts are concatenated."""
    channels = sum(sizes)
    weights = {
        "w": RNG.standard_normal((channels, IN, 3, 3), np.float32) / 12,
        "b": RNG.standard_normal(channels, np.float32),
        "sizes": np.array(sizes),
    }
    parts = [f"part{index}" for index in range(len(sizes))]
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"][: 2 + bias], ["c"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("QuickGelu", ["c"], ["g"], domain=MICROSOFT, alpha=1.0),
        helper.make_node("Split", ["g", "sizes"], parts, axis=1),
        helper.make_node("Concat", parts[::-1] if reads == "both" else parts[1:], ["y"], axis=1),
    ]
    return model(nodes, weights, ["batch", IN, "height", "width"])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(16, 16), (32, 16), (16, 48, 16)])
def test_parts_have_the_same_values(sizes: tuple[int, ...], bias: bool) -> None:
    original = network(sizes, bias)
    rewritten = copy(original)
    assert split.rewrite(rewritten) == 1
    remove_dead(rewritten)
    assert operators(rewritten) == ["Conv", "QuickGelu"] * len(sizes) + ["Concat"]
    image = RNG.standard_normal((2, IN, 20, 14), np.float32)
    (expected,), (actual,) = run(original, image), run(rewritten, image)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)  # the sums may be in another order


def test_part_that_nothing_reads_is_not_computed() -> None:
    original = network(reads="second")
    rewritten = copy(original)
    split.rewrite(rewritten)
    assert operators(rewritten).count("Conv") == 1
    image = RNG.standard_normal((1, IN, 8, 8), np.float32)
    np.testing.assert_allclose(run(rewritten, image)[0], run(original, image)[0], rtol=0, atol=1e-6)


def add_reader(name: str) -> Callable[[Any], None]:
    def change(proto: Any) -> None:
        proto.graph.node.append(helper.make_node("Identity", [name], ["second"]))
        proto.graph.output.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, None))

    return change


NEAR_MISSES = {
    "axis of the split": lambda proto: set_attribute(node(proto, "Split"), "axis", 2),
    "groups": lambda proto: set_attribute(node(proto, "Conv"), "group", 2),
    "other number of channels": lambda proto: set_constant(proto, "sizes", np.array([32, 32])),
    "parts that are no blocks": lambda proto: set_constant(proto, "sizes", np.array([24, 24])),
    "activation of another domain": lambda proto: setattr(node(proto, "QuickGelu"), "domain", ""),
    "split without sizes": lambda proto: node(proto, "Split").input.pop(),
    "weights that are not constant": lambda proto: proto.graph.initializer.remove(proto.graph.initializer[0]),
    "second reader of the convolution": add_reader("c"),
    "second reader of the activation": add_reader("g"),
    "activation is an output": lambda proto: proto.graph.output.append(
        helper.make_tensor_value_info("g", TensorProto.FLOAT, None)
    ),
}


@pytest.mark.parametrize("change", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_near_miss_is_left_as_it_is(change: Callable[[Any], None]) -> None:
    proto = network()
    change(proto)
    before = proto.SerializeToString()
    assert split.rewrite(proto) == 0
    assert proto.SerializeToString() == before


def test_tensor_that_an_inner_graph_reads_is_kept() -> None:
    proto = network()
    then = helper.make_graph(
        [helper.make_node("Identity", ["g"], ["inner"])],
        "then",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    proto.graph.node.append(helper.make_node("If", ["condition"], ["chosen"], then_branch=then, else_branch=then))
    assert split.rewrite(proto) == 0
