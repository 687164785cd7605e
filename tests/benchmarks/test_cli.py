"""The benchmark's command line: what it refuses, and where its figures go."""

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from benchmarks import NotMeasured, cli, cpus, plan
from benchmarks.contenders import Contender
from benchmarks.models import Measured
from scripts.local_lambda.errors import NotRunnable

MEASURED = Measured("model", 320, Path("a.pt"), Path("a.onnx"), 0.25)
NAMES = ("ours", "ours, no probe", "plain", "ultralytics .pt", "ultralytics .onnx")
FIELD = plan.Field(
    MEASURED, [Contender(name, name, Path("dist"), None if "no" in name.split() else Path("probe")) for name in NAMES]
)


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--models", "yolov9"], ["sleep"]])
def test_what_cannot_be_meant_is_refused_in_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(arguments)
    assert refused.value.code == cli.USAGE
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("error", [NotMeasured("torch is not here"), NotRunnable("torch is not here")])
def test_what_cannot_be_measured_ends_with_a_line_and_no_figures(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: Any) -> NoReturn:
        raise error

    monkeypatch.setitem(cli.COMMANDS, "start", fail)
    assert cli.main(["--json", str(tmp_path / "figures.json")]) == cli.USAGE
    assert capsys.readouterr().err == "benchmarks: torch is not here\n"
    assert list(tmp_path.iterdir()) == []


def test_figures_go_where_they_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "nms", lambda options: {"runs": options.runs})
    assert cli.main(["nms", "--json", str(tmp_path / "new" / "figures.json"), "--quick"]) == 0
    assert json.loads((tmp_path / "new" / "figures.json").read_text()) == {"runs": plan.QUICK_RUNS}


def test_a_quick_look_leaves_the_kept_picture_and_history_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setitem(cli.COMMANDS, "steps", lambda options: seen.append(options) or {})
    monkeypatch.setattr(Path, "write_text", lambda *rest, **named: 0)
    assert cli.main(["steps", "--quick"]) == cli.main(["steps"]) == 0
    quick, full = seen
    assert quick.history is None
    assert "build" in quick.picture.parts
    assert (full.history.name, full.picture.name) == ("history.md", "cold_start.png")
    assert full.history.parent.name == full.picture.parent.name == "benchmarks"


def test_everybody_starts_on_one_cpu_and_on_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 2)
    monkeypatch.setattr(cpus, "has_quota", lambda: True)
    steps = list(plan.starts(FIELD, runs=10, warm_runs=5, first=False))
    assert [(step.setting.place.cpus, step.setting.runs) for step in steps] == [(1, 10), (2, 10)]
    assert all([one.name for one in step.entered] == list(NAMES) for step in steps)


def test_the_disk_and_memory_sizes_are_measured_with_the_first_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 2)
    monkeypatch.setattr(cpus, "has_quota", lambda: True)
    steps = list(plan.starts(FIELD, runs=10, warm_runs=5, first=True))
    assert [step.setting.dropped for step in steps] == [False, False, True, False, False, False, False]
    assert [step.entered[0].name for step in steps] == ["ours"] * 7
    shares = [step.setting.place.share for step in steps[3:]]
    assert shares == pytest.approx([512 / 1769, 1024 / 1769, 1, 2])


def test_memory_sizes_change_threads_only_where_no_share_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 1)
    monkeypatch.setattr(cpus, "has_quota", lambda: False)
    steps = list(plan.memory_sizes(FIELD, runs=3))
    assert [(step.setting.place.memory, step.setting.place.share) for step in steps] == [
        (512, None), (1024, None), (1769, None),
    ]  # fmt: skip
