"""Small ONNX models for the tests of the rewrites, and their runs."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"


def model(nodes: list[Any], weights: dict[str, np.ndarray], shape: list[Any], opset: int = 18) -> Any:
    """Return a model from the input `x` to the output `y`."""
    declared_input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    declared_output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "graph", [declared_input], [declared_output], constants)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def copy(proto: Any) -> Any:
    """Return a copy of a model."""
    copied = onnx.ModelProto()
    copied.CopyFrom(proto)
    return copied


def run(proto: Any, values: np.ndarray) -> list[Any]:
    """Return the outputs for the one input."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {proto.graph.input[0].name: values}))


def operators(proto: Any) -> list[str]:
    """Return the operators of a graph in their order."""
    return [node.op_type for node in proto.graph.node]


def node(proto: Any, operator: str) -> Any:
    """Return the first node of this operator."""
    return next(node for node in proto.graph.node if node.op_type == operator)


def set_attribute(changed: Any, name: str, value: Any) -> None:
    """Set an attribute of a node."""
    kept = [attribute for attribute in changed.attribute if attribute.name != name]
    del changed.attribute[:]
    changed.attribute.extend([*kept, helper.make_attribute(name, value)])


def set_constant(proto: Any, name: str, values: np.ndarray) -> None:
    """Set an initializer."""
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(values, name))
