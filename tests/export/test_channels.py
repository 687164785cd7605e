"""Models of one channel and of several bands: exported, verified from image files, and served by the function."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.verify import image_files
from function import model, predictor
from function.errors import UnsupportedImage
from function.request import Options
from function.settings import Settings
from tests.conftest import ROOT
from tests.export.test_tasks import Exported, export

pytestmark = pytest.mark.torch

MODELS = {"gray": 1, "bands-4": 4, "bands-10": 10, "bands-rtdetr": 5}
SETTINGS = Settings.from_env({})
PHOTO = ROOT / "example" / "samples" / "small-300x225.jpg"


@pytest.fixture(scope="module")
def exported(export_python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    folder = tmp_path_factory.mktemp("channels")
    commands = {name: [str(weights / f"{name}.pt"), "--output", str(folder / f"{name}.onnx")] for name in MODELS}
    done = export(export_python, commands)
    return {name: Exported(folder / f"{name}.onnx", *result) for name, result in done.items()}


@pytest.mark.parametrize("name", MODELS)
def test_results_equal_those_of_predict(exported: dict[str, Exported], name: str) -> None:
    assert exported[name].code == 0, exported[name].err
    files: list[dict[str, Any]] = exported[name].report["files"]
    assert len(files) == (3 if MODELS[name] == 1 else 2)
    assert all(file["is_ok"] and file["counts"][0] > 0 for file in files), json.dumps(files)
    assert all(image["is_ok"] for image in exported[name].report["images"])


@pytest.mark.parametrize("name", MODELS)
def test_function_takes_images_of_the_bands_only(exported: dict[str, Exported], name: str, tmp_path: Path) -> None:
    served, channels = model.load(exported[name].path, threads=1), MODELS[name]
    assert served.metadata.channels == channels
    bands = image_files.write_bands(tmp_path, 64, 96, channels) if channels > 1 else PHOTO
    assert len(predictor.predict(served, SETTINGS, bands.read_bytes(), Options(conf=0.0)).scores) > 0
    if channels > 1:
        for path, count in ((PHOTO, 3), (image_files.write_bands(tmp_path, 64, 96, channels - 1), channels - 1)):
            with pytest.raises(UnsupportedImage, match=f"must have {channels} bands, got {count}$"):
                predictor.predict(served, SETTINGS, path.read_bytes(), Options())


def test_classifier_of_gray_images_is_refused(export_python: Path, weights: Path, tmp_path: Path) -> None:
    command = [str(weights / "gray-classifier.pt"), "--output", str(tmp_path / "model.onnx")]
    done = export(export_python, {"gray": command})["gray"]
    assert done[0] == 2
    assert "is a classifier and must take images of 3 channels, got 1" in done[1]


def test_drawn_bands_are_the_same_in_the_file(tmp_path: Path) -> None:
    path = image_files.write_bands(tmp_path, 40, 60, 5)
    with Image.open(path) as opened:
        assert opened.n_frames == 5
        opened.seek(4)
        assert np.asarray(opened).shape == (40, 60)
