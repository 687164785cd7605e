"""One row that cannot be read or finished costs no other row, in every source of several rows."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from function.errors import BadRequest, DeadlineExceeded, Forbidden, FunctionError, TransientError
from tests.function.sources.conftest import Reply
from tests.support.aws_events import DETAIL, S3_EVENT, S3_RECORD, sns, sqs_message
from tests.support.fake_s3 import FakeS3

Invoke = Callable[..., Reply]
ITEM = {"bucket": "photos", "key": "in/wall.jpg"}
TASK = {"taskId": "t1", "s3Key": "in/wall.jpg", "s3BucketArn": "arn:aws:s3:::photos"}
BROKEN: list[Any] = [None, True, 5, "text", [], {}, [None]]
DEEP = "[" * 20_000 + "]" * 20_000


def sns_of(*messages: str) -> dict[str, Any]:
    (record,) = sns({})["Records"]
    return {"Records": [record | {"Sns": record["Sns"] | {"Message": message}} for message in messages]}


def batch_job(*tasks: Any) -> dict[str, Any]:
    return {"invocationSchemaVersion": "1.0", "invocationId": "i1", "job": {"id": "j"}, "tasks": list(tasks)}


EVENTS: dict[str, Callable[[Any], Any]] = {
    "S3, broken first": lambda broken: {"Records": [broken, S3_RECORD]},
    "S3, broken last": lambda broken: {"Records": [S3_RECORD, broken]},
    "map, broken first": lambda broken: {"Items": [broken, ITEM]},
    "map, broken last": lambda broken: {"Items": [ITEM, broken]},
    "map, broken image": lambda broken: {"Items": [{"images": [broken, ITEM]}]},
    "S3 Batch, broken first": lambda broken: batch_job(broken, TASK),
    "S3 Batch, broken last": lambda broken: batch_job(TASK, broken),
    "SNS": lambda broken: sns_of(json.dumps(broken), json.dumps(S3_EVENT)),
    "SNS with several records": lambda broken: sns_of(json.dumps({"Records": [broken, S3_RECORD]})),
}


@pytest.mark.parametrize("broken", BROKEN, ids=str)
@pytest.mark.parametrize("source", EVENTS)
def test_row_that_cannot_be_read_is_raised_after_the_others_are_processed(
    source: str, broken: Any, invoke: Invoke, photos: FakeS3, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BadRequest) as raised:
        invoke(EVENTS[source](broken))
    assert photos.written_keys == ["results/in/wall.jpg.json"]
    logged = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [str(raised.value) in line for line in logged] == [True]


@pytest.mark.parametrize("text", ["{", "", DEEP, '{"Records": [', "hello"], ids=lambda text: text[:9])
def test_text_that_is_not_json_in_one_of_three_sns_records_costs_no_other(
    text: str, invoke: Invoke, photos: FakeS3, red_png: bytes
) -> None:
    photos.objects["photos", "in/2.jpg"] = red_png
    second = json.dumps({"bucket": "photos", "key": "in/2.jpg"})
    with pytest.raises(BadRequest):
        invoke(sns_of(json.dumps(S3_EVENT), text, second))
    assert photos.written_keys == ["results/in/wall.jpg.json", "results/in/2.jpg.json"]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_broken_record_in_a_message_fails_the_message_after_the_others_are_processed(
    broken: Any, invoke: Invoke, photos: FakeS3
) -> None:
    reply = invoke({"Records": [sqs_message({"Records": [S3_RECORD, broken]}, "m1"), sqs_message(DETAIL, "m2")]})
    assert reply.failed == ["m1"]
    assert photos.written_keys[0] == "results/in/wall.jpg.json"


def test_broken_first_message_does_not_hide_the_queue(invoke: Invoke, photos: FakeS3) -> None:
    with pytest.raises(BadRequest, match="messageId"):
        invoke({"Records": [None, sqs_message(S3_EVENT)]})
    assert photos.written_keys == ["results/in/wall.jpg.json"]


def test_tasks_with_the_same_id_have_a_row_each(invoke: Invoke) -> None:
    rows = invoke(batch_job(TASK, TASK | {"s3Key": 0})).value["results"]
    assert [(row["taskId"], row["resultCode"]) for row in rows] == [("t1", "Succeeded"), ("t1", "PermanentFailure")]


@pytest.mark.parametrize("error", [DeadlineExceeded("late"), TransientError("503")])
@pytest.mark.parametrize("first", [{"bucket": "photos"}, {"bucket": "photos", "key": "in/busy.jpg"}])
def test_map_raises_an_error_that_a_retry_may_help_before_others(
    error: FunctionError, first: dict[str, str], invoke: Invoke, photos: FakeS3
) -> None:
    second = {"bucket": "photos"} if "key" in first else {"bucket": "photos", "key": "in/busy.jpg"}
    photos.errors["read", "photos", "in/busy.jpg"] = error
    with pytest.raises(type(error)):
        invoke({"Items": [first, second, ITEM]})
    assert photos.written_keys == ["results/in/wall.jpg.json"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeadlineExceeded("a"), "TemporaryFailure"),
        (TransientError("a"), "TemporaryFailure"),
        (Forbidden("a"), "Permanent"),
    ],
)
def test_task_has_a_temporary_failure_if_a_retry_may_help(
    error: FunctionError, code: str, invoke: Invoke, photos: FakeS3
) -> None:
    photos.errors["read", "photos", "in/wall.jpg"] = error
    (row,) = invoke(batch_job(TASK)).value["results"]
    assert row["resultCode"].startswith(code)


@pytest.mark.parametrize("letter", ["\n", "\r", "\x1b", "\u2028", "\u0085"])
def test_names_of_an_event_stay_in_one_line_of_the_log(
    letter: str, invoke: Invoke, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"a{letter}forged"
    events: list[Any] = [
        {"Records": [sqs_message({"bucket": "photos", "key": name}, name), sqs_message("hello", name)]},
        batch_job(TASK | {"taskId": name, "s3Key": name}),
        {"httpMethod": name, "path": name, "requestContext": {"stage": name}, "headers": {name: name}},
        {"image_data": "!", name: name},
    ]
    for event in events:
        invoke(event)
    assert caplog.records
    assert not [record for record in caplog.records if letter in record.getMessage()]
