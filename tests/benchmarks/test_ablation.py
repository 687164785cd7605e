"""Ablation: the changed zips, and the record of the results."""

import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks import ablation, prepare, zips
from benchmarks.cold_start import Measurement
from benchmarks.contenders import Contender
from benchmarks.models import BenchmarkModel
from benchmarks.report import Machine
from scripts import manifest
from tests.benchmarks.measurements import measurement
from tests.conftest import ROOT

EDITED = [each for each in ablation.ABLATIONS if each.function and "_edited" in each.function.__qualname__]


def test_some_ablations_edit_the_function() -> None:
    assert len(EDITED) > 5


@pytest.mark.parametrize("edited", EDITED, ids=lambda edited: edited.name)
def test_edited_text_is_in_the_function_and_changes_one_source(
    edited: ablation.Ablation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zips.write(tmp_path / "function.zip", zips.files_below(ROOT / "function", "function/"))
    manifest.write(tmp_path, {"arch": "x86_64", "python": "3.13"})
    monkeypatch.setattr(prepare, "python_executable", lambda _: Path(sys.executable))
    model = BenchmarkModel("model", 320, Path("a.pt"), Path("a.onnx"), 0.25)
    assert edited.function
    edited.function(model, Contender("this project", "", tmp_path, None), tmp_path / "edited.zip")
    with zipfile.ZipFile(tmp_path / "function.zip") as original, zipfile.ZipFile(tmp_path / "edited.zip") as changed:
        sources = [name for name in original.namelist() if name.endswith(".py")]
        assert len([name for name in sources if original.read(name) != changed.read(name)]) == 1


def test_history_keeps_its_text_and_sorts_by_the_cost_of_an_ablation(tmp_path: Path) -> None:
    machine = Machine("cpu", 2, "6", 0.0, "2026-01-01")
    cheap = measurement([100.0, 100.0], [110.0, 130.0])
    costly = measurement([100.0, 100.0], [200.0, 210.0]).of("other")
    costly = costly._replace(contender=costly.contender._replace(name="costly"))
    both = Measurement(cheap.setting, [*cheap.runs, costly])
    ablation.append(tmp_path / "history.md", both, machine)
    first = (tmp_path / "history.md").read_text()
    ablation.append(tmp_path / "history.md", both, machine)
    assert (tmp_path / "history.md").read_text().startswith(first)
    assert first.startswith("# ")
    assert first.index("| costly |") < first.index("| other |")
    assert "+20.0 (+12.0..+28.0)" in first


def test_history_of_the_project_names_the_present_ablations() -> None:
    text = (ROOT / "benchmarks" / "history.md").read_text()
    assert text.startswith(ablation.HEADING)
    assert [each.name for each in ablation.ABLATIONS if f"| {each.name} |" not in text] == []
