"""Limits of the settings where they take effect, and the work that does not have them."""

import base64
import gzip
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from function import fetch, image_loading
from function.api import body
from function.errors import TooLarge
from function.request import ImageRef
from function.settings import Settings
from function.sources import direct, front_ends
from tests.conftest import Context
from tests.support.fake_s3 import FakeS3


@pytest.mark.parametrize("limit", [7, 104_857_600])
def test_fetch_of_a_url_gets_the_limit_of_bytes(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[Any] = []
    monkeypatch.setattr(fetch, "image", lambda *arguments, **_: received.extend(arguments) or b"x")
    settings = Settings.from_env({"ALLOWED_URL_HOSTS": "a.example", "MAX_OBJECT_BYTES": str(limit)})
    image_loading.load(ImageRef("url", "https://a.example/a.jpg"), settings)
    assert received[:3] == ["https://a.example/a.jpg", ("a.example",), limit]


@pytest.mark.parametrize(("limit", "is_error"), [(9, True), (10, False)])
def test_s3_object_of_a_request_has_the_limit_of_bytes(
    limit: int, is_error: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeS3()
    fake.install(monkeypatch)
    fake.objects["photos", "a.jpg"] = b"0123456789"
    settings = Settings.from_env({"ALLOWED_BUCKETS": "photos", "MAX_OBJECT_BYTES": str(limit)})
    if is_error:
        with pytest.raises(TooLarge):
            image_loading.load(ImageRef("s3", "s3://photos/a.jpg"), settings)
    else:
        assert image_loading.load(ImageRef("s3", "s3://photos/a.jpg"), settings) == b"0123456789"


def test_default_of_the_limit_of_images_is_met() -> None:
    settings = Settings.from_env({})
    images = [{"image_data": "QUJD"}] * 16
    assert len(body.parse({"images": images}, settings).requests) == 16
    with pytest.raises(TooLarge, match="at most 16 images"):
        body.parse({"images": [*images, images[0]]}, settings)


@pytest.mark.parametrize(("limit", "is_error"), [(99, True), (100, False)])
def test_compressed_body_has_the_limit_of_bytes(limit: int, is_error: bool) -> None:
    text = base64.b64encode(gzip.compress(b" " * 100)).decode()
    if is_error:
        with pytest.raises(TooLarge):
            body.decode(text, True, "gzip", limit)
    else:
        assert len(body.decode(text, True, "gzip", limit)) == 100


@pytest.mark.parametrize(
    ("front_end", "expected"),
    [
        (front_ends.LOAD_BALANCER, {"my class": "wall clock,a+b"}),
        (front_ends.REST_API, {"my+class": "wall+clock%2Ca%2Bb"}),
    ],
)
def test_query_of_a_load_balancer_is_decoded_once(front_end: front_ends.FrontEnd, expected: dict[str, str]) -> None:
    event = {"queryStringParameters": {"my+class": "wall+clock%2Ca%2Bb"}}
    assert front_ends.query(event, front_end) == expected


def test_warm_up_before_a_snapshot_does_not_have_the_limit_of_pixels(
    model_path: Any, run_python: Callable[..., dict[str, Any]]
) -> None:
    program = """
import json
from function import handler, snapstart
for size_wh in snapstart.SIZES_WH:
    handler._warm_up(snapstart._jpeg(size_wh))
print(json.dumps({"limit": handler.SETTINGS.max_image_pixels}))
"""
    assert run_python(program, MODEL_PATH=str(model_path), MAX_IMAGE_PIXELS="100") == {"limit": 100}


def test_init_time_is_in_milliseconds(model_path: Any, run_python: Callable[..., dict[str, Any]]) -> None:
    program = """
import json
from time import perf_counter
started = perf_counter()
from function import handler
elapsed_ms = 1000 * (perf_counter() - started)
print(json.dumps({"init_ms": next(handler.INIT_MS), "elapsed_ms": elapsed_ms}))
"""
    measured = run_python(program, MODEL_PATH=str(model_path))
    assert 0.5 * measured["elapsed_ms"] < measured["init_ms"] <= measured["elapsed_ms"]


@pytest.mark.parametrize("now_ns", [1_700_000_000_123_456_789, 1_800_000_000_999_999_999])
def test_line_of_metrics_has_its_time_in_milliseconds(
    handler: Any, now_ns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(handler, "time_ns", lambda: now_ns)
    handler.lambda_handler({"image_data": "!"}, Context())
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert document["_aws"]["Timestamp"] == now_ns // 10**6


def test_line_of_metrics_has_the_function_and_the_request(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    context = SimpleNamespace(function_name="yolo-7", aws_request_id="request-7")
    handler.lambda_handler({"image_data": "!"}, context)
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (document["FunctionName"], document["requestId"]) == ("yolo-7", "request-7")


def test_compressed_body_of_a_direct_invocation_has_the_limit_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[Any] = []
    monkeypatch.setattr(body, "decode", lambda *arguments: received.extend(arguments) or b'{"image_data": "QUJD"}')
    settings = Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "640", "MAX_OBJECT_BYTES": "1000"})
    direct.read({"body": "QUJD", "isBase64Encoded": True}, settings)
    assert received[-2:] == [1000, 640]
