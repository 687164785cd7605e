"""Weights stored as float16."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from export.compress import float16
from tests.export.compress import models
from tests.support import tensor_models


def compressed(content: bytes) -> bytes:
    """Store every tensor as float16: the tensors of the tests are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(float16, "MIN_WEIGHTS", 1)
        return float16.store_as_float16(content)


def test_predictions_stay_the_same(deep: bytes, paths: list[Path]) -> None:
    agreed = models.agreement_of(deep, compressed(deep), paths)
    assert (agreed.counts, agreed.f1) == ((4, 4), 1.0)


def test_weights_are_stored_as_float16_and_cast(deep: bytes) -> None:
    model = onnx.load_model_from_string(compressed(deep))
    onnx.checker.check_model(model, full_check=True)
    stored = {tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT16}
    casts = {node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    assert {"w0_half", "w1_half", "w2_half"} <= stored == casts


def test_small_tensors_stay_float32(deep: bytes) -> None:
    model = onnx.load_model_from_string(float16.store_as_float16(deep))
    stored = {tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT16}
    assert stored == {"w1_half"}  # 16 x 16 weights; the others have 48 and fewer


def test_weights_that_float16_cannot_hold_stay_float32() -> None:
    weights = np.full(1000, 1e6, dtype=np.float32)
    model = tensor_models.pad_then_pool()
    model.graph.initializer.append(numpy_helper.from_array(weights, "large"))
    stored = onnx.load_model_from_string(float16.store_as_float16(model.SerializeToString())).graph.initializer
    assert [tensor.data_type for tensor in stored if tensor.name.startswith("large")] == [TensorProto.FLOAT]
