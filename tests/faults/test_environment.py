"""Faults of the execution environment: no disk, killed and terminated processes, clocks, objects that change."""

import ast
import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from function import storage
from scripts.soak.fault_proxy import Fault, FaultyProxy
from tests.conftest import ROOT, encode, image_with_box
from tests.faults.events import BUCKET, FAULTY, KEYS, Handle, event, is_prediction, result
from tests.support.lambda_context import LambdaContext

LIMIT = 60  # seconds that a process of a test may take
PROGRAM = """
import json, resource, sys, time
{before}
from function import handler
from tests.support.lambda_context import LambdaContext
for line in sys.stdin:
    response = handler.lambda_handler(json.loads(line), LambdaContext())
    print(json.dumps(response), flush=True)
"""


@contextmanager
def function_process(environ: dict[str, str], model_path: Path, before: str = "") -> Iterator[subprocess.Popen[str]]:
    """Start a process that handles one event for each line of its standard input."""
    variables = {**environ, "MODEL_PATH": str(model_path), "METRICS": "0", "PYTHONPATH": str(ROOT), "ANNOTATE": "1"}
    command = [sys.executable, "-c", PROGRAM.format(before=before)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=variables, cwd=ROOT, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process
        process.kill()


def invoke(process: subprocess.Popen[str], value: Any) -> Any:
    """Handle an event in another process and return the response."""
    send(process, value)
    assert process.stdout
    return json.loads(process.stdout.readline())


def send(process: subprocess.Popen[str], value: Any) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(value) + "\n")
    process.stdin.flush()


FORM = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n%b\r\n--b--\r\n'
NO_FILES = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # no byte can be written to a file"


def uploads() -> dict[str, Any]:
    """Return requests with an image in every form, some of them large."""
    drawn = image_with_box((3000, 3000), (1024, 1024, 1056, 1056))
    headers = {"content-type": "multipart/form-data; boundary=b"}
    form = base64.b64encode(FORM % encode(drawn, "BMP")).decode()
    http = {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/", "headers": headers}
    kinds = {"TIFF": {"compression": "tiff_lzw"}, "WEBP": {"lossless": True}, "GIF": {}, "JPEG": {}, "AVIF": {}}
    images = {
        kind: {"image_data": base64.b64encode(encode(image_with_box(), kind, **options)).decode()}
        for kind, options in kinds.items()
    }
    return {"form of 27 MB": http | {"body": form, "isBase64Encoded": True}, **images}


def test_full_disk_changes_no_response(environ: dict[str, str], model_path: Path, client: Any) -> None:
    events = {**uploads(), "notification": event("s3"), "messages": event("sqs")}
    answers: list[dict[str, Any]] = []
    for before in ("", NO_FILES):
        client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"results/{key}.json"} for key in KEYS]})
        with function_process(environ, model_path, before) as process:
            answers.append({name: _without_times(invoke(process, value)) for name, value in events.items()})
        assert all(is_prediction(result(client, key)) for key in KEYS)
    assert answers[0] == answers[1]
    assert {name for name, answer in answers[1].items() if answer.get("statusCode") == 200} == set(uploads())


def _without_times(response: Any) -> Any:
    if "body" in response:
        response["body"] = json.loads(response["body"])
        response["body"].pop("timing_ms", None)
        response["headers"].pop("Server-Timing", None)
    return response


@pytest.mark.parametrize(
    ("source", "suffix"),
    [("s3", ".jpg"), ("s3", ".json"), ("sqs", ".json"), ("s3_batch", ".json"), ("distributed_map", ".json")],
)
def test_event_of_a_killed_invocation_gives_the_same_result_when_it_is_delivered_again(
    source: str, suffix: str, environ: dict[str, str], model_path: Path, client: Any, proxy: FaultyProxy, handle: Handle
) -> None:
    path = f"/{BUCKET}/results/{FAULTY}{suffix}"
    proxy.faults[path] = Fault("PUT", 200, "", delay_s=3600)
    proxy.met.pop(path, None)
    with function_process(environ, model_path) as process:
        send(process, event(source))
        _wait_until(lambda: path in proxy.met)
        process.kill()
        assert process.wait(LIMIT) == -signal.SIGKILL
    assert result(client, FAULTY) is None
    proxy.faults.clear()
    handle(event(source), LambdaContext())
    first = result(client, FAULTY)
    assert is_prediction(first)
    handle(event(source), LambdaContext())
    assert result(client, FAULTY) == first
    assert all(is_prediction(result(client, key)) for key in KEYS)


def test_sigterm_ends_the_process_at_once(environ: dict[str, str], model_path: Path, client: Any) -> None:
    with function_process(environ, model_path) as process:
        invoke(process, event("s3"))
        began = time.monotonic()
        process.terminate()
        assert process.wait(LIMIT) == -signal.SIGTERM
        assert time.monotonic() - began < 2  # Lambda gives two seconds
    assert all(is_prediction(result(client, key)) for key in KEYS)


