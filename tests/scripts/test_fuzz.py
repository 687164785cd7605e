"""The command scripts/fuzz.sh: its options, and what it makes of a process that finds something, dies or hangs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.fuzz import __main__ as command
from scripts.fuzz import options, process
from scripts.fuzz.targets import TARGETS
from tests.conftest import ROOT

START = """
import json, os, signal, sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.fuzz.record import Record
options = json.loads(sys.argv[1])
record, findings = Record(Path(options["record"])), Path(options["findings"])
"""


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Replace the program of the processes, and return the report of a target."""

    def run(program: str, seconds: float = 5) -> process.Report:
        start = START.format(root=str(ROOT))
        monkeypatch.setattr(process, "POLL_S", 0.05)
        monkeypatch.setattr(
            process, "_command", lambda **fields: [sys.executable, "-c", start + program, json.dumps(fields)]
        )
        return process.fuzz("json", seconds, 1, tmp_path)

    return run


def test_a_process_that_ends_has_no_finding(worker: Any) -> None:
    report = worker("record.begin(b'a'); record.end(); record.begin(b'b'); record.end()")
    assert (report.target, report.executions, report.findings) == ("json", 2, [])


def test_a_saved_input_is_a_finding(worker: Any) -> None:
    report = worker("record.begin(b'a'); record.end(); (findings / 'f1').write_bytes(b'a')")
    assert [path.name for path in report.findings] == ["f1"]


@pytest.mark.parametrize(("end", "reason"), [("SIGSEGV", "ended by SIGSEGV"), ("SIGPROF", "more CPU time")])
def test_the_input_of_a_process_that_dies_is_a_finding(worker: Any, end: str, reason: str) -> None:
    report = worker(f"record.begin(b'deadly'); os.kill(os.getpid(), signal.{end})", seconds=1)
    assert len(report.findings) == 1
    assert report.findings[0].read_bytes() == b"deadly"
    assert reason in report.findings[0].with_suffix(".txt").read_text()


def test_the_search_goes_on_after_a_death(worker: Any) -> None:
    program = """
if options["seed"] == 1:
    record.begin(b"deadly"); os.abort()
for _ in range(3):
    record.begin(b"a"); record.end()
"""
    report = worker(program)
    assert report.executions == 3
    assert len(report.findings) == 1


def test_a_process_without_progress_is_ended(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STALLED_S", 0.5)
    report = worker("record.begin(b'endless'); time.sleep(60)", seconds=1)
    assert report.findings[0].read_bytes() == b"endless"
    assert "no progress" in report.findings[0].with_suffix(".txt").read_text()


def test_a_process_that_cannot_start_is_an_error_and_no_finding(worker: Any) -> None:
    with pytest.raises(process.Failed, match=r"^json: ended with exit code 3; the log is .*log\.txt$"):
        worker("sys.exit(3)")


def test_findings_of_an_earlier_run_are_removed(worker: Any) -> None:
    worker("record.begin(b'a'); record.end(); (findings / 'f1').write_bytes(b'a')")
    assert worker("record.begin(b'a'); record.end()").findings == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "unknown target 'nothing'; available: image-jpeg, "),
        (["--minutes", "0"], "minutes must be a number between 0 and 1440, got 0"),
        (["--minutes", "x"], "minutes must be a number between 0 and 1440, got x"),
        (["--seed", "0"], "value must be an integer greater than 0, got 0"),
        (["--jobs", "1.5"], "value must be an integer greater than 0, got 1.5"),
        (["--replay", "pyproject.toml"], "--replay must have exactly one TARGET, got 0"),
        (["--replay", "missing", "json"], "--replay must be a file, got missing"),
    ],
)
def test_a_wrong_option_is_a_usage_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_all_targets_get_five_minutes_each_by_default() -> None:
    chosen = options.parse([])
    assert (chosen.targets, chosen.minutes) == (list(TARGETS), 5 * len(TARGETS))


def test_a_target_gets_five_minutes_by_default() -> None:
    assert options.parse(["json", "url", "json"]).minutes == 10


def test_the_list_has_each_target_on_a_line() -> None:
    assert [line.split()[0] for line in options.listing().splitlines()] == list(TARGETS)


@pytest.mark.parametrize("findings", [0, 1])
def test_the_exit_code_says_whether_there_is_a_finding(
    findings: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "f1"
    found.with_suffix(".txt").write_text("the reason\n\nframes")
    shares: list[float] = []

    def fuzz(target: str, seconds: float, seed: int, output: Path) -> process.Report:
        shares.append(seconds)
        return process.Report(target, 1000, 10.0, 3, [found] * findings)

    monkeypatch.setattr(process, "fuzz", fuzz)
    assert command.main(["--minutes", "3", "json", "url"]) == findings
    assert shares == [90, 90]
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split() == ["json", "1,000", "100", "3", str(findings)]
    assert printed[3] == "2,000 inputs in 0.3 minutes of 2 targets"
    assert any("the reason" in line for line in printed) == bool(findings)


def test_a_replayed_input_gives_its_exit_code(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(b"https://a.example/a.png")
    done = subprocess.run(
        ["scripts/fuzz.sh", "--replay", str(good), "url"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"target": "url", "file": "good", "problem": ""}


def test_an_interrupted_search_ends_at_once_with_its_processes(tmp_path: Path) -> None:
    arguments = ["scripts/fuzz.sh", "--minutes", "9", "--jobs", "2", "--output", str(tmp_path), "json", "url"]
    running = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    ends = time.monotonic() + 60
    while time.monotonic() < ends and not all(
        process.read_record(tmp_path / name / "record").executions for name in ("json", "url")
    ):
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    assert running.communicate(timeout=120)[1].endswith("fuzz: interrupted\n")
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
