"""Models that take tensors, small enough to say what they have to answer."""

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

Declared = tuple[str, int, list[Any] | None]  # name, element type, shape


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    takes: list[Declared],
    gives: list[Declared],
    version: int = 0,
    **metadata: str,
) -> Path:
    """Write a model of these nodes."""
    graph = helper.make_graph(
        nodes,
        "tensors",
        [helper.make_tensor_value_info(*one) for one in takes],
        [helper.make_tensor_value_info(*one) for one in gives],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.model_version = version
    helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path


def add(path: Path, version: int = 3) -> Path:
    """`sum` = a + b in float32, where sizes that do not go together are an error; `twice` = a + a."""
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Add", ["a", "a"], ["twice"])]
    shape = ["rows", 3]
    takes: list[Declared] = [("a", TensorProto.FLOAT, shape), ("b", TensorProto.FLOAT, ["others", 3])]
    return save(path, nodes, takes, [("sum", TensorProto.FLOAT, None), ("twice", TensorProto.FLOAT, shape)], version)


def echo(path: Path, element: int, shape: list[Any] | None) -> Path:
    """`y` = x, of any element type."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return save(path, nodes, [("x", element, shape)], [("y", element, shape)])


def log(path: Path) -> Path:
    """`y` = the logarithm of x, which is NaN and -Infinity where x is below 0 and 0; `same` = x."""
    nodes = [helper.make_node("Log", ["x"], ["y"]), helper.make_node("Identity", ["x"], ["same"])]
    gives: list[Declared] = [("y", TensorProto.FLOAT, ["n"]), ("same", TensorProto.FLOAT, ["n"])]
    return save(path, nodes, [("x", TensorProto.FLOAT, ["n"])], gives)


def expand(path: Path) -> Path:
    """`y` = x, repeated to the shape that the other input says: an answer that is larger than what was asked."""
    nodes = [helper.make_node("Expand", ["x", "shape"], ["y"])]
    takes: list[Declared] = [("x", TensorProto.FLOAT, [1]), ("shape", TensorProto.INT64, ["k"])]
    return save(path, nodes, takes, [("y", TensorProto.FLOAT, None)])
