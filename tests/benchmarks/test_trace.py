"""Steps that add up to the whole, boxes that have to agree, the page cache, CPU shares, and zips made from others."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import NotMeasured, ablation, agreement, cpus, nms_model, page_cache, report, trace, zips
from benchmarks.agreement import Agreement, Box
from benchmarks.cold_start import Measurement, Runs, Setting, Warm
from benchmarks.contenders import Contender, Place, Start
from benchmarks.models import Measured
from benchmarks.report import Machine
from benchmarks.trace import Told
from benchmarks.workers import probe_names
from tests.conftest import ROOT

TOLD = Told(
    started=100.030, began=100.050, loaded=100.250,
    init={"own code": 0.050, "numpy": 0.060, "session": 0.070, "network": 0.020},
    called=101.001, answered=101.041, call={"own code": 0.025, "network": 0.015},
    peak_bytes=1, unmet=[],
)  # fmt: skip
PLACE = Place(1, 1769)


def test_the_steps_of_a_start_add_up_to_what_was_seen_from_outside() -> None:
    found = trace.steps(TOLD, started_at=100.0, init_ms=260.0, invoke_ms=45.0)
    assert sum(found.values()) == pytest.approx(305.0)
    assert found == pytest.approx({
        "interpreter": 30, "runtime client": 20 + 10, "numpy": 60, "own code": 50, "session": 70, "first run": 20,
        "answer, network": 15, "answer, rest": 25 + 5,
    })  # fmt: skip
    assert list(found) == [step for step in trace.STEPS if step in found]


def test_steps_that_do_not_fit_into_the_whole_are_refused() -> None:
    with pytest.raises(NotMeasured, match=r"do not make up the 255\.0 ms"):
        trace.steps(TOLD, started_at=100.0, init_ms=210.0, invoke_ms=45.0)  # the probe saw 250 ms of init
    with pytest.raises(NotMeasured, match="do not make up"):
        trace.steps(TOLD._replace(init={**TOLD.init, "numpy": 0.160}), 100.0, 260.0, 45.0)  # counted twice


def test_the_steps_of_a_warm_answer_add_up_too() -> None:
    timing = {"read": 6.0, "preprocess": 5.0, "inference": 15.2, "postprocess": 2.0}
    found = trace.warm_steps(TOLD, timing, 45.0)
    assert found == pytest.approx({"read": 6, "preprocess": 5, "network": 15, "postprocess": 2, "rest": 17})
    assert trace.warm_steps(TOLD, None, 45.0) == pytest.approx({"network": 15, "rest": 30})
    assert report.around_network(found) == pytest.approx(2.0)


def test_the_probes_last_line_is_read_from_a_log() -> None:
    line = probe_names.MARK + json.dumps(TOLD._asdict())
    assert trace.read(f"hello\n{line.replace('100.03', '99.0')}\n{line}\nbye\n") == TOLD
    with pytest.raises(NotMeasured, match=r"the probe wrote nothing.*\nhello"):
        trace.read("hello\n")


def run_probe(tmp_path: Path, handler: str, modules: dict[str, str]) -> Told:
    """What the probe says about one event of a handler made of these modules."""
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
    assert done.stdout.splitlines()[-1] == "answered"
    return trace.read(done.stdout)


NAP = "from time import sleep; sleep({})\n"


def test_the_probe_counts_each_moment_once_and_to_the_innermost_step(tmp_path: Path) -> None:
    told = run_probe(tmp_path, "handled.answer", {
        "numpy": NAP.format(0.1) + "import slow",
        "slow": NAP.format(0.1),  # no step's: counts to who asked for it
        "torch": NAP.format(0.1) + "import numpy",
        "handled": NAP.format(0.1) + "import torch\ndef answer(event, context):\n    return 'answered'\n",
    })  # fmt: skip
    assert sum(told.init.values()) == pytest.approx(told.loaded - told.began)
    assert sum(told.call.values()) == pytest.approx(told.answered - told.called)
    assert told.init["numpy"] >= 0.2
    assert told.init["torch"] >= 0.1
    assert told.init["own code"] >= 0.1
    assert sum(told.init.values()) >= 0.4
    assert told.started <= told.began <= told.loaded <= told.called <= told.answered


def test_the_probe_counts_calls_to_their_step_but_not_those_of_other_threads(tmp_path: Path) -> None:
    method = f"    @classmethod\n    def from_env(cls, environ):\n        {NAP.format(0.1)}        return cls\n"
    handler = (
        "import threading\nfrom function.settings import Settings\nassert Settings.from_env({}) is Settings\n"
        "other = threading.Thread(target=Settings.from_env, args=({},))\nother.start()\nother.join()\n"
        "def answer(event, context):\n    return 'answered'\n"
    )
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "settings.py").write_text(f"class Settings:\n{method}")
    told = run_probe(tmp_path, "handled.answer", {"handled": handler})
    assert 0.1 <= told.init["settings"] < 0.2
    assert told.init["own code"] >= 0.1  # waiting for the other one
    assert sum(told.init.values()) == pytest.approx(told.loaded - told.began)
    assert "function.settings" not in told.unmet


def test_the_probe_writes_the_names_that_are_read() -> None:
    text = (ROOT / "benchmarks" / "workers" / "probe.py").read_text()
    assert f'MARK = "{probe_names.MARK}"' in text
    assert f'OWN = "{probe_names.OWN}"' in text
    assert f'.run": "{probe_names.NETWORK}"' in text


def box(x: float, class_id: int = 0, confidence: float = 0.9) -> Box:
    return Box(class_id, confidence, (x, 0.0, x + 100.0, 100.0))


def test_no_box_agrees_with_no_box_but_is_not_enough_to_compare() -> None:
    assert agreement.compare([], []) == Agreement(0, 0, 0, 1.0, 0.0)
    with pytest.raises(NotMeasured, match="finds 0 boxes"):
        agreement.demand("other", [], [])


def test_boxes_agree_by_class_and_place_each_only_once() -> None:
    ours = [box(0), box(200), box(400, 1)]
    found = agreement.compare(ours, [box(1, confidence=0.8), box(200), box(400)])
    assert (found.ours, found.theirs, found.same) == (3, 3, 2)
    assert found.least_iou == pytest.approx(99 / 101)
    assert found.largest_gap == pytest.approx(0.1)
    assert agreement.compare([box(0)], [box(0), box(1)]).same == 1


def test_a_time_of_other_boxes_is_not_counted() -> None:
    many = [box(200 * number) for number in range(20)]
    assert agreement.demand("other", many, many[1:]).same == 19
    with pytest.raises(NotMeasured, match="other finds 17 boxes and the zips 20, 17 of them the same"):
        agreement.demand("other", many, many[3:])


def test_an_answer_that_is_an_error_is_not_counted() -> None:
    with pytest.raises(NotMeasured, match="wanted boxes"):
        agreement.boxes({"statusCode": 500, "body": "{}"})


def test_files_are_put_out_of_memory_and_come_back_by_reading(tmp_path: Path) -> None:
    if not _on_a_disk(tmp_path):
        pytest.skip("the temporary folder is in memory, where nothing can be dropped")
    for number in range(3):
        (tmp_path / f"{number}").write_bytes(os.urandom(1 << 20))
    (tmp_path / "empty").touch()
    page_cache.settle()
    page_cache.drop([tmp_path])
    assert page_cache.resident_share([tmp_path]) < 0.1
    for path in page_cache.files([tmp_path]):
        path.read_bytes()
    assert page_cache.resident_share([tmp_path]) == 1.0


def _on_a_disk(path: Path) -> bool:
    return subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True).stdout != "tmpfs\n"


def test_what_is_started_on_one_cpu_stays_there_and_this_process_does_not() -> None:
    before = os.sched_getaffinity(0)
    with cpus.pinned(1):
        told = subprocess.run(
            [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"], capture_output=True, text=True
        ).stdout
    assert told.split() == [str(max(before))]
    assert os.sched_getaffinity(0) == before
    with pytest.raises(NotMeasured, match="CPUs are wanted"), cpus.pinned(len(before) + 1):
        pass


@pytest.mark.skipif(not cpus.has_quota(), reason="no cgroup to share CPU time with")
def test_a_share_of_cpu_time_is_kept_to() -> None:
    program = "import time\nt = time.time()\nwhile time.time() < t + 1: pass\nprint(time.process_time())"
    with cpus.share(0.25) as group:
        with cpus.joined(group):
            busy = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        told, _ = busy.communicate(timeout=30)
    assert float(told) < 0.5
    assert not group.exists()


def test_a_zip_is_copied_without_some_files_and_with_others(tmp_path: Path) -> None:
    zips.write(tmp_path / "a.zip", {"keep": b"1", "x/__pycache__/y.pyc": b"2", "model.onnx": b"3"})
    zips.changed(
        tmp_path / "a.zip", tmp_path / "b.zip", lambda name: zips.BYTECODE not in name, {"model.onnx": b"4", "n": b"5"}
    )
    with zipfile.ZipFile(tmp_path / "b.zip") as changed:
        assert {name: changed.read(name) for name in changed.namelist()} == {
            "keep": b"1", "model.onnx": b"4", "n": b"5",
        }  # fmt: skip


def test_the_crowd_has_every_score_above_the_confidence() -> None:
    for clustered in (False, True):
        rows = nms_model.rows(clustered, seed=0)
        assert rows.shape == (1, 84, 33_600)
        assert rows[0, 4:].min() > 0.001


def seen(ours: list[float], theirs: list[float]) -> Measurement:
    """Two contenders with these times to the first answer, all of it in one step."""

    def runs(name: str, times: list[float]) -> Runs:
        contender = Contender(name, name, Path("dist"), Path("probe"))
        starts = [Start(one - 10, 10, {"numpy": one}, 1 << 20, []) for one in times]
        warm = [Warm(12.0, {"network": 10.0, "rest": 2.0})]
        return Runs(contender, starts, warm, Agreement(1, 1, 1, 1.0, 0.0), 2_000_000, 1.0)

    return Measurement(
        Setting("model", PLACE, dropped=False, runs=2, warm_runs=1), [runs("ours", ours), runs("other", theirs)]
    )


def test_the_tables_compare_with_the_first_contender() -> None:
    found = seen([100.0, 200.0], [300.0, 800.0])
    assert report.starts(found)[2] == ["other", "2.0", "540", "550", "3.50 (3.10..3.90)", "1.0"]
    assert report.steps(found)[1:] == [["numpy", "150", "550"], ["whole", "150", "550"]]
    assert report.warm(found)[1][-3:] == ["12.0", "1.00 (1.00..1.00)", "20%"]


def test_the_json_holds_every_single_run() -> None:
    machine = Machine("cpu", 2, "6", 0.0, "2026-01-01")
    document: dict[str, Any] = json.loads(json.dumps(report.document("start", machine, [seen([1.0, 2.0], [2.0, 6.0])])))
    (setting,) = document["settings"]
    assert setting["cpus"] == 1
    assert setting["contenders"]["other"]["first_answer_ms"] == [2.0, 6.0]
    assert setting["contenders"]["other"]["times_ours"]["median"] == 2.5


def test_the_history_keeps_what_it_had_and_sorts_by_what_a_step_is_worth(tmp_path: Path) -> None:
    machine = Machine("cpu", 2, "6", 0.0, "2026-01-01")
    both = seen([100.0, 100.0], [110.0, 130.0])
    worse = seen([100.0, 100.0], [200.0, 210.0]).runs[1]
    everyone = Measurement(both.setting, [*both.runs, worse._replace(contender=worse.contender._replace(name="worse"))])
    ablation.append(tmp_path / "history.md", everyone, machine)
    first = (tmp_path / "history.md").read_text()
    ablation.append(tmp_path / "history.md", everyone, machine)
    assert (tmp_path / "history.md").read_text().startswith(first)
    assert first.startswith("# ")
    assert first.index("| worse |") < first.index("| other |")
    assert "+20.0 (+12.0..+28.0)" in first


EDITED = [one for one in ablation.VARIANTS if one.function and "_edited" in one.function.__qualname__]


@pytest.mark.parametrize("variant", EDITED, ids=lambda variant: variant.name)
def test_what_a_step_takes_back_is_still_in_the_function(
    variant: ablation.Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zips.write(tmp_path / "function.zip", zips.below(ROOT / "function", "function/"))
    zips.describe(tmp_path, "x86_64", "3.13")
    monkeypatch.setattr(ablation, "_python", lambda _: Path(sys.executable))
    measured = Measured("model", 320, Path("a.pt"), Path("a.onnx"), 0.25)
    assert variant.function
    variant.function(measured, Contender("ours", "", tmp_path, None), tmp_path / "taken-back.zip")
    with zipfile.ZipFile(tmp_path / "function.zip") as ours, zipfile.ZipFile(tmp_path / "taken-back.zip") as other:
        sources = [name for name in ours.namelist() if name.endswith(".py")]
        assert len([name for name in sources if ours.read(name) != other.read(name)]) == 1


def test_there_are_steps_that_edit_the_function() -> None:
    assert len(EDITED) > 5
