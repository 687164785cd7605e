"""Steps of a start that add up to the total, and the probe that records them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import NotMeasured, report, trace
from benchmarks.trace import ProbeRecord
from benchmarks.workers import probe_names
from tests.conftest import ROOT

RECORD = ProbeRecord(
    interpreter_ready=100.030,
    load_started=100.050,
    load_finished=100.250,
    init_seconds={"own code": 0.050, "numpy": 0.060, "session": 0.070, "network": 0.020},
    call_started=101.001,
    call_finished=101.041,
    call_seconds={"own code": 0.025, "network": 0.015},
    peak_bytes=1,
    not_loaded=[],
)
SLEEP = "from time import sleep; sleep({})\n"
HANDLER = "def respond(event, context):\n    return 'done'\n"


def test_steps_of_a_start_add_up_to_the_total() -> None:
    steps = trace.steps(RECORD, started_at=100.0, init_ms=260.0, invoke_ms=45.0)
    assert sum(steps.values()) == pytest.approx(305.0)
    assert steps == pytest.approx({
        "interpreter": 30, "runtime client": 20 + 10, "numpy": 60, "own code": 50, "session": 70, "first run": 20,
        "response, network": 15, "response, rest": 25 + 5,
    })  # fmt: skip
    assert list(steps) == [step for step in trace.STEPS if step in steps]


def test_steps_that_exceed_the_total_are_rejected() -> None:
    with pytest.raises(NotMeasured, match=r"must add up to the 255\.0 ms"):
        trace.steps(RECORD, started_at=100.0, init_ms=210.0, invoke_ms=45.0)  # the probe measured 250 ms of init
    twice = RECORD._replace(init_seconds={**RECORD.init_seconds, "numpy": 0.160})
    with pytest.raises(NotMeasured, match="must add up"):
        trace.steps(twice, 100.0, 260.0, 45.0)


def test_steps_of_a_warm_response_add_up_to_the_total() -> None:
    timing = {"read": 6.0, "preprocess": 5.0, "inference": 15.2, "postprocess": 2.0}
    steps = trace.warm_steps(RECORD, timing, 45.0)
    assert steps == pytest.approx({"read": 6, "preprocess": 5, "network": 15, "postprocess": 2, "rest": 17})
    assert trace.warm_steps(RECORD, None, 45.0) == pytest.approx({"network": 15, "rest": 30})
    assert report.outside_network(steps) == pytest.approx(2.0)


def test_last_line_of_the_probe_is_read_from_a_log() -> None:
    line = probe_names.MARK + json.dumps(RECORD._asdict())
    assert trace.read(f"hello\n{line.replace('100.03', '99.0')}\n{line}\nbye\n") == RECORD
    with pytest.raises(NotMeasured, match=r"the probe wrote nothing.*\nhello"):
        trace.read("hello\n")


def run_probe(tmp_path: Path, handler: str, modules: dict[str, str]) -> ProbeRecord:
    """Return the record of the probe about one event of a handler in these modules."""
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text)
    program = "from time import monotonic; STARTED = monotonic(); import probe; print(probe.lambda_handler({}, None))"
    folders = os.pathsep.join([str(ROOT / "benchmarks" / "workers"), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-B", "-c", program],
        env={"PYTHONPATH": folders, "PROBE_HANDLER": handler},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done"
    return trace.read(done.stdout)


def test_probe_counts_each_moment_once_to_the_innermost_step(tmp_path: Path) -> None:
    record = run_probe(tmp_path, "handler.respond", {
        "numpy": SLEEP.format(0.1) + "import slow",
        "slow": SLEEP.format(0.1),  # has no step: counts to the importing one
        "torch": SLEEP.format(0.1) + "import numpy",
        "handler": SLEEP.format(0.1) + "import torch\n" + HANDLER,
    })  # fmt: skip
    assert sum(record.init_seconds.values()) == pytest.approx(record.load_finished - record.load_started)
    assert sum(record.call_seconds.values()) == pytest.approx(record.call_finished - record.call_started)
    assert record.init_seconds["numpy"] >= 0.2
    assert record.init_seconds["torch"] >= 0.1
    assert record.init_seconds["own code"] >= 0.1
    assert sum(record.init_seconds.values()) >= 0.4
    times = [record.interpreter_ready, record.load_started, record.load_finished]
    times += [record.call_started, record.call_finished]
    assert times == sorted(times)


def test_probe_counts_calls_of_its_own_thread_only(tmp_path: Path) -> None:
    method = f"    @classmethod\n    def from_env(cls, environ):\n        {SLEEP.format(0.1)}        return cls\n"
    handler = (
        "import threading\nfrom function.settings import Settings\nassert Settings.from_env({}) is Settings\n"
        "other = threading.Thread(target=Settings.from_env, args=({},))\nother.start()\nother.join()\n"
    )
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "settings.py").write_text(f"class Settings:\n{method}")
    record = run_probe(tmp_path, "handler.respond", {"handler": handler + HANDLER})
    assert 0.1 <= record.init_seconds["settings"] < 0.2
    assert record.init_seconds["own code"] >= 0.1  # the wait for the other thread
    assert sum(record.init_seconds.values()) == pytest.approx(record.load_finished - record.load_started)
    assert "function.settings" not in record.not_loaded


def test_probe_writes_the_names_that_the_benchmark_reads() -> None:
    text = (ROOT / "benchmarks" / "workers" / "probe.py").read_text()
    assert f'MARK = "{probe_names.MARK}"' in text
    assert f'OWN = "{probe_names.OWN}"' in text
    assert f'.run": "{probe_names.NETWORK}"' in text
