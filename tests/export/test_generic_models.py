"""What `python -m export model.onnx` says of a model without YOLO metadata."""

from pathlib import Path

import pytest
from onnx import TensorProto

from export import model_info
from export.errors import UsageError
from tests.support import tensor_models


def test_a_model_of_tensors_has_its_facts(tmp_path: Path) -> None:
    path = tensor_models.add(tmp_path / "m.onnx")
    facts = model_info.describe(path, path.read_bytes())
    assert facts[:5] == [
        ("input", "a FP32 [-1, 3]"),
        ("input", "b FP32 [-1, 3]"),
        ("output", "sum FP32 [-1, 3]"),
        ("output", "twice FP32 [-1, 3]"),
        ("task", "none in the metadata: served as tensors"),
    ]


def test_a_model_that_the_function_refuses_is_refused_with_its_own_path(tmp_path: Path) -> None:
    path = tensor_models.echo(tmp_path / "m.onnx", TensorProto.BFLOAT16, ["n"])
    with pytest.raises(UsageError, match=r"m\.onnx takes x tensor\(bfloat16\)") as refused:
        model_info.describe(path, path.read_bytes())
    assert str(refused.value).startswith(str(path))
