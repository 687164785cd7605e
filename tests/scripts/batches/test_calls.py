"""One call: its event, and its response as rows."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws.errors import NotConfigured
from scripts.aws.limits import EVENT_LIMIT
from scripts.aws.session import Aws
from scripts.batches import calls
from scripts.batches.calls import Caller, Function
from scripts.batches.errors import BatchError
from scripts.batches.sources import Item
from tests.support.fake_lambda import FakeLambda

ITEMS = [Item("s3://photos/in/ä b.jpg"), Item("s3://photos/in/c.jpg")]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLambda]:
    with FakeLambda() as api:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", api.url)
        monkeypatch.setattr(calls, "ATTEMPTS", 2)
        yield api


def caller(**options: str) -> Caller:
    return Caller(Function("yolo:live", timeout_s=1), options, Aws("us-east-1"), 4)


def test_event_names_objects_and_has_the_options_beside_them(api: FakeLambda) -> None:
    reply = caller(conf="0.4", classes='"a",b').call(ITEMS)
    assert api.events == [
        {
            "images": [
                {"image_name": "ä b.jpg", "s3": "s3://photos/in/ä b.jpg"},
                {"image_name": "c.jpg", "s3": "s3://photos/in/c.jpg"},
            ],
            "conf": "0.4",
            "classes": '"a",b',
        }
    ]
    assert [row["source"] for row in reply.rows] == [item.source for item in ITEMS]
    assert (reply.billed_s, reply.memory_mb, reply.init_s, reply.throttles) == (0.08, 1769, None, 0)


@pytest.mark.parametrize(
    ("log", "billed_s", "init_s"),
    [
        ("REPORT Duration: 9.1 ms Billed Duration: 210 ms Memory Size: 512 MB Init Duration: 200.5 ms", 0.21, 0.2005),
        ('{"type":"platform.report","record":{"metrics":{"durationMs":9.1,"billedDurationMs":210,"memorySizeMB":512,'
         '"initDurationMs":200.5}}}', 0.21, 0.2005),
        ("REPORT RequestId: 1 Billed Duration: 5 ms Memory Size: 512 MB Restore Duration: 80 ms", 0.005, 0.08),
    ],
)  # fmt: skip
def test_report_is_read_from_text_and_json(log: str, billed_s: float, init_s: float) -> None:
    found = calls._report(base64.b64encode(log.encode()).decode())
    assert found == {"billed_ms": 1000 * billed_s, "memory_mb": 512, "init_ms": pytest.approx(1000 * init_s)}


def test_size_of_an_image_of_a_folder_is_never_below_that_in_the_event(tmp_path: Path, api: FakeLambda) -> None:
    items = []
    for size in (0, 1, 2, 3, 1000):
        path = tmp_path / f"{size}.jpg"
        path.write_bytes(bytes(size))
        items.append(Item(str(path), bytes(path)))
    sent = caller(conf="0.4")
    assert len(sent._event(items)) <= sum(map(sent.size, items)) + EVENT_LIMIT - sent.limit()


@pytest.mark.parametrize(
    ("status", "kind", "is_too_large"),
    [
        ((429, "TooManyRequestsException", "Rate Exceeded."), "TooManyRequestsException", False),
        ((500, "ServiceException", "a message"), "ServiceException", False),
        ((502, "EC2UnexpectedException", "a message"), "EC2UnexpectedException", False),
        ((413, "RequestTooLargeException", "a message"), "TooLarge", True),
    ],
)
def test_error_of_lambda_that_may_concern_only_this_call_is_returned(
    api: FakeLambda, status: tuple[int, str, str], kind: str, is_too_large: bool
) -> None:
    api.status = status
    reply = caller().call(ITEMS)
    assert (reply.rows, reply.error[0], reply.is_too_large) == ((), kind, is_too_large)


@pytest.mark.parametrize(
    ("response", "kind", "is_final"),
    [
        ({"statusCode": 413, "body": '{"error":"too many","type":"TooLarge"}'}, "TooLarge", True),
        ({"statusCode": 503, "body": '{"error":"no time","type":"DeadlineExceeded"}'}, "DeadlineExceeded", False),
        ({"statusCode": 200, "body": '{"results":[{}]}'}, "UnexpectedResponse", False),
        ({"statusCode": 200, "body": "[]"}, "UnexpectedResponse", False),
        ({"message": "another function"}, "UnexpectedResponse", False),
    ],
)
def test_response_without_a_row_for_each_image_is_an_error(
    api: FakeLambda, response: dict[str, Any], kind: str, is_final: bool
) -> None:
    api.handler = lambda _: response
    reply = caller().call(ITEMS)
    assert (reply.rows, reply.error[0], reply.is_final) == ((), kind, is_final)


def test_call_that_has_no_response_in_time_is_an_error(api: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_MARGIN", -0.7)
    monkeypatch.setattr(calls, "ATTEMPTS", 1)
    api.delay_s = 1.0
    assert caller().call(ITEMS).error[0] == "ReadTimeoutError"


def test_file_that_cannot_be_read_is_the_error_of_its_image(api: FakeLambda, tmp_path: Path) -> None:
    reply = caller().call([Item("a.jpg", bytes(tmp_path / "a.jpg"))])
    assert reply.error == ("FileNotFoundError", "cannot be read: No such file or directory")


def test_missing_permission_and_missing_function_end_the_run(api: FakeLambda) -> None:
    api.status = (403, "AccessDeniedException", "not authorized")
    with pytest.raises(BatchError, match="lambda:InvokeFunction for yolo:live"):
        caller().call(ITEMS)
    api.status = (404, "ResourceNotFoundException", "Function not found")
    with pytest.raises(BatchError, match="yolo:live does not exist in us-east-1"):
        caller().call(ITEMS)
    api.status = (403, "ExpiredTokenException", "expired")
    with pytest.raises(NotConfigured):
        caller().call(ITEMS)


def test_function_is_described_by_its_alias_or_by_defaults(api: FakeLambda) -> None:
    found = calls.describe("yolo:live", Aws("us-east-1"))
    assert (found.timeout_s, found.memory_mb, found.architecture) == (30, 1769, "arm64")
    assert found.arn.endswith(":function:yolo:live")
    api.has_configuration = False
    assert calls.describe("yolo:live", Aws("us-east-1")) == Function("yolo:live")
