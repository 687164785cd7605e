"""Command line of the simulation: usage errors, table, JSON."""

import json
from pathlib import Path

import pytest

from benchmarks import cli, scale
from benchmarks.scale import report
from benchmarks.scale.check import Check
from benchmarks.scale.measure import Call, Times, mean
from benchmarks.scale.ways import NAMES


@pytest.mark.parametrize(
    "arguments",
    [["--images", "0"], ["--images", "1e6"], ["--ways", "ec2"], ["--image-s", "0"], ["--memory", "64"],
     ["--batch", "0"], ["--account-concurrency", "0"], ["--queue-concurrency", "1"], ["--prefixes", "0"],
     ["--arch", "riscv"], ["--check", "10"], ["--measure", "dist", "--check", "0"]],
    ids=" ".join,
)  # fmt: skip
def test_usage_error_ends_with_2_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["scale", *arguments])
    assert exit_.value.code == cli.USAGE
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


def test_table_and_json_have_a_row_for_each_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    assert cli.main(["scale", "--images", "10000", "10000000", "--json", str(path)]) == 0
    rows = json.loads(path.read_text())["rows"]
    assert [(row["images"], row["way"]) for row in rows] == [
        (images, way) for images in (10_000, 10_000_000) for way in NAMES
    ]
    assert rows[0]["usd"]["total"] == pytest.approx(sum(rows[0]["usd"].values()) / 2)
    assert [row["oldest_message_s"] is None for row in rows[:4]] == [True, True, False, True]
    output = capsys.readouterr().out
    assert output.count("10,000,000 │") == len(NAMES)
    assert all(name in output for name in report.COLUMNS)


def test_options_reach_the_plan() -> None:
    options = scale.options.parse(
        ["--image-s", "0.5", "--init-s", "2", "--client-s", "0.1", "--batch", "16", "--memory", "3008",
         "--arch", "arm64", "--account-concurrency", "500", "--concurrency", "20", "--map-concurrency", "30",
         "--queue-concurrency", "40", "--ramp-s", "60", "--window-s", "5", "--arrival-per-s", "7", "--prefixes", "3"]
    )  # fmt: skip
    assert scale.options.plan(options, 9) == (9, 0.5, 2, 16, 3008, "arm64", 500, 20, 60, 0.1, 30, 40, 5, 7, 3)


def test_measured_times_are_those_of_the_options_that_are_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check = Check(1000, 11.0, 10.0)
    monkeypatch.setattr(scale, "measured", lambda dist, batch, checks: (Times(0.5, 0.25, 0.125), [check]))
    path = tmp_path / "results.json"
    arguments = ["--images", "10", "--measure", "dist", "--init-s", "3", "--json", str(path)]
    assert cli.main(["scale", *arguments]) == 0
    document = json.loads(path.read_text())
    plan = document["rows"][0]["plan"]
    assert (plan["image_s"], plan["init_s"], plan["client_s"]) == (0.5, 3, 0.125)
    assert document["checks"] == [
        {"images": 1000, "predicted_s": 11.0, "measured_s": 10.0, "error": pytest.approx(0.1)}
    ]
    assert "predicted 11.0 s, measured 10.0 s (+10.0%)" in capsys.readouterr().out


def test_times_are_means_of_the_calls() -> None:
    calls = [Call(8, 2.5, 0.8, 0.5), Call(8, 1.0, 0.9, 0.0), Call(4, 0.7, 0.3, 0.0)]
    assert mean(calls) == pytest.approx((2.0 / 20, 0.5, 0.25))


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.24, "1.2 s"), (119, "119.0 s"), (120, "2.0 min"), (7200, "2.0 h"), (86_400 * 3, "3.0 d")]
)
def test_durations_are_for_readers(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text
