"""The property can fail: each part of it, with a call that breaks it."""

import logging
import sys
import time
from typing import Any

import pytest

from function.errors import BadRequest, TransientError
from tests.fuzz import documented, verdict
from tests.fuzz.verdict import Violation, check

LOGGER = logging.getLogger("function.service")
ROW = {"error": "x", "type": "BadRequest"}


@pytest.fixture(autouse=True)
def memory_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow what this process already has, beside the limit."""
    monkeypatch.setattr(verdict, "MAX_RSS_MB", verdict.MAX_RSS_MB + verdict.peak_mb())
    monkeypatch.setattr(verdict, "_reported_mb", 0.0)


def accept(value: Any) -> None:
    """Accept every value."""


def broken(call: Any, *, raises: tuple[type[Exception], ...] = (), form: Any = accept) -> str:
    """Return the message of the Violation of a call."""
    with pytest.raises(Violation) as caught:
        check(call, form, raises)
    return str(caught.value)


def returned(value: Any) -> Any:
    return lambda: value


def raised(error: Exception) -> Any:
    def call() -> None:
        raise error

    return call


def logged(message: str, error: Exception | None = None) -> Any:
    return lambda: LOGGER.error(message, exc_info=error)


def test_a_documented_value_keeps_the_property() -> None:
    check(returned({"a": 1}), accept, ())


def test_a_documented_error_keeps_the_property() -> None:
    check(raised(TransientError("x")), accept, (TransientError,))


@pytest.mark.parametrize("error", [KeyError("x"), BadRequest("x"), MemoryError()])
def test_another_error_breaks_it(error: Exception) -> None:
    assert "undocumented error" in broken(raised(error), raises=(TransientError,))


def test_an_error_of_a_fake_explains_an_unexpected_error() -> None:
    fake = OSError("injected")
    error = RuntimeError("x")
    error.__cause__ = fake
    check(raised(error), accept, (), lambda one: one is fake)


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}])
def test_a_number_that_json_does_not_have_breaks_it(value: Any) -> None:
    assert "JSON" in broken(returned(value))


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, {1, 2}, b"\xff", object()])
def test_a_value_that_the_runtime_cannot_send_breaks_it(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
    assert broken(returned(value))


@pytest.mark.parametrize("text", ["Traceback (most recent call last):", 'x File "/var/task/function/a.py", line 3'])
def test_a_traceback_in_a_response_breaks_it(text: str) -> None:
    assert "traceback" in broken(returned({"body": text}))
    assert "traceback" in broken(raised(BadRequest(text)), raises=(BadRequest,))


def test_a_response_of_another_form_breaks_it() -> None:
    assert "response" in broken(returned({"a": 1}), form=lambda value: documented.s3_response({}, value))


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "a\x00"])
def test_a_control_character_in_the_log_breaks_it(name: str) -> None:
    assert "control characters" in broken(logged(name))


def test_an_unexpected_error_in_the_log_breaks_it() -> None:
    assert "KeyError" in broken(logged("request 1: unexpected error", KeyError("x")))


def test_a_printed_line_that_is_not_json_breaks_it() -> None:
    assert "JSON" in broken(lambda: sys.stdout.write("hello\n"))
    check(lambda: sys.stdout.write("hello\n"), accept, (), prints_metrics=False)


def test_too_much_cpu_time_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "MAX_CPU_S", 0.01)

    def work() -> None:
        ends = time.process_time() + 0.05
        while time.process_time() < ends:
            pass

    assert "CPU time" in broken(work)


def test_too_much_memory_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "MAX_RSS_MB", verdict.peak_mb() + 100)
    check(returned(None), accept, ())
    assert "memory" in broken(lambda: len(b"x" * 200 * 2**20))
    check(returned(None), accept, ())  # the peak of the call before is not that of this one


HTTP = {"statusCode": 200, "headers": {"Content-Type": "a"}, "body": '{"status":"ok"}', "isBase64Encoded": False}
BATCH = {"invocationSchemaVersion": "1.0", "treatMissingKeysAs": "PermanentFailure", "invocationId": "i"}
TASK = {"taskId": "a", "resultCode": "Succeeded", "resultString": ""}
EVENTS: dict[str, Any] = {
    "direct": {"image_data": "x"},
    "http": {"httpMethod": "POST", "path": "/", "requestContext": {}},
    "s3": {},
    "sqs": {"Records": [{"messageId": "a"}, {"messageId": "b"}]},
    "s3_batch": {"invocationId": "i", "tasks": [{"taskId": "a"}]},
    "distributed_map": {"Items": [{}, {}]},
    "warmup": {"warmup": True},
    "unknown": {},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("direct", HTTP),
        ("http", HTTP | {"statusCode": 400, "body": '{"error":"x","type":"BadRequest","request_id":"1"}'}),
        ("s3", {"results": [{"key": "a", "skipped": "a folder"}, {"key": "b"} | ROW]}),
        ("sqs", {"batchItemFailures": [{"itemIdentifier": "b"}]}),
        ("s3_batch", BATCH | {"results": [TASK]}),
        ("distributed_map", {"results": [{"key": "a", "detection_count": 1, "result": "s3://b/a"}] * 2}),
        ("warmup", {"warm": True}),
        ("unknown", HTTP | {"statusCode": 400, "body": '{"error":"x","type":"BadRequest","request_id":"1"}'}),
    ],
)
def test_a_response_of_the_documented_form_is_accepted(source: str, value: Any) -> None:
    check(returned(value), lambda found: documented.FORMS[source](EVENTS[source], found), ())


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("direct", HTTP | {"statusCode": 201}),
        ("direct", HTTP | {"body": "NaN"}),
        ("direct", HTTP | {"headers": {"Allow": "a\r\nb: c"}}),
        ("direct", HTTP | {"body": '{"error":"x","type":"KeyError"}', "statusCode": 400}),
        ("http", HTTP | {"statusDescription": "200 OK"}),
        ("http", HTTP | {"statusCode": 500, "body": '{"error":"x","type":"BadRequest","request_id":"1"}'}),
        ("s3", {"results": [{"key": "a"}]}),
        ("s3", {"results": [ROW]}),
        ("sqs", {"batchItemFailures": [{"itemIdentifier": "c"}]}),
        ("sqs", {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}),
        ("sqs", {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "a"}]}),
        ("s3_batch", BATCH | {"results": []}),
        ("s3_batch", BATCH | {"results": [TASK | {"resultCode": "Failed"}]}),
        ("s3_batch", BATCH | {"results": [TASK | {"resultString": "x" * 1025}]}),
        ("distributed_map", {"results": [{"key": "a", "skipped": "a result"}]}),
        ("warmup", {"warm": False}),
        ("unknown", {"results": []}),
    ],
)
def test_a_response_of_another_form_is_refused(source: str, value: Any) -> None:
    assert broken(returned(value), form=lambda found: documented.FORMS[source](EVENTS[source], found))


MASK = {"size": [2, 3], "counts": "06"}


def test_a_mask_that_covers_the_image_is_accepted() -> None:
    documented._check_run_lengths(MASK, {"width": 3, "height": 2})


@pytest.mark.parametrize("mask", [MASK | {"counts": "07"}, MASK | {"size": [3, 2]}, MASK | {"counts": "0600"}])
def test_a_mask_that_does_not_cover_the_image_is_refused(mask: Any) -> None:
    with pytest.raises(Violation):
        documented._check_run_lengths(mask, {"width": 3, "height": 2})


@pytest.mark.parametrize(("text", "counts"), [("06", [0, 6]), ("PP1", [512 + 512]), ("123O", [1, 2, 3, 1])])
def test_run_lengths_are_decoded_as_coco_does(text: str, counts: list[int]) -> None:
    assert documented.decode_counts(text) == counts
