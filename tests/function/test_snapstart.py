"""SnapStart: both hooks, and the real runtime client, which runs them around a snapshot."""

import gc
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest

from function import snapstart, storage
from function.preprocess import image
from function.settings import Settings
from scripts.local_lambda import artifacts, runtime_client
from scripts.local_lambda.invocation import (
    Delivery,
    EventSent,
    InitError,
    NextRequested,
    ResponseReceived,
    RestoreError,
    Snapshot,
)
from scripts.local_lambda.runtime_api import RuntimeApi
from tests.conftest import ROOT

EVENT = json.dumps({"warmup": True}).encode()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-the-environment")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    storage._client.cache_clear()
    yield
    storage._client.cache_clear()
    boto3.DEFAULT_SESSION = None
    gc.unfreeze()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Fake of the package of the runtime that records the registered hooks."""
    hooks = SimpleNamespace(before=[], after=[])
    module = ModuleType("snapshot_restore_py")
    vars(module).update(
        register_before_snapshot=lambda *hook: hooks.before.append(hook),
        register_after_restore=lambda *hook: hooks.after.append(hook),
    )
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", module)
    return hooks


@pytest.mark.parametrize(("value", "expected"), [("snap-start", True), ("on-demand", False), (None, False)])
def test_initialization_type_selects_snapstart(value: str | None, expected: bool) -> None:
    assert Settings.from_env({"AWS_LAMBDA_INITIALIZATION_TYPE": value} if value else {}).snap_start is expected


def test_one_hook_is_registered_before_and_one_after(registry: SimpleNamespace) -> None:
    snapstart.register(len, list)
    assert registry.before == [(snapstart.before_snapshot, len)]
    assert registry.after == [(snapstart.after_restore, list)]


def test_missing_hooks_give_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)  # an import of it fails
    snapstart.register(len, list)
    assert "no snapshot_restore_py" in caplog.text


def test_warm_up_gets_images_of_three_shapes() -> None:
    sizes_wh: list[tuple[int, int]] = []
    snapstart.before_snapshot(lambda jpeg: sizes_wh.append(image.read(jpeg, 10_000_000).size))
    assert sizes_wh == [(1920, 1080), (1080, 1920), (640, 640)]


def test_exception_of_the_warm_up_ends_the_snapshot() -> None:
    with pytest.raises(ZeroDivisionError):
        snapstart.before_snapshot(lambda _: 1 / 0)


def test_snapshot_has_no_client_and_no_credentials() -> None:
    used = storage._client()
    snapstart.before_snapshot(len)
    assert storage._client.cache_info().currsize == 0
    assert boto3.DEFAULT_SESSION is not None  # it keeps the data about S3
    assert boto3.DEFAULT_SESSION._session._credentials is None
    assert storage._client() is not used


def test_client_after_the_restore_has_the_credentials_of_the_environment() -> None:
    snapstart.before_snapshot(len)
    assert storage._client()._request_signer._credentials.access_key == "of-the-environment"


def test_two_restored_environments_draw_different_random_numbers() -> None:
    random.seed(1)
    state = random.getstate()
    drawn = []
    for _ in range(2):
        random.setstate(state)
        snapstart.after_restore(list)
        drawn.append(random.random())
    assert drawn[0] != drawn[1]


PROGRAM = """
import sys
sys.path[:0] = [{root!r}]
import snapshot_restore_py as hooks
log = lambda text: print(text, flush=True)
hooks.register_after_restore(log, "outer after")
hooks.register_before_snapshot(log, "outer before")
{extra}
import function.handler as handler
from function import snapstart, storage
hooks.register_before_snapshot(lambda: log("warm-up"))
hooks.register_after_restore(lambda: log(f"clients {{storage._client.cache_info().currsize}}"))
hooks.register_after_restore(lambda: log(f"init {{next(handler.INIT_MS, None)}}"))
def lambda_handler(event, context):
    log("invoked")
    return handler.lambda_handler(event, context)
"""


class Started:
    """Real runtime client with the real function, without a sandbox: this Python has the packages."""

    def __init__(self, folder: Path, model_path: Path, extra: str = "", kind: str = "snap-start") -> None:
        interpreter = artifacts._interpreter(f"{sys.version_info.major}.{sys.version_info.minor}")
        client = runtime_client.ensure(interpreter, artifacts.ARCHITECTURES[os.uname().machine])
        (folder / "program.py").write_text(PROGRAM.format(root=str(ROOT), extra=extra))
        self.listener = listener = socket.create_server(("127.0.0.1", 0))
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}:{client}",
            "MODEL_PATH": str(model_path),
            "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
            "AWS_REGION": "us-east-1",
        }
        self.api = RuntimeApi(listener)
        command = [sys.executable, "-m", "awslambdaric", "program.lambda_handler"]
        self.process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def next_message(self) -> Any:
        return self.api.channel.messages.get(timeout=60)

    def output(self) -> list[str]:
        """End the process, if it runs, and return the lines that it wrote."""
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.stdout is not None
        return self.process.stdout.read().splitlines()

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.api.close()
        self.listener.close()


@pytest.mark.runtime
def test_runtime_runs_the_hooks_in_order_and_then_responds(tmp_path: Path, model_path: Path) -> None:
    with Started(tmp_path, model_path) as function:
        assert [type(function.next_message()) for _ in range(2)] == [Snapshot, NextRequested]
        function.api.channel.events.put(Delivery("id-1", EVENT, 30))
        assert isinstance(function.next_message(), EventSent)
        reply = function.next_message()
        assert isinstance(reply, ResponseReceived)
        assert json.loads(reply.payload or b"") == {"warm": True}
        # Neither metrics nor the warning of a model without MODEL_SHA256.
        lines = [line for line in function.output() if not line.startswith(("{", "[WARNING]"))]
    assert lines == ["warm-up", "outer before", "outer after", "clients 0", "init None", "invoked"]


@pytest.mark.runtime
def test_ordinary_start_has_no_snapshot_and_does_not_load_snapstart(tmp_path: Path, model_path: Path) -> None:
    extra = "import function.handler; print('snapstart' if 'function.snapstart' in sys.modules else 'none')"
    with Started(tmp_path, model_path, extra, kind="on-demand") as function:
        assert isinstance(function.next_message(), NextRequested)
        assert "none" in function.output()


@pytest.mark.runtime
def test_failing_hook_before_the_snapshot_is_reported(tmp_path: Path, model_path: Path) -> None:
    extra = "import function.predictor\nfunction.predictor.predict = lambda *_: 1 / 0"
    with Started(tmp_path, model_path, extra) as function:
        message = function.next_message()
        assert isinstance(message, InitError)
        assert message.error["errorType"] == "ZeroDivisionError"
        assert function.process.wait(60) == 64


@pytest.mark.runtime
def test_failing_hook_after_the_restore_is_reported(tmp_path: Path, model_path: Path) -> None:
    extra = "import random\nrandom.seed = lambda: 1 / 0"
    with Started(tmp_path, model_path, extra) as function:
        assert isinstance(function.next_message(), Snapshot)
        message = function.next_message()
        assert isinstance(message, RestoreError)
        assert message.error["errorType"] == "ZeroDivisionError"
        assert function.process.wait(60) == 65
