"""Comparison with other engines: the table, the JSON, the command line, and a small run of every engine."""

import json
import re
from pathlib import Path
from typing import NoReturn

import pytest

from benchmarks import NotMeasured, cli, cpus, engines, models
from benchmarks.engines import Row
from benchmarks.stats import Interval
from benchmarks.workers import engines as worker
from scripts import home

THEIRS = [10.0] * 20  # ms
OURS = [9.0 + 0.1 * number for number in range(20)]  # ranks 6 and 15 are 9.5 and 10.4
ROW = Row("example", (192, 320), "ncnn 1.0", "network", 1, OURS, THEIRS)
FAILED = Row("example", (192, 320), "ncnn", "network", 2, [], [], "no box matches")
ENVIRONMENT = home.environments() / "engines"


def test_ratio_is_that_of_the_pairs_with_its_interval() -> None:
    assert ROW.ratio == pytest.approx(Interval(0.995, 0.95, 1.04))


def test_table_has_the_medians_or_the_error() -> None:
    _, measured, failed = engines.text([ROW, FAILED]).splitlines()
    columns = ["example, 192 x 320", "1", "ncnn 1.0", "network", "9.95", "10.00", "0.995 (0.950 to 1.040)"]
    assert re.split(r" {2,}", measured) == columns
    assert failed.endswith("error: no box matches")


def test_json_has_every_pair_and_the_number_of_errors() -> None:
    fields = json.loads(json.dumps(engines.fields([ROW, FAILED])))
    assert fields["errors"] == 1
    assert fields["rows"][0]["ours_ms"] == OURS
    assert fields["rows"][0]["ratio"] == pytest.approx({"median": 0.995, "low": 0.95, "high": 1.04})
    assert fields["rows"][1]["ratio"] is None


def test_worker_knows_every_engine() -> None:
    assert worker.NETWORKS.keys() == set(engines.ENGINES)


def test_default_is_every_number_of_threads_that_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 1)
    assert engines.parse([]).threads == [1]
    monkeypatch.setattr(cpus, "count", lambda: 8)
    assert engines.parse([]).threads == [1, 2]


def test_error_of_an_engine_is_a_row_and_the_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "measure", lambda name, options, log: [ROW, FAILED])
    arguments = ["--models", "example", "--json", str(tmp_path / "results.json")]
    assert cli.main(["engines", *arguments]) == cli.FAILED
    assert json.loads((tmp_path / "results.json").read_text())["errors"] == 1
    assert "error: no box matches" in capsys.readouterr().out


def test_failed_conversion_is_the_error_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise NotMeasured("pnnx failed")

    monkeypatch.setattr(models, "ncnn", fail)
    model = models.BenchmarkModel("model", 320, Path("a.pt"), Path("a.onnx"), 0.25)
    (row,) = engines._rows(Path("python"), FAILED._replace(error=""), model, (Path("a.onnx"), Path("b.onnx")), 5)
    assert row.error == "pnnx failed"


def test_process_that_ends_is_an_error() -> None:
    with pytest.raises(NotMeasured, match="the process of ncnn ended with the exit code 1"):
        engines.run(Path("/bin/false"), {"engine": "ncnn", "threads": 1})


@pytest.mark.torch
@pytest.mark.build
@pytest.mark.alone
def test_engines_return_the_boxes_of_the_example(tmp_path: Path) -> None:
    if not ENVIRONMENT.exists():
        pytest.skip("no environment of the engines; `python3 scripts/environments.py engines` makes it")
    results = tmp_path / "results.json"
    arguments = ["--models", "example", "--threads", "1", "--runs", "5", "--json", str(results)]
    assert cli.main(["engines", *arguments]) == 0
    rows = json.loads(results.read_text())["rows"]
    assert [(row["engine"].split()[0], row["part"]) for row in rows] == [
        ("openvino", "network"), ("ncnn", "network"), ("ultralytics", "network"), ("ultralytics", "predict"),
    ]  # fmt: skip
    assert all(0.02 < row["ratio"]["median"] < 20 and len(row["ours_ms"]) == 5 for row in rows)
