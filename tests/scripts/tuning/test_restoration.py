"""Everything is as before, wherever tune.py ends: after Ctrl-C, errors, and the death of the process."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.client
import pytest

from scripts import tune
from tests.conftest import ROOT
from tests.scripts.tuning.fake_lambda import FakeLambda

FAST = ["--warm", "1", "--cold", "1", "--memory", "512,1769"]
CHANGES = ("Create", "Update", "Publish", "Delete", "Invoke")  # beginnings of operations


class Killed(BaseException):
    """The process is ended; nothing of it runs any more."""


@contextlib.contextmanager
def interrupted(monkeypatch: pytest.MonkeyPatch, at: int, when: str, error: type[BaseException]) -> Iterator[list[str]]:
    """Raise an error before or after the operation with this number that changes something; yield their names."""
    real = botocore.client.BaseClient._make_api_call
    made: list[str] = []
    lock = threading.Lock()

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if not operation.startswith(CHANGES):
            return real(client, operation, parameters)
        with lock:
            made.append(operation)
            is_it = len(made) == at
        if is_it and when == "before":
            raise error
        response = real(client, operation, parameters)
        if is_it:
            if "Payload" in response:
                response["Payload"].read()
            raise error
        return response

    with monkeypatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        yield made


def every_step(run: Callable[[int], list[str]]) -> int:
    """Run with an interruption at each step until a run ends before its step; return the number of steps."""
    for step in range(1, 100):
        if len(run(step)) < step:
            return step - 1
    raise AssertionError("the command never ended without an interruption")


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("both", [False, pytest.param(True, marks=pytest.mark.long)], ids=["one", "both"])
def test_an_interruption_at_any_step_puts_everything_back(
    when: str, both: bool, account: FakeLambda, image: str, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if both:
        request.getfixturevalue("arm64_zips")
    before = account.state()

    def run(step: int) -> list[str]:
        with interrupted(monkeypatch, step, when, KeyboardInterrupt) as made:
            code = tune.main([image, *FAST])
        was_in_restoration = "is as before" not in (error := capsys.readouterr().err)
        if code == 130 and was_in_restoration:  # Ctrl-C is ignored there; here it is raised nevertheless
            assert "`scripts/tune.py --restore --function yolo` puts yolo back" in error
            assert tune.main(["--restore"]) == 0
        assert account.state() == before, made
        return made

    assert every_step(run) >= (20 if both else 10)


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, pytest.param(True, marks=pytest.mark.long)], ids=["one", "both"])
def test_the_next_run_puts_back_what_a_killed_one_left(
    both: bool, account: FakeLambda, image: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if both:
        request.getfixturevalue("arm64_zips")
    before = account.state()

    def run(step: int) -> list[str]:
        with (
            interrupted(monkeypatch, step, "after", Killed) as made,
            contextlib.suppress(Killed),
            monkeypatch.context() as patch,
        ):
            patch.setattr("scripts.tuning.sizes._restore", lambda *_: None)
            tune.main([image, *FAST])
        assert tune.main(["--restore"]) == 0
        assert account.state() == before, made
        return made

    assert every_step(run) >= (12 if both else 8)


@pytest.mark.parametrize("arguments", [["--restore"], None])
def test_a_restoration_is_reported(
    arguments: list[str] | None, account: FakeLambda, image: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = account.state()
    with interrupted(monkeypatch, 2, "after", Killed), contextlib.suppress(Killed), monkeypatch.context() as patch:
        patch.setattr("scripts.tuning.sizes._restore", lambda *_: None)
        tune.main([image, *FAST])
    assert account.state() != before
    capsys.readouterr()
    assert tune.main(arguments or [image, *FAST]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("restored  yolo")
    assert account.state() == before


def test_what_somebody_else_changed_stays(
    account: FakeLambda, image: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with interrupted(monkeypatch, 2, "after", Killed), contextlib.suppress(Killed), monkeypatch.context() as patch:
        patch.setattr("scripts.tuning.sizes._restore", lambda *_: None)
        tune.main([image, *FAST])
    account.latest |= {"MemorySize": 2048, "CodeSha256": "deployed meanwhile"}
    assert tune.main(["--restore"]) == 0
    output = capsys.readouterr().out
    assert "memory    of yolo was changed by somebody else to 2048 MB; it stays" in output
    assert "code      of yolo was changed by somebody else; it stays" in output
    assert (account.latest["MemorySize"], account.latest["CodeSha256"]) == (2048, "deployed meanwhile")
    assert account.versions.keys() == {"5"}


def test_a_restoration_without_a_note_deletes_temporary_versions(
    account: FakeLambda, capsys: pytest.CaptureFixture[str]
) -> None:
    account.versions["6"] = {**account.latest, "Version": "6", "Description": "scripts/tune.py: temporary"}
    account.layers[8] = "scripts/tune.py: temporary"
    assert tune.main(["--restore"]) == 0
    assert (account.versions.keys(), account.layers.keys()) == ({"5"}, {7})


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_puts_everything_back(number: int, account: FakeLambda, image: str, tmp_path: Path) -> None:
    before, account.delay = account.state(), 30.0
    environ = {**os.environ, "HOME": str(tmp_path)}
    command = [sys.executable, str(ROOT / "scripts" / "tune.py"), image]
    running = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not account.calls and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(number)
    _, errors = running.communicate(timeout=25)  # it does not wait for the calls
    assert (running.returncode, errors) == (130, "tune: interrupted; 0 sizes are measured, and yolo is as before\n")
    assert account.state() == before
