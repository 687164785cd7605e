"""batch.py with the responses of the function itself, in this process, to the calls of the real boto3."""

import json
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import Context, encode, image_with_box
from tests.scripts.batches.conftest import Batch, rows
from tests.support.fake_s3 import FakeS3


@pytest.fixture
def function(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the handler with objects in the bucket `photos`, one call at a time."""
    s3 = FakeS3()
    s3.install(monkeypatch)
    for number in range(12):
        s3.put("photos", f"in/{number:06}.jpg", encode(image_with_box(box=(32 + number, 64, 64 + number, 96))), 0)
    s3.put("photos", "in/000003.jpg", b"no image", 0)
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(allowed_buckets=("photos",)))
    lock = threading.Lock()

    def respond(event: dict[str, Any]) -> dict[str, Any]:
        with lock:
            reply: dict[str, Any] = handler.lambda_handler(event, Context())
            return reply

    return respond


def test_rows_are_the_bodies_of_the_function(batch: Batch, function: Any) -> None:
    batch.api.handler = function
    out = batch.folder / "r.jsonl"
    done = batch.run(batch.manifest(13), "--out", out, "--conf", "0.4")
    assert done.returncode == 1, done.stderr
    found = {row["source"]: row for row in rows(out)}
    assert len(found) == 13
    for number in range(13):
        row = found[f"s3://photos/in/{number:06}.jpg"]
        if number in (3, 12):
            assert row.keys() == {"source", "error", "type"}
            assert row["type"] == {3: "UnsupportedImage", 12: "NotFound"}[number]
            continue
        single = json.loads(function({"s3": row["source"], "conf": 0.4, "image_name": f"{number:06}.jpg"})["body"])
        for fields in (row, single):
            assert fields.pop("timing_ms")
        assert row == {"source": row["source"], **single}
        assert row["detections"][0]["class_name"] == "red"


def test_bucket_that_the_function_does_not_allow_ends_the_run(batch: Batch, handler: ModuleType) -> None:
    batch.api.handler = lambda event: handler.lambda_handler(event, Context())
    done = batch.run(batch.manifest(3), "--out", "r.jsonl")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "the bucket 'photos' is not allowed" in line
    assert "ALLOWED_BUCKETS of the function must have photos" in line


def test_option_that_the_function_refuses_ends_the_run(batch: Batch, function: Any) -> None:
    batch.api.handler = function
    done = batch.run(batch.manifest(3), "--out", "r.jsonl", "--conf", "2")
    assert done.returncode == 2
    assert "conf must be between 0 and 1" in done.stderr


@pytest.mark.slow
def test_function_that_accepts_fewer_images_in_a_call_gets_fewer(
    batch: Batch, function: Any, handler: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(max_images=3))
    batch.api.handler = function
    out = batch.folder / "r.jsonl"
    batch.run(batch.manifest(12), "--out", out)
    assert len(rows(out)) == 12
    assert [row["type"] for row in rows(out) if "error" in row] == ["UnsupportedImage"]
