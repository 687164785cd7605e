"""ONNX models that return fixed numbers for every image, to test how outputs of other exporters are read."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

YOLOV5 = {"stride": "32", "names": "{0: 'red'}"}  # all that the YOLOv5 repository writes
TYPES = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}


def save(
    path: Path,
    outputs: list[np.ndarray],
    metadata: dict[str, str],
    side: int = 64,
    dtype: type = np.float32,
    channels: int = 3,
) -> Path:
    """Write the model.

    Args:
        path: of the file.
        outputs: the numbers of each output.
        metadata: of the file.
        side: of the square input, px.
        dtype: of the input and the outputs.
        channels: of the input.
    """
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    constants, declared = [numpy_helper.from_array(np.asarray(0, dtype), "zero")], []
    for number, output in enumerate(outputs):
        constants.append(numpy_helper.from_array(output.astype(dtype), f"fixed{number}"))
        nodes.append(helper.make_node("Add", [f"fixed{number}", "nothing"], [f"output{number}"]))
        declared.append(helper.make_tensor_value_info(f"output{number}", TYPES[dtype], output.shape))
    image = helper.make_tensor_value_info("images", TYPES[dtype], [1, channels, side, side])
    graph = helper.make_graph(nodes, "fixed", [image], declared, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path
