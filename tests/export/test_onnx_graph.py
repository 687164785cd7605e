"""Zero padding before a maximum, kept by onnxruntime's optimizations."""

import numpy as np
import onnx
import onnxruntime

from export import onnx_graph
from tests.support import tensor_models


def test_zero_padding_before_a_maximum_stays_zero() -> None:
    model = tensor_models.pad_then_pool()
    onnx_graph.keep_zero_padding(model)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"x": np.full((1, 1, 2, 2), -1, dtype=np.float32)})
    assert output.ravel().tolist() == [-1, 0, 0, 0]


def test_pool_without_a_pad_before_it_is_not_changed() -> None:
    model = tensor_models.pad_then_pool()
    del model.graph.node[0]
    model.graph.node[0].input[0] = "x"
    before = model.SerializeToString()
    onnx_graph.keep_zero_padding(model)
    assert model.SerializeToString() == before
