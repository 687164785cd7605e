"""Weights stored as float16, and a Cast to float32 for each; the arithmetic stays what it was.

onnxruntime does the Casts once, when it makes the session.
"""

from typing import Any

MIN_WEIGHTS = 256  # in a tensor; below that the Cast takes about as many bytes as it saves
LARGEST_HALF = 65504.0  # float16; a larger weight stays float32


def halve(content: bytes) -> bytes:
    """The same model with half the bytes.

    Args:
        content: an ONNX file.

    Returns:
        An ONNX file; the same content gives the same bytes.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    casts = [cast for tensor in model.graph.initializer if (cast := _halved(tensor)) is not None]
    nodes = [*casts, *model.graph.node]  # a graph's nodes stand in the order in which they can be run
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.metadata_props.add(key="weights", value="float16, cast to float32 at load")
    return bytes(model.SerializeToString(deterministic=True))


def _halved(tensor: Any) -> Any:
    """Makes the tensor float16 under another name; the node that gives the old name back, or None."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    if tensor.data_type != TensorProto.FLOAT:
        return None
    weights = numpy_helper.to_array(tensor)
    if weights.size < MIN_WEIGHTS or not abs(weights).max() <= LARGEST_HALF:
        return None
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{name}_half"))
    return helper.make_node("Cast", [f"{name}_half"], [name], name=f"{name}_cast", to=TensorProto.FLOAT)
