"""Confidence threshold of ONNX graphs with their own NMS."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from function import model
from function.postprocess import embedded_nms
from tests.support import color_model


def graph(*nodes: onnx.NodeProto, **constants: np.ndarray) -> bytes:
    """An ONNX file whose graph has these nodes, and a weight that is no number."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("scores", "mask")]
    numbers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    weights = numpy_helper.from_array(np.full((64, 64), 0.5, np.float32), "weights")
    made = helper.make_graph(list(nodes), "graph", values[:1], values[1:], [weights, *numbers])
    return helper.make_model(made).SerializeToString()


def constant(value: float, name: str = "conf", dtype: type = np.float32) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, dtype)))


def greater(name: str = "conf") -> onnx.NodeProto:
    return helper.make_node("Greater", ["scores", name], ["mask"])


@pytest.mark.parametrize(
    "content",
    [
        graph(constant(0.4), greater()),
        graph(constant(0.4, dtype=np.float64), greater()),
        graph(greater(), conf=np.array(0.4, np.float32)),
        graph(greater(), conf=np.array([0.4], np.float32)),
        graph(helper.make_node("Constant", [], ["conf"], value_float=0.4), greater()),
        graph(constant(0.4, "raw"), helper.make_node("Cast", ["raw"], ["conf"], to=TensorProto.FLOAT), greater()),
        graph(constant(0.4), greater(), greater()),
        graph(constant(0.4), constant(7, "limit"), greater("limit"), greater(), greater("weights")),
        graph(constant(0.7, "iou"), constant(0.4), greater(), greater("iou")),  # as for rotated boxes
    ],
)
def test_threshold_is_the_number_that_the_scores_are_compared_with(content: bytes) -> None:
    assert embedded_nms.threshold(content) == 0.4


def test_threshold_of_half_precision_is_read() -> None:
    assert embedded_nms.threshold(graph(constant(0.25, dtype=np.float16), greater())) == 0.25


@pytest.mark.parametrize(
    "content",
    [
        b"",
        graph(constant(0.4)),
        graph(constant(7), greater()),
        graph(greater("weights")),
        graph(greater("scores")),
    ],
)
def test_threshold_that_the_graph_does_not_state_is_not_guessed(content: bytes) -> None:
    assert embedded_nms.threshold(content) is None


def test_threshold_of_a_loaded_model_is_read(tmp_path: Path) -> None:
    path = color_model.save(tmp_path / "m.onnx", sides=(320, 320), args="{'nms': True}")
    file = onnx.load(path)
    file.graph.node[-1].output[0] = "columns_of_boxes"
    file.graph.node.extend(
        [
            helper.make_node("Transpose", ["columns_of_boxes"], ["output0"], perm=[0, 2, 1]),  # (1, rows, 6)
            constant(0.25),
            helper.make_node("Greater", ["scores", "conf"], ["mask"]),
        ]
    )
    del file.graph.output[:]
    file.graph.output.append(helper.make_tensor_value_info("output0", TensorProto.FLOAT, None))
    onnx.save(file, path)
    assert model.load(path, threads=1).metadata.nms_conf == 0.25


def test_model_without_nms_has_no_threshold(tmp_path: Path) -> None:
    path = color_model.save(tmp_path / "m.onnx", args="{'nms': False}")
    assert model.load(path, threads=1).metadata.nms_conf is None


@pytest.mark.parametrize("operator", ["Identity", "Cast"])
def test_threshold_is_followed_through_nodes_that_keep_its_value(operator: str) -> None:
    options = {"to": TensorProto.FLOAT} if operator == "Cast" else {}
    node = helper.make_node(operator, ["raw"], ["conf"], **options)
    assert embedded_nms.threshold(graph(constant(0.4, "raw"), node, greater())) == 0.4


def test_threshold_is_not_followed_through_a_node_that_changes_it() -> None:
    assert (
        embedded_nms.threshold(graph(constant(0.4, "raw"), helper.make_node("Neg", ["raw"], ["conf"]), greater()))
        is None
    )
