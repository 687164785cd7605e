"""Weights stored as float16, with a Cast to float32 for each; the arithmetic stays float32.

onnxruntime runs the Casts once, when it makes the session.
"""

from typing import Any

MIN_WEIGHTS = 256  # in a tensor; below that the Cast takes about as many bytes as it saves
MAX_FLOAT16 = 65504.0  # a larger weight stays float32


def store_as_float16(content: bytes) -> bytes:
    """Return the same model with half the bytes.

    Args:
        content: an ONNX file.

    Returns:
        An ONNX file; the same content gives the same bytes.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    casts = [cast for tensor in model.graph.initializer if (cast := _convert(tensor)) is not None]
    nodes = [*casts, *model.graph.node]  # the nodes of a graph must be in the order in which they can run
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.metadata_props.add(key="weights", value="float16, cast to float32 at load")
    return bytes(model.SerializeToString(deterministic=True))


def _convert(tensor: Any) -> Any:
    """Convert the tensor to float16 under another name; return the node that gives the old name back, or None."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    if tensor.data_type != TensorProto.FLOAT:
        return None
    weights = numpy_helper.to_array(tensor)
    if weights.size < MIN_WEIGHTS or not abs(weights).max() <= MAX_FLOAT16:
        return None
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{name}_half"))
    return helper.make_node("Cast", [f"{name}_half"], [name], name=f"{name}_cast", to=TensorProto.FLOAT)
