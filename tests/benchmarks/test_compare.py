"""Paired comparison of two builds: the ratios, the JSON and the command line."""

import json
from pathlib import Path

import pytest

from benchmarks import cli, compare
from benchmarks.stats import Interval
from tests.benchmarks.measurements import measurement

A = [100.0 + number for number in range(20)]  # ms
RATIOS = [0.9 + 0.01 * number for number in range(20)]  # ranks 6 and 15 are 0.95 and 1.04
B = [ratio * time for ratio, time in zip(RATIOS, A, strict=True)]


def test_interval_is_that_of_the_ratios_of_pairs() -> None:
    interval = compare.intervals(measurement(A, B))["first response"]
    assert interval == pytest.approx(Interval(0.995, 0.95, 1.04))


def test_table_shows_the_interval() -> None:
    *_, first, warm = compare.text(measurement(A, B)).splitlines()
    assert first.split() == ["first", "response", "0.995", "0.950", "to", "1.040"]
    assert warm.split() == ["warm", "response", "1.000", "1.000", "to", "1.000"]


def test_json_has_the_interval_and_every_start() -> None:
    fields = json.loads(json.dumps(compare.fields(measurement(A, B))))
    assert fields["confidence"] == 0.9
    assert fields["ratios_b_to_a"]["first_response"] == pytest.approx({"median": 0.995, "low": 0.95, "high": 1.04})
    assert len(fields["settings"][0]["contenders"]["other"]["first_response_ms"]) == 20


@pytest.mark.parametrize(("option", "least"), [("--runs", 5), ("--warm", 5), ("--cpus", 1)])
def test_too_small_number_is_rejected(option: str, least: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        compare.parse(["a", "b", option, str(least - 1)])
    assert exit_.value.code == cli.USAGE
    assert f"{option} must be at least {least}, got {least - 1}" in capsys.readouterr().err


def test_folder_without_a_build_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", str(tmp_path), str(tmp_path), "--json", str(tmp_path / "results.json")]
    assert cli.main(arguments) == cli.USAGE
    assert f"{tmp_path}/build.json is missing" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
