"""A minimal detection model: every 32 x 32 grid cell of the input is a box, and its classes are red and blue.

It has the detection layout (1, 4 + 2, cells) and the metadata of an exported model, so that a test knows the expected
boxes of an image that it draws.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDE = 32
METADATA = {
    "task": "detect",
    "names": "{0: 'red', 1: 'blue'}",
    "imgsz": "[320, 320]",
    "stride": "32",
    "end2end": "False",
}
# Per class: weights of red, green and blue. A cell filled with the color has a score near 1, any other below 0.01.
COLOR_WEIGHTS = np.array([[20, -20, -20], [-20, -20, 20]], dtype=np.float32).reshape(2, 3, 1, 1)
COLOR_BIAS = np.array([-10, -10], dtype=np.float32)


def save(path: Path, sides: tuple[int | str, int | str] = ("height", "width"), **metadata: str) -> Path:
    """Write the model.

    Args:
        path: of the file.
        sides: height and width of the input: a number for a fixed side, a name for a dynamic side.
        metadata: entries to change; an empty text removes an entry.
    """
    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Conv", ["cells", "weights", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("ReduceMax", ["cells", "channel"], ["one_channel"], keepdims=1),
        helper.make_node("Mul", ["one_channel", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "one"], ["ones"]),
        helper.make_node("CumSum", ["ones", "x_axis"], ["columns"]),
        helper.make_node("CumSum", ["ones", "y_axis"], ["rows"]),
        helper.make_node("Sub", ["columns", "half"], ["cx"]),
        helper.make_node("Sub", ["rows", "half"], ["cy"]),
        helper.make_node("Concat", ["cx", "cy", "ones", "ones"], ["in_cells"], axis=1),
        helper.make_node("Mul", ["in_cells", "stride"], ["boxes"]),
        helper.make_node("Concat", ["boxes", "scores"], ["grid"], axis=1),
        helper.make_node("Reshape", ["grid", "flat"], ["output0"]),
    ]
    constants = {
        "weights": COLOR_WEIGHTS,
        "bias": COLOR_BIAS,
        "channel": np.array([1]),
        "zero": np.float32(0),
        "one": np.float32(1),
        "half": np.float32(0.5),
        "stride": np.float32(STRIDE),
        "x_axis": np.array(3),
        "y_axis": np.array(2),
        "flat": np.array([1, 6, -1]),
    }
    return _write(path, nodes, constants, [1, 3, *sides], {"output0": [1, 6, "anchors"]}, METADATA | metadata)


def save_maps(path: Path, sides: tuple[int | str, int | str] = ("height", "width"), **metadata: str) -> Path:
    """Write the same model as `scripts/build_zip.sh` rewrites one: it ends at the maps of boxes and of scores."""
    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Conv", ["cells", "nothing", "halves"], ["boxes"]),
        helper.make_node("Conv", ["cells", "weights", "bias"], ["logits"]),
    ]
    constants = {
        "weights": COLOR_WEIGHTS,
        "bias": COLOR_BIAS,
        "nothing": np.zeros((4, 3, 1, 1), np.float32),
        "halves": np.full(4, 0.5, np.float32),  # of a cell, from its center to each side
    }
    outputs = {"boxes": [1, 4, "rows", "columns"], "logits": [1, 2, "rows", "columns"]}
    return _write(path, nodes, constants, [1, 3, *sides], outputs, METADATA | {"head_maps": "True"} | metadata)


def save_output(
    path: Path,
    shape: tuple[int, ...],
    sides: tuple[int | str, int | str] = ("height", "width"),
    value: float = 0.0,
    **metadata: str,
) -> Path:
    """Write a model that ignores its input and returns one value, for unsupported layouts and classifiers."""
    nodes = [
        helper.make_node("ReduceSum", ["images"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zeros"], ["nothing"]),
        helper.make_node("Add", ["nothing", "value"], ["output0"]),
    ]
    constants = {"zeros": np.zeros(shape, dtype=np.float32), "value": np.float32(value)}
    return _write(path, nodes, constants, [1, 3, *sides], {"output0": list(shape)}, METADATA | metadata)


def _write(
    path: Path, nodes: list, constants: dict, input_shape: list, outputs: dict[str, list], metadata: dict[str, str]
) -> Path:
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {key: value for key, value in metadata.items() if value})
    onnx.save(model, str(path))
    return path
