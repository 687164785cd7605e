"""Generic ONNX models of one or two nodes, whose outputs can be calculated by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Declared = tuple[str, int, list[Any] | None]  # name, element type, shape


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[Declared],
    outputs: list[Declared],
    version: int = 0,
    **metadata: str,
) -> Path:
    """Write a model of these nodes."""
    graph = helper.make_graph(
        nodes,
        "tensors",
        [helper.make_tensor_value_info(*declared) for declared in inputs],
        [helper.make_tensor_value_info(*declared) for declared in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.model_version = version
    helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path


def add(path: Path, version: int = 3) -> Path:
    """Write a model with `sum` = a + b in float32, which fails if the sizes do not match, and `twice` = a + a."""
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Add", ["a", "a"], ["twice"])]
    shape = ["rows", 3]
    inputs: list[Declared] = [("a", TensorProto.FLOAT, shape), ("b", TensorProto.FLOAT, ["others", 3])]
    return save(path, nodes, inputs, [("sum", TensorProto.FLOAT, None), ("twice", TensorProto.FLOAT, shape)], version)


def echo(path: Path, element: int, shape: list[Any] | None) -> Path:
    """Write a model with `y` = x, of any element type."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return save(path, nodes, [("x", element, shape)], [("y", element, shape)])


def log(path: Path) -> Path:
    """Write a model with `y` = log(x), which is NaN for x < 0 and -Infinity for x = 0, and `same` = x."""
    nodes = [helper.make_node("Log", ["x"], ["y"]), helper.make_node("Identity", ["x"], ["same"])]
    outputs: list[Declared] = [("y", TensorProto.FLOAT, ["n"]), ("same", TensorProto.FLOAT, ["n"])]
    return save(path, nodes, [("x", TensorProto.FLOAT, ["n"])], outputs)


def expand(path: Path) -> Path:
    """Write a model with `y` = x, repeated to the shape in the other input: an output larger than the inputs."""
    nodes = [helper.make_node("Expand", ["x", "shape"], ["y"])]
    inputs: list[Declared] = [("x", TensorProto.FLOAT, [1]), ("shape", TensorProto.INT64, ["k"])]
    return save(path, nodes, inputs, [("y", TensorProto.FLOAT, None)])


def pad_then_pool() -> onnx.ModelProto:
    """Make `y` = the maximum over 2 x 2 of x (1, 1, 2, 2), padded with zeros at the right and at the bottom."""
    nodes = [
        helper.make_node("Pad", ["x", "pads", "value"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["y"], kernel_shape=[2, 2], strides=[1, 1], pads=[0] * 4),
    ]
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 2, 2]) for name in ("x", "y")]
    constants = [
        numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 0, 1, 1]), "pads"),
        numpy_helper.from_array(np.float32(0), "value"),
    ]
    graph = helper.make_graph(nodes, "pool", sides[:1], sides[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
