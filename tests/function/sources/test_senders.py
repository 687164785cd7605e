"""Names of senders, and keys of notifications that can be percent-encoded."""

from collections.abc import Callable
from typing import Any

import pytest

from function.errors import BadRequest
from function.sources import s3_notification, unknown
from function.sources.object_request import ObjectRequest
from tests.support.aws_events import READ, S3_RECORD, cloudtrail, sns, sqs_message
from tests.support.fake_s3 import FakeS3


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"eventSource": "aws:kinesis"}, "aws:kinesis"),
        ({"EventSource": "aws:other"}, "aws:other"),
        ({"eventSource": 5, "EventSource": "aws:other"}, "aws:other"),
        ({"eventsource": "x"}, None),
        ("text", None),
    ],
)
def test_sender_of_records_is_that_of_the_first_record(record: Any, name: str | None) -> None:
    assert unknown._sender_of_records([record, {"eventSource": "aws:second"}]) == name


@pytest.mark.parametrize(("event", "expected"), [(cloudtrail("PutObject"), True), (READ["s3"], False)])
def test_key_of_cloudtrail_may_be_encoded_and_that_of_a_notification_is_decoded(event: Any, expected: bool) -> None:
    (request,) = s3_notification.requests(event)
    assert isinstance(request, ObjectRequest)
    assert request.may_be_encoded is expected


ODD = [{"eventSource": "aws:kinesis"}, {"EventSource": "aws:other"}, {"eventSource": "aws:dynamodb", "eventID": "1"}]
S3_ROW = S3_RECORD | {"s3": {"bucket": {"name": "photos"}, "object": {"key": "in/wall.jpg"}}}


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("row", [S3_ROW, sns({"Records": [S3_ROW]})["Records"][0]], ids=["S3", "SNS"])
def test_record_of_another_sender_is_raised_when_the_others_are_done(
    row: Any, odd: Any, position: int, invoke: Callable[..., Any], photos: FakeS3
) -> None:
    rows = [row]
    rows.insert(position, odd)
    with pytest.raises(BadRequest, match="ventSource must be"):
        invoke({"Records": rows})
    assert photos.written_keys == ["results/in/wall.jpg.json"]


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("odd", ODD)
def test_message_of_another_sender_fails_alone(
    odd: Any, position: int, invoke: Callable[..., Any], photos: FakeS3
) -> None:
    message = sqs_message({"Records": [S3_ROW]}, "good")
    rows = [message]
    rows.insert(position, message | {"eventSource": None, "messageId": "odd"} | odd)
    assert invoke({"Records": rows}).failed == ["odd"]
    assert photos.written_keys == ["results/in/wall.jpg.json"]
