"""Maps of the example models for semantic segmentation and depth against Ultralytics' own `predict`."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function import model
from function.model import Model
from function.predictor import predict
from function.request import Options
from function.results import Depth, Semantic
from function.settings import Settings
from scripts.bundle import model as bundled
from scripts.bundle import optimize
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "golden" / "maps"
GOLDENS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
MIN_SAME_PIXELS = 0.999
MAX_DEPTH_DIFFERENCE = 0.001  # relative
MAX_SHARE_DIFFERENCE = 0.001

Load = Callable[[str, str], Model]


@pytest.fixture(scope="session", params=["exported", "optimized"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Load:
    """The example model of a task, exported with the command that users type, or as the zips have it."""
    models: dict[tuple[str, str], Model] = {}

    def load(task: str, form: str) -> Model:
        if (task, form) not in models:
            output = tmp_path_factory.mktemp("export") / f"{task}.onnx"
            options = ["--static"] if form == "static" else []
            command = [sys.executable, "-m", "export", GOLDENS[task]["weights"], "--output", str(output), *options]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            if request.param == "optimized":
                output = optimize.optimize(bundled.read(output), output.parent).info.path
            loaded = model.load(output, threads=1)
            assert isinstance(loaded, Model)
            models[task, form] = loaded
        return models[task, form]

    return load


def result(served: Load, task: str, golden: dict[str, Any]) -> Any:
    found = predict(
        served(task, golden["form"]), Settings.from_env({}), (ROOT / golden["image"]).read_bytes(), Options()
    )
    assert found.size_wh == (golden["width"], golden["height"])
    return found


@pytest.mark.parametrize("task", ["semantic", "depth"])
def test_golden_maps_of_ten_images_come_from_the_weights(task: str) -> None:
    golden = GOLDENS[task]
    assert golden["weights_sha256"] == hashlib.sha256((ROOT / golden["weights"]).read_bytes()).hexdigest()
    assert len({image["image"] for image in golden["images"]}) == 10
    assert len(golden["images"]) == 20  # dynamic and static


@pytest.mark.torch
@pytest.mark.parametrize("index", range(20))
def test_class_map_equals_that_of_predict(served: Load, index: int) -> None:
    golden = GOLDENS["semantic"]["images"][index]
    actual = result(served, "semantic", golden)
    assert isinstance(actual, Semantic)
    expected = np.asarray(Image.open(FOLDER / golden["map"]))
    assert (expected == actual.ids).mean() >= MIN_SAME_PIXELS
    shares = {class_id: count / actual.ids.size for class_id, count in actual.counts}
    for row in golden["classes"]:
        assert shares.get(row["class"], 0) == pytest.approx(row["pixel_ratio"], abs=MAX_SHARE_DIFFERENCE)


@pytest.mark.torch
@pytest.mark.parametrize("index", range(20))
def test_depth_equals_that_of_predict(served: Load, index: int) -> None:
    golden = GOLDENS["depth"]["images"][index]
    actual = result(served, "depth", golden)
    assert isinstance(actual, Depth)
    assert actual.depth.least == pytest.approx(golden["min"], rel=MAX_DEPTH_DIFFERENCE)
    assert actual.depth.largest == pytest.approx(golden["max"], rel=MAX_DEPTH_DIFFERENCE)
    steps = actual.depth.steps[np.ix_(golden["rows"], golden["columns"])]
    np.testing.assert_allclose(
        steps * actual.depth.scale + actual.depth.offset, golden["values"], rtol=MAX_DEPTH_DIFFERENCE
    )