def test_sigterm_during_a_write_leaves_no_result(
    environ: dict[str, str], model_path: Path, client: Any, proxy: FaultyProxy
) -> None:
    path = f"/{BUCKET}/results/{FAULTY}.json"
    proxy.faults[path] = Fault("PUT", 200, "", delay_s=3600)
    proxy.met.pop(path, None)
    with function_process(environ, model_path) as process:
        send(process, event("s3"))
        _wait_until(lambda: path in proxy.met)
        process.terminate()
        assert process.wait(LIMIT) == -signal.SIGTERM
    assert result(client, FAULTY) is None


def _wait_until(is_true: Callable[[], bool]) -> None:
    ends = time.monotonic() + LIMIT
    while not is_true():
        assert time.monotonic() < ends
        time.sleep(0.01)


JUMPS = """
clock, calls = time.time, iter(range(10**9))
time.time = lambda: clock() + {} * next(calls)
time.time_ns = lambda: int(1e9 * time.time())
"""


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_clock_that_jumps_changes_neither_times_nor_the_deadline(
    seconds: int, environ: dict[str, str], model_path: Path, client: Any, red_png: bytes
) -> None:
    image = {"image_data": base64.b64encode(red_png).decode()}
    with function_process(environ, model_path, JUMPS.format(seconds)) as process:
        rows = json.loads(invoke(process, {"images": [image, image]})["body"])["results"]
        invoke(process, event("s3"))
    assert len(rows) == 2
    for row in rows:
        assert is_prediction(row)
        assert all(0 <= ms < 30_000 for ms in row["timing_ms"].values())
    assert all(is_prediction(result(client, key)) for key in KEYS)


def test_only_the_handler_reads_the_time_of_day() -> None:
    """Every duration and deadline comes from a monotonic clock."""
    wall_clocks = {"time", "time_ns", "now", "utcnow", "today", "localtime", "gmtime", "ctime"}
    readers = set()
    for path in (ROOT / "function").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        # With an argument, these convert a time and read no clock.
        converting = {
            id(node.func)
            for node in nodes
            if isinstance(node, ast.Call) and node.args and getattr(node.func, "attr", "") in ("gmtime", "localtime")
        }
        for node in nodes:
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            is_time = isinstance(node, ast.ImportFrom) and node.module == "time" and wall_clocks & set(names)
            is_call = (
                isinstance(node, ast.Attribute)
                and node.attr in wall_clocks
                and isinstance(node.value, ast.Name)
                and node.value.id in ("time", "datetime", "date")
                and id(node) not in converting
            )
            if is_time or is_call:
                readers.add(path.name)
    assert readers == {"handler.py"}  # the timestamp of the metrics


@pytest.mark.parametrize("source", ["s3", "sqs", "s3_batch", "distributed_map"])
@pytest.mark.parametrize("is_versioned", [False, True], ids=["without versions", "with versions"])
def test_object_that_changes_after_its_read_has_the_result_of_the_newest_in_the_end(
    source: str, is_versioned: bool, handle: Handle, client: Any, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"changing-{source.replace('_', '-')}-{is_versioned}".lower()
    client.create_bucket(Bucket=bucket)
    if is_versioned:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    value = json.loads(json.dumps(event(source)).replace(BUCKET, bucket))
    for key in KEYS:
        client.put_object(Bucket=bucket, Key=key, Body=red_png)
    blue = encode(image_with_box().convert("L").convert("RGB"))
    read, changed = storage.read, []

    def change_after_the_first_read(*arguments: Any, **options: Any) -> storage.Object:
        stored = read(*arguments, **options)
        if not changed:
            time.sleep(1.1)  # S3 gives the time of an object in whole seconds
            changed.append(client.put_object(Bucket=bucket, Key=FAULTY, Body=blue)["ETag"].strip('"'))
            handle(value, LambdaContext())  # the event of the new object is faster
        return stored

    def written() -> Any:
        return json.load(client.get_object(Bucket=bucket, Key=f"results/{FAULTY}.json")["Body"])

    monkeypatch.setattr(storage, "read", change_after_the_first_read)
    for _ in range(2):  # the event of the first object, and a second delivery
        handle(value, LambdaContext())
        assert written()["source"]["etag"] == changed[0]
        assert written()["detections"] == []


@pytest.mark.parametrize("source", ["s3", "sqs", "s3_batch", "distributed_map"])
def test_object_that_is_deleted_after_its_read_keeps_its_result(
    source: str, handle: Handle, client: Any, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"changed-{source.replace('_', '-')}"
    client.create_bucket(Bucket=bucket)
    value = json.loads(json.dumps(event(source)).replace(BUCKET, bucket))
    etags = [client.put_object(Bucket=bucket, Key=key, Body=red_png)["ETag"].strip('"') for key in KEYS]
    write = storage.write

    def delete_first(*arguments: Any, **options: Any) -> bool:
        client.delete_object(Bucket=bucket, Key=FAULTY)
        return write(*arguments, **options)

    monkeypatch.setattr(storage, "write", delete_first)
    for _ in range(2):  # a second delivery finds no object and keeps the result
        handle(value, LambdaContext())
        written = json.load(client.get_object(Bucket=bucket, Key=f"results/{FAULTY}.json")["Body"])
        assert written["source"]["etag"] == etags[0]
        assert is_prediction(written)
