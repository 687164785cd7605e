"""Forms of notifications: which object they name, and which are refused."""

import json
import re
from typing import Any

import pytest

from function.errors import BadRequest
from function.sources import s3_notification
from function.sources.object_request import ObjectRequest
from tests.support.aws_events import DETAIL, READ, S3_EVENT, S3_RECORD, cloudtrail, eventbridge, sns


def requests(event: Any) -> list[ObjectRequest]:
    """The objects of a notification; the first error is raised."""
    found: list[ObjectRequest] = []
    for row in s3_notification.requests(event):
        if isinstance(row, Exception):
            raise row
        found.append(row)
    return found


def names(event: Any) -> list[tuple[str, str, str | None]]:
    return [request.s3_object[:3] for request in requests(event)]


@pytest.mark.parametrize(
    "name", ["s3", "s3 record alone", "sns with s3", "cloudtrail s3 PutObject", "sns notification alone"]
)
def test_notification_names_its_object(name: str) -> None:
    assert names(READ[name]) == [("photos", "in/wall.jpg", None)]


@pytest.mark.parametrize("event", [eventbridge("aws.s3", "Object Created", DETAIL), DETAIL], ids=["event", "detail"])
def test_eventbridge_names_the_version_and_the_sequencer(event: Any) -> None:
    (request,) = requests(event)
    assert (request.s3_object.version_id, request.s3_object.sequencer) == ("v1", "0055AED6DCD90281E5")


def test_cloudtrail_names_the_version_that_the_call_created() -> None:
    event = cloudtrail("PutObject", responseElements={"x-amz-version-id": "v7"})
    assert names(event) == [("photos", "in/wall.jpg", "v7")]


def test_cloudtrail_without_a_key_has_it_in_the_resources() -> None:
    assert names(cloudtrail("PostObject", {"bucketName": "photos"})) == [("photos", "in/wall.jpg", None)]


@pytest.mark.parametrize("elements", [None, {}])
def test_cloudtrail_without_response_elements_is_read(elements: Any) -> None:
    assert names(cloudtrail("CopyObject", responseElements=elements)) == [("photos", "in/wall.jpg", None)]


@pytest.mark.parametrize("reason", ["PutObject", "POST Object", "CopyObject", "CompleteMultipartUpload", None])
def test_detail_of_a_creation_names_its_object(reason: str | None) -> None:
    assert names(DETAIL | {"reason": reason}) == [("photos", "in/wall.jpg", "v1")]


@pytest.mark.parametrize(
    "change", [{"reason": "DeleteObject"}, {"reason": "Lifecycle Expiration"}, {"deletion-type": "x"}]
)
def test_detail_of_a_deletion_names_nothing(change: dict[str, Any]) -> None:
    assert names(DETAIL | change) == []


def test_request_in_an_sns_message_names_its_object() -> None:
    assert names(sns({"s3": "s3://photos/in/wall.jpg"})) == [("photos", "in/wall.jpg", None)]


def nested(depth: int) -> dict[str, Any]:
    event: dict[str, Any] = {"s3": "s3://b/k"}
    for _ in range(depth):
        event = {"images": [event]}
    return event


@pytest.mark.parametrize(
    "event",
    [
        {"Records": [S3_RECORD, {"eventSource": "aws:sqs", "eventName": "ObjectCreated:Put"}]},
        {"Records": [S3_RECORD, 5]},
        {"Records": [S3_RECORD | {"s3": None}]},
        {"Records": [{key: value for key, value in S3_RECORD.items() if key != "eventName"}]},
        eventbridge("aws.s3", "Object Created", None),
        eventbridge("aws.s3", "Object Created", {"bucket": "photos"}),
        eventbridge("aws.s3", "AWS Insight via CloudTrail", {}),
        eventbridge("aws.s3", "AWS API Call via CloudTrail", {}),
        cloudtrail("PutObject", {"key": "in/wall.jpg"}),
        cloudtrail("PostObject", {"bucketName": "other"}),
        {"bucket": {"name": "photos"}, "object": {}},
        {"bucket": {}, "object": {"key": "in/wall.jpg"}},
        {"Type": "Notification", "Message": "5"},
        {"hello": "world"},
        nested(100_000),
    ],
)
def test_event_without_a_valid_object_is_a_bad_request(event: Any) -> None:
    with pytest.raises(BadRequest):
        requests(event)


def test_all_records_of_a_notification_are_read() -> None:
    other = S3_RECORD | {"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2Bc.jpg"}}}
    assert names({"Records": [*S3_EVENT["Records"], other]})[1] == ("b", "a b+c.jpg", None)


