"""Inputs of a model: what is refused, and a fixed batch; scores that its first run must have."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from function import model, predictor
from function.errors import UnusableModel
from function.metadata import ModelMetadata
from function.model import Model
from function.postprocess import layouts
from function.postprocess.layouts import LAYOUTS, Reading
from function.request import Options
from function.results import Prediction
from function.settings import Settings
from tests.conftest import encode, image_with_box
from tests.support import fixed_output_model

METADATA = {"task": "detect", "stride": "32", "imgsz": "[64, 64]", "names": "{0: 'red', 1: 'blue'}"}


def save(folder: Path, dims: list[int | str], rows: int = 84) -> Path:
    """Write a model with one box whose input has these sides."""
    output = np.zeros((1, 6, rows), np.float32)
    output[0, :5, 0] = (20, 20, 16, 16, 0.9)
    path = fixed_output_model.save(folder / "m.onnx", [output], METADATA)
    file = onnx.load(path)
    shape = file.graph.input[0].type.tensor_type.shape
    del shape.dim[:]
    for side in dims:
        dim = shape.dim.add()
        if isinstance(side, int):
            dim.dim_value = side
        else:
            dim.dim_param = side
    onnx.save(file, path)
    return path


@pytest.mark.parametrize(
    "dims", [[1, 4, 64, 64], [1, 1, 64, 64], [1, 64, 64, 3], [3, 64, 64], [1, 1, 3, 64, 64], [1, 3, 64, "w"]]
)
def test_input_that_is_no_batch_of_rgb_images_is_refused(tmp_path: Path, dims: list[int | str]) -> None:
    with pytest.raises(UnusableModel, match="got images"):
        model.load(save(tmp_path, dims), threads=1)


@pytest.mark.parametrize(("batch", "expected"), [(1, 1), (3, 3), ("batch", 1)])
def test_fixed_batch_is_filled_up(tmp_path: Path, batch: int | str, expected: int) -> None:
    served = model.load(save(tmp_path, [batch, 3, 64, 64]), threads=1)
    assert isinstance(served, Model)
    assert served.metadata.batch == expected
    result = predictor.predict(served, Settings.from_env({}), encode(image_with_box((64, 64), (0, 0, 8, 8))), Options())
    assert isinstance(result, Prediction)
    assert result.boxes_xyxy.tolist() == [[12, 12, 28, 28]]


DETECT = ModelMetadata("detect", {0: "red", 1: "blue"}, (64, 64), 32, True, "0" * 64)


@pytest.mark.parametrize(
    ("layout", "row", "is_valid"),
    [
        ("objectness", (9, 9, 4, 4, 0.9, 0.8, 0.7), True),
        ("objectness", (9, 9, 4, 4, 2.0, 0.8, 0.7), False),
        ("objectness", (9, 9, 4, 4, 0.9, 2.0, 0.7), False),
        ("objectness", (9, 9, 4, 4, 0.9, 0.8, 2.0), False),
        ("objectness", (9, 9, 4, 4, 0.9, 0.8, 0.7, 9), True),  # behind the scores
        ("queries", (9, 9, 4, 4, 0.9, 2.0), False),
        ("queries", (9, 9, 4, 4, 0.9, 0.7, 9), True),
    ],
)
def test_first_run_must_have_scores_from_0_to_1(layout: str, row: tuple[float, ...], is_valid: bool) -> None:
    reading = Reading(DETECT, next(known for known in LAYOUTS if known.name == layout), (0,))
    output = np.array([[row]], np.float32)
    if is_valid:
        layouts.check_values(reading, [output])
    else:
        with pytest.raises(UnusableModel, match="scores from 0 to 1"):
            layouts.check_values(reading, [output])
