"""The engines find a planted error, save its input, and go on."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import strategies as st

from scripts.fuzz.process import read_record
from tests.conftest import ROOT
from tests.fuzz import worker
from tests.fuzz.mutation import MAX_BYTES, mutated
from tests.fuzz.record import Record
from tests.fuzz.targets import Target
from tests.fuzz.verdict import Violation

SEEDS = [b"hello world", b"another seed"]


@pytest.fixture
def findings(tmp_path: Path) -> Callable[[], list[bytes]]:
    """Return the saved inputs."""
    return lambda: sorted(path.read_bytes() for path in (tmp_path / "findings").iterdir() if not path.suffix)


@pytest.fixture
def make_runner(tmp_path: Path) -> Callable[[Target], worker.Runner]:
    return lambda target: worker.Runner(target, tmp_path / "record", tmp_path / "findings")


def target(is_broken: Callable[[bytes], bool], **fields: object) -> Target:
    """Return a target with an error."""

    def run(data: bytes) -> None:
        if is_broken(data):
            raise Violation(f"planted in {len(data)} bytes")

    return Target(run, lambda: SEEDS, **fields)  # type: ignore[arg-type]


def test_an_input_that_breaks_the_property_is_saved_with_its_reason(make_runner, findings, tmp_path: Path) -> None:
    make_runner(target(lambda data: data == b"bad")).run(b"bad")
    assert findings() == [b"bad"]
    assert next((tmp_path / "findings").glob("*.txt")).read_text().startswith("planted in 3 bytes\n")


def test_inputs_of_the_same_cause_are_saved_once(make_runner, findings) -> None:
    runner = make_runner(target(lambda data: True))
    assert {runner.run(b"a" * size) for size in (5, 50, 500)} == {runner.run(b"b")}
    assert len(findings()) == 1


def test_the_record_has_the_input_that_runs(make_runner, tmp_path: Path) -> None:
    states = []
    path = tmp_path / "record"
    make_runner(target(lambda data: states.append(read_record(path)) is not None)).run(b"now")
    assert states == [(0, True, b"now")]
    assert read_record(path) == (1, False, b"")


def test_an_input_that_is_longer_than_the_record_is_cut(tmp_path: Path) -> None:
    record = Record(tmp_path / "record")
    record.begin(b"a" * (5 << 20))
    assert len(read_record(tmp_path / "record").data) == 4 << 20


def test_hypothesis_finds_a_planted_error_and_makes_it_small(make_runner, findings) -> None:
    planted = target(lambda data: json.loads(data) > 1000, strategy=lambda: st.integers(0, 100_000))
    worker._search_structured(planted, make_runner(planted), seconds=3, seed=1)
    assert findings() == [b"1001"]


def test_random_changes_find_a_planted_error(make_runner, findings) -> None:
    planted = target(lambda data: b"magic" in data, words=(b"magic",))
    worker._search_random(planted, make_runner(planted), SEEDS, seconds=1, seed=1)
    assert b"magic" in findings()[0]


def test_random_changes_repeat_with_the_same_seed() -> None:
    first, second = ([mutated(SEEDS[0], SEEDS, [b"x"], random) for _ in range(50)] for random in (Random(3), Random(3)))
    assert first == second
    assert len(set(first)) > 40


def test_a_changed_input_has_a_limited_size() -> None:
    random = Random(1)
    assert max(len(mutated(b"a" * MAX_BYTES, SEEDS, [], random)) for _ in range(100)) <= MAX_BYTES


@pytest.mark.parametrize(("has_atheris", "engine"), [(True, "engine: atheris"), (False, "engine: random")])
def test_a_search_works_with_and_without_atheris(has_atheris: bool, engine: str, tmp_path: Path) -> None:
    if has_atheris:
        pytest.importorskip("atheris")
    fields = {"target": "url", "seconds": 1, "record": f"{tmp_path}/r", "findings": f"{tmp_path}/f"}
    program = "import sys; from tests.fuzz import worker; sys.exit(worker.main(sys.argv[1:]))"
    hidden = "" if has_atheris else "import sys; sys.modules['atheris'] = None; "
    command = [sys.executable, "-c", hidden + program, json.dumps(fields | {"corpus": f"{tmp_path}/c"})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert engine in done.stderr.splitlines()
    assert read_record(tmp_path / "r").executions > len(SEEDS)
