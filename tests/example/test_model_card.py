"""The example's card says the truth about the files beside it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from example.dataset import SEEDS
from example.model_card import ROWS
from example.samples import FOLDER, SAMPLES, SEED
from example.train import MAX_BYTES

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "example"


@pytest.fixture(scope="module")
def card() -> Any:
    return json.loads((EXAMPLE / "card.json").read_text())


def test_the_card_names_the_weights_that_lie_here(card: Any) -> None:
    content = (EXAMPLE / "best.pt").read_bytes()
    assert card["weights"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["weights"]["bytes"] == len(content) <= MAX_BYTES


def test_the_weights_name_no_path_of_the_machine_that_trained_them() -> None:
    content = (EXAMPLE / "best.pt").read_bytes()
    assert b"build/example" in content
    assert b"/build/example" not in content


def test_the_measured_quality_is_what_the_project_asks_for(card: Any) -> None:
    assert card["measured"]["split"] == "test"
    assert card["measured"]["mAP50"] >= 0.9


def test_the_readme_has_the_figures_of_the_card(card: Any) -> None:
    readme = (EXAMPLE / "README.md").read_text()
    for row in ROWS:
        assert f"| {row} | {card['measured'][row]:.4f} |" in readme


def test_the_samples_share_no_seed_with_the_data_set() -> None:
    assert SEED not in SEEDS.values()


def test_the_samples_that_lie_here_have_the_planned_size() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {sample.name for sample in SAMPLES}
    for sample in SAMPLES:
        with Image.open(FOLDER / f"{sample.name}.jpg") as image:
            assert max(image.size) == sample.plan.long_side
            assert sample.name.endswith("{}x{}".format(*image.size))
