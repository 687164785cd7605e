"""Names of senders, and keys of notifications that can be percent-encoded."""

from typing import Any

import pytest

from function.sources import s3_notification, unknown
from function.sources.object_request import ObjectRequest
from tests.support.aws_events import READ, cloudtrail


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
