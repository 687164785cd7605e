"""What the build reads from a model that takes pictures: the same as the function does."""

from pathlib import Path

import pytest

from function import metadata as function_facts
from scripts.bundle import model, optimize
from tests.support import color_model


@pytest.mark.parametrize(
    ("sides", "imgsz"),
    [((320, 256), (320, 256)), (("height", "width"), function_facts.DEFAULT_IMGSZ)],
)
def test_a_model_that_says_only_its_names_and_stride_is_a_detector(
    sides: tuple[int | str, int | str], imgsz: tuple[int, int], tmp_path: Path
) -> None:
    path = color_model.save(tmp_path / "m.onnx", sides, task="", imgsz="", end2end="")
    found = model.facts(path)
    assert (found.task, found.imgsz) == ("detect", imgsz)


def test_the_fixed_sides_of_a_model_count_whatever_it_says(tmp_path: Path) -> None:
    path = color_model.save(tmp_path / "m.onnx", (320, 256), imgsz="[640, 640]")
    assert model.facts(path).imgsz == (320, 256)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"names": ""}, "has no names in its metadata"),
        ({"task": "track"}, "is a 'track' model"),
        ({"imgsz": "wide"}, "says imgsz is 'wide'"),
    ],
)
def test_what_the_function_refuses_is_refused(metadata: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(model.ModelRejected, match=said):
        model.facts(color_model.save(tmp_path / "m.onnx", **metadata))


def test_a_model_that_says_only_its_names_and_stride_is_optimized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimize, "MAX_GROWTH", 2)  # the file is so small that its names and shapes count
    path = color_model.save(tmp_path / "m.onnx", task="", imgsz="", end2end="")
    assert optimize.optimize(path, tmp_path).note == ""
