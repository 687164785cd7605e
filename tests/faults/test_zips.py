"""Faults of an environment that runs the zips: an invocation that is killed at its time-out, and SIGTERM."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.local_lambda.emulator import LocalLambda
from scripts.soak.fault_proxy import Fault, FaultyProxy
from tests.conftest import ROOT
from tests.faults.events import BUCKET, FAULTY, KEYS, event, is_prediction, result

pytestmark = [pytest.mark.build, pytest.mark.runtime, pytest.mark.alone]

LIMIT = 60  # seconds for a step of a test
TIMEOUT = 5  # seconds of an invocation


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory, model_path: Path) -> Path:
    folder = tmp_path_factory.mktemp("zips") / "dist"
    command = [str(ROOT / "scripts" / "build_zip.sh"), str(model_path), "--out", str(folder)]
    subprocess.run(command, check=True, timeout=600)
    return folder


def _wait_until(is_true: Callable[[], bool]) -> None:
    ends = time.monotonic() + LIMIT
    while not is_true():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("source", ["s3", "sqs"])
@pytest.mark.parametrize("is_same_environment", [True, False], ids=["same environment", "another environment"])
def test_event_of_an_invocation_that_timed_out_gives_its_result_when_it_is_delivered_again(
    source: str, is_same_environment: bool, dist: Path, environ: dict[str, str], client: Any, proxy: FaultyProxy
) -> None:
    path = f"/{BUCKET}/results/{FAULTY}.json"
    proxy.faults[path] = Fault("PUT", 200, "", delay_s=3600)
    proxy.met.pop(path, None)
    with LocalLambda(dist, env=environ, timeout=TIMEOUT, isolation="plain") as function:

        def freeze_in_the_write() -> None:
            _wait_until(lambda: path in proxy.met)
            function.freeze()  # so that it cannot keep its deadline

        freezer = threading.Thread(target=freeze_in_the_write)
        freezer.start()
        killed = function.invoke(event(source))
        freezer.join()
        assert killed.error
        assert killed.error["errorType"] == "Sandbox.Timedout"
        assert result(client, FAULTY) is None
        proxy.faults.clear()
        if is_same_environment:
            assert not function.invoke(event(source)).error
    if not is_same_environment:
        with LocalLambda(dist, env=environ, isolation="plain") as other:
            assert not other.invoke(event(source)).error
    assert all(is_prediction(result(client, key)) for key in KEYS)


def test_sigterm_ends_an_environment_and_the_next_invocation_starts_another(
    dist: Path, environ: dict[str, str], client: Any
) -> None:
    with LocalLambda(dist, env=environ, isolation="plain") as function:
        assert not function.invoke(event("s3")).error
        pid = function.pid
        assert pid
        os.kill(pid, signal.SIGTERM)
        _wait_until(lambda: function.pid is None)
        again = function.invoke(event("s3"))
        assert again.init_ms
        assert not again.error
    assert all(is_prediction(result(client, key)) for key in KEYS)
