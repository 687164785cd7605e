"""The model that reads gauges: its card, and its readings through the function."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from example.reading import crops
from example.reading.train import CARD, CONFIG, table
from example.tasks.model_card import README
from function.errors import FunctionError, ReadingFailed
from function.readings import dial, scale
from function.settings import Settings
from tests.export.conftest import export_python  # noqa: F401
from tests.support.export_commands import Export

MEDIAN = 2.0  # % of the scale
CROPS = 60


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(CARD.read_text())
    return content


def test_card_and_readme_describe_the_weights(card: dict[str, Any]) -> None:
    content = CONFIG.weights.read_bytes()
    assert card["weights"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["weights"]["bytes"] == len(content) <= CONFIG.max_bytes
    assert (card["data"]["images"], card["data"]["seeds"]) == (CONFIG.counts, CONFIG.seeds)
    assert card["settings"]["epochs"] == CONFIG.epochs
    assert table(card) in README.read_text()


def test_median_error_on_200_crops_is_at_most_2_percent(card: dict[str, Any]) -> None:
    assert card["measured"]["images"] == 200
    assert card["measured"]["median error, % of the scale"] <= MEDIAN


@pytest.fixture(scope="module")
def reader(export_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    path = tmp_path_factory.mktemp("reader") / "gauge.onnx"
    done = Export(export_python, CONFIG.weights, "--output", path)
    assert done.code == 0, done.err
    return path


def errors(reader: Path, count: int) -> list[float]:
    """Return the errors of the readings of held-out crops, % of the scale; 100 for a crop that is not read."""
    settings = Settings.from_env({"READ_MODEL_PATH": str(reader), "READ_SCALE": "0:100 %"})
    assert settings.reading is not None
    model = dial.load(settings.reading, settings)
    found = []
    for index in range(count):
        crop = crops.make(CONFIG.seeds["test"], index, CONFIG.plan)
        (read,) = dial.read(model, [crop.image], settings.reading, settings)
        truth = np.array(crop.label.split()[5:], np.float64).reshape(-1, 3) * (*crop.image.size, 1)
        if isinstance(read, FunctionError):
            assert isinstance(read, ReadingFailed)
            found.append(100.0)
        else:
            found.append(abs(float(read.text.removesuffix(" %")) - 100 * scale.share(truth)))
    return found


@pytest.mark.torch
def test_function_reads_held_out_crops(reader: Path) -> None:
    assert float(np.median(errors(reader, CROPS))) <= MEDIAN


@pytest.mark.torch
@pytest.mark.long
def test_function_reads_200_held_out_crops(reader: Path) -> None:
    assert float(np.median(errors(reader, 200))) <= MEDIAN