OTHER_NAMES = [
    "ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "ObjectRestore:Post",
    "ReducedRedundancyLostObject",
    "Replication:OperationMissedThreshold",
    "LifecycleExpiration:Delete",
    "LifecycleTransition",
    "IntelligentTiering",
    "ObjectTagging:Put",
    "ObjectAcl:Put",
    "s3:TestEvent",
]
OTHER_DETAIL_TYPES = [
    "Object Deleted",
    "Object Restore Initiated",
    "Object Restore Completed",
    "Object Restore Expired",
    "Object Storage Class Changed",
    "Object Access Tier Changed",
    "Object ACL Updated",
    "Object Tags Added",
    "Object Tags Deleted",
]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_record_of_a_known_other_event_names_nothing(name: str) -> None:
    assert names({"Records": [S3_RECORD | {"eventName": name}]}) == []


@pytest.mark.parametrize("detail_type", OTHER_DETAIL_TYPES)
def test_known_other_detail_type_names_nothing(detail_type: str) -> None:
    assert names(eventbridge("aws.s3", detail_type, DETAIL)) == []


@pytest.mark.parametrize("call", ["DeleteObject", "UploadPart", "PutObjectAcl", "PutBucketPolicy", "ListObjectsV2"])
def test_known_other_api_call_names_nothing(call: str) -> None:
    assert names(cloudtrail(call)) == []


UNKNOWN_DETAIL_TYPES: list[Any] = [
    "Object ",
    "Object Foo",
    "object created",
    "Object Created:Put",
    None,
    ["Object Created"],
]
UNKNOWN_NAMES: list[Any] = [
    "", None, 5, "Put", "PutObject", "ObjectCreated", "objectcreated:Put", "ObjectRenamed:Put", [],
]  # fmt: skip
UNKNOWN = [
    *[{"Records": [S3_RECORD | {"eventName": name}]} for name in UNKNOWN_NAMES],
    *[eventbridge("aws.s3", detail_type, DETAIL) for detail_type in UNKNOWN_DETAIL_TYPES],
    *[cloudtrail(call) for call in ("RenameObject", "putobject", "PutObjectFoo", "")],
    cloudtrail("RenameObject", errorCode="AccessDenied"),
]


@pytest.mark.parametrize("event", UNKNOWN, ids=lambda event: json.dumps(event)[:300])
def test_unknown_name_of_an_event_is_a_bad_request_and_not_acknowledged(event: Any) -> None:
    with pytest.raises(BadRequest, match=r"must be|must have") as raised:
        requests(event)
    assert not re.search(r"None|\['|\[\]", str(raised.value))


@pytest.mark.parametrize("version_id", [7, [], "\ud800"])
def test_version_that_is_not_text_is_a_bad_request(version_id: Any) -> None:
    s3: dict[str, Any] = {"bucket": {"name": "photos"}, "object": {"key": "in/wall.jpg", "versionId": version_id}}
    with pytest.raises(BadRequest, match="the version id must be text"):
        requests({"Records": [S3_RECORD | {"s3": s3}]})


@pytest.mark.parametrize("etag", [7, "\ud800", {}])
def test_etag_that_is_not_text_is_unknown(etag: Any) -> None:
    (request,) = requests(DETAIL | {"object": {"key": "a", "etag": etag, "sequencer": etag}})
    assert (request.s3_object.etag, request.s3_object.sequencer) == (None, None)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"Records": [S3_RECORD | {"s3": None}]}, "s3 must be an object, got null"),
        ({"Records": [S3_RECORD | {"s3": {"bucket": "photos"}}]}, "s3.bucket must be an object, got text"),
        ({"Records": [S3_RECORD | {"s3": {}}]}, "s3.bucket must be set, got an object without fields"),
        ({"Records": [S3_RECORD, 5]}, "the notification must be an object, got a number"),
        (eventbridge("aws.s3", "Object Created", None), "detail must be an object, got null"),
        ({"Type": "Notification"}, "Message must be set, got an object with the field 'Type'"),
        ({"Type": "Notification", "Message": "hello"}, "the message must be JSON, got text that is not JSON"),
        ({"Type": "Notification", "Message": None}, "the message must be JSON, got null"),
        ([True], "the message must be a notification, got an array"),
    ],
)
def test_error_names_the_field_in_terms_of_json(event: Any, message: str) -> None:
    with pytest.raises(BadRequest) as raised:
        requests(event)
    assert str(raised.value).startswith(f"{message}; expected ")
