"""Predictions of the function, as the compression compares them."""

from pathlib import Path

import pytest

from export.compress import predictions
from export.errors import UsageError
from tests.export.compress import models
from tests.support import tensor_models


def test_broken_image_is_named(deep: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no image")
    with pytest.raises(UsageError, match=r"broken\.jpg: the image must be one of JPEG"):
        predictions.predict(models.load(deep), [path], 0.25)


def test_tensors_have_the_shape_of_the_letterboxed_image(deep: bytes, paths: list[Path]) -> None:
    shapes = [tensor.shape for tensor in predictions.tensors(models.load(deep), paths)]
    assert shapes == [(1, 3, 320, 320)] * 4


def test_generic_model_is_not_compressed() -> None:
    with pytest.raises(UsageError, match="got a generic ONNX model"):
        models.load(tensor_models.pad_then_pool().SerializeToString())
