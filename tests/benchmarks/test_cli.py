"""Command line of the benchmarks: usage errors, files of the results, settings of a run."""

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from benchmarks import NotMeasured, cli, cpus, options, plan, prepare
from benchmarks.contenders import Contender
from benchmarks.models import BenchmarkModel
from scripts.local_lambda.errors import NotRunnable

MODEL = BenchmarkModel("model", 320, Path("a.pt"), Path("a.onnx"), 0.25)
NAMES = (prepare.THIS_PROJECT, prepare.NO_PROBE, prepare.PLAIN, prepare.TORCH, prepare.ONNX)
LINEUP = plan.Lineup(
    MODEL, [Contender(name, name, Path("dist"), None if name == prepare.NO_PROBE else Path("probe")) for name in NAMES]
)


@pytest.mark.parametrize(
    "arguments",
    [["--runs", "0"], ["--models", "yolov9"], ["sleep"], ["--quick", "compare"], ["compare", "a"], ["fast-decode"],
     ["fast-decode", "missing.onnx"], ["engines", "--runs", "4"], ["engines", "--threads", "0"],
     ["engines", "--engines", "tensorrt"]],
    ids=" ".join,
)  # fmt: skip
def test_usage_error_ends_with_2_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == cli.USAGE
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("error", [NotMeasured("torch is not here"), NotRunnable("torch is not here")])
def test_failed_measurement_ends_with_2_and_writes_no_results(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: Any) -> NoReturn:
        raise error

    monkeypatch.setitem(cli.COMMANDS, "start", fail)
    assert cli.main(["--json", str(tmp_path / "results.json")]) == cli.USAGE
    assert capsys.readouterr().err == "benchmarks: torch is not here\n"
    assert list(tmp_path.iterdir()) == []


def test_results_are_written_to_the_requested_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "nms", lambda options: {"runs": options.runs})
    assert cli.main(["nms", "--json", str(tmp_path / "new" / "results.json"), "--quick"]) == 0
    assert json.loads((tmp_path / "new" / "results.json").read_text()) == {"runs": options.QUICK_RUNS}


def test_quick_run_changes_no_chart_and_no_history_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    monkeypatch.setitem(cli.COMMANDS, "steps", lambda options: parsed.append(options) or {})
    monkeypatch.setattr(Path, "write_text", lambda *rest, **named: 0)
    assert cli.main(["steps", "--quick"]) == cli.main(["steps"]) == 0
    quick, full = parsed
    assert quick.history is None
    assert "build" in quick.chart.parts
    assert (full.history.name, full.chart.name) == ("history.md", "cold_start.png")
    assert full.history.parent.name == full.chart.parent.name == "benchmarks"


def test_old_name_of_the_option_chart_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(cli.COMMANDS, "start", lambda options: {"chart": str(options.chart)})
    assert cli.main(["--picture", "a.png", "--json", str(tmp_path / "results.json")]) == 0
    assert json.loads((tmp_path / "results.json").read_text()) == {"chart": "a.png"}


def test_help_describes_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = {line.split()[0] for line in capsys.readouterr().out.partition("commands:\n")[2].splitlines() if line}
    assert listed == {*cli.COMMANDS, "fast-decode"}


def test_options_name_the_commands_and_the_models() -> None:
    assert set(options.COMMANDS) | {"compare", "engines", "scale"} == cli.COMMANDS.keys()
    assert set(options.MODELS) == plan.MODELS.keys()


def test_all_contenders_start_with_1_cpu_and_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 2)
    monkeypatch.setattr(cpus, "has_quota", lambda: True)
    planned = list(plan.starts(LINEUP, runs=10, warm_runs=5, first=False))
    assert [(run.setting.resources.cpus, run.setting.runs) for run in planned] == [(1, 10), (2, 10)]
    assert all([contender.name for contender in run.contenders] == list(NAMES) for run in planned)


def test_disk_and_memory_sizes_are_measured_with_the_first_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 2)
    monkeypatch.setattr(cpus, "has_quota", lambda: True)
    planned = list(plan.starts(LINEUP, runs=10, warm_runs=5, first=True))
    assert [run.setting.dropped for run in planned] == [False, False, True, False, False, False, False]
    assert [run.contenders[0].name for run in planned] == [prepare.THIS_PROJECT] * 7
    shares = [run.setting.resources.share for run in planned[3:]]
    assert shares == pytest.approx([512 / 1769, 1024 / 1769, 1, 2])


def test_memory_sizes_change_only_threads_without_a_cpu_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 1)
    monkeypatch.setattr(cpus, "has_quota", lambda: False)
    planned = list(plan.memory_sizes(LINEUP, runs=3))
    assert [(run.setting.resources.memory, run.setting.resources.share) for run in planned] == [
        (512, None), (1024, None), (1769, None),
    ]  # fmt: skip
