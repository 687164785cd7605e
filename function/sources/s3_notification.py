"""Parsing of the notifications that S3 sends for new objects, in every envelope.

    S3 notification             {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": ...}]}
    one of its records          {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": ...}
    S3 through SNS              {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "<the first>"}}]}
    S3 through SNS, in a queue  {"Type": "Notification", "Message": "<the first>"}; raw delivery: the first itself
    EventBridge                 {"source": "aws.s3", "detail-type": "Object Created", "detail": ...}
    CloudTrail                  {"source": "aws.s3", "detail-type": "AWS API Call via CloudTrail", "detail": ...}
    InputPath $.detail          the detail alone, of one of the last two
    test of S3                  {"Service": "Amazon S3", "Event": "s3:TestEvent", ...}

Keys are form-encoded in a notification and plain in EventBridge. A message may also be a request of `object_request`.
Source: docs.aws.amazon.com/AmazonS3/latest/userguide, notification-content-structure, ev-events and
cloudtrail-logging-s3-info.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib import parse

from function.errors import BadRequest
from function.sources import object_request
from function.sources.object_request import ObjectRequest
from function.sources.s3_objects import S3Object, is_name

S3 = "aws:s3"
SNS = "aws:sns"
CLOUDTRAIL = "AWS API Call via CloudTrail"
CLOUDTRAIL_S3 = "s3.amazonaws.com"  # eventSource
CREATED = "ObjectCreated:"
CREATING_CALLS = ("PutObject", "CompleteMultipartUpload", "CopyObject", "PostObject")
DELETING_REASONS = ("DeleteObject", "Lifecycle Expiration")
EXPECTED = (
    "expected an S3 notification, also through SNS, an EventBridge event of S3, "
    '{"bucket": ..., "key": ...} or {"s3": "s3://bucket/key"}'
)


def matches(event: Any) -> bool:
    """Return whether an event is a notification in one of the envelopes, or the test of S3."""
    if sender(event) in (S3, SNS):
        return True
    return isinstance(event, dict) and (
        _is_test(event)
        or _is_from_eventbridge(event)
        or _is_detail(event)
        or event.get("eventSource") in (S3, CLOUDTRAIL_S3)
        or event.get("Type") == "Notification"
    )


def records(event: Any) -> list[Any]:
    """Return the records of an event; EventBridge Pipes sends them as a bare list. None gives an empty list."""
    found = event.get("Records") if isinstance(event, dict) else event
    return found if isinstance(found, list) else []


def sender(event: Any) -> str | None:
    """Return the service in the records of an event, such as `aws:s3`; None without records.

    SNS writes the name of the field with a capital letter.
    """
    first = next(iter(records(event)), None)
    return _sender(first) if isinstance(first, dict) else None


def requests(event: Any) -> list[ObjectRequest]:
    """Return the objects that were created; none for a test and for notifications of other events, such as a deletion.

    Args:
        event: JSON value of a notification, or of a request for objects.

    Raises:
        BadRequest: neither of them, or a field is missing.
        InvalidOption: an option of a request.
    """
    try:
        return [_checked(request) for request in _requests(event)]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest(
            f"the notification has no valid object ({type(error).__name__}: {error}); {EXPECTED}"
        ) from error


def load_json(text: Any) -> Any:
    """Return the JSON value of a message of another service; raise BadRequest for text that is not JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"the message must be JSON, got text that is not JSON ({error}); {EXPECTED}") from error


def _requests(event: Any) -> list[ObjectRequest]:
    service = sender(event)
    if service == S3:
        return [request for record in records(event) for request in _from_record(record)]
    if service == SNS:
        return [request for record in records(event) for request in _requests(load_json(record["Sns"]["Message"]))]
    if isinstance(event, dict) and not service:
        return _from_object(event)
    raise BadRequest(f"the message must be a notification, got {_shown(event)}; {EXPECTED}")


def _from_object(event: dict[str, Any]) -> list[ObjectRequest]:
    """Return the objects of an event without records."""
    if _is_test(event):
        return []
    if event.get("Type") == "Notification":
        return _requests(load_json(event["Message"]))
    parsers: tuple[tuple[bool, Callable[[Any], list[ObjectRequest]]], ...] = (
        (_is_from_eventbridge(event), _from_eventbridge),
        (_is_detail(event), _from_detail),
        (event.get("eventSource") == CLOUDTRAIL_S3, _from_cloudtrail),
        (event.get("eventSource") == S3, _from_record),
        (object_request.matches(event), object_request.read),
    )
    for is_form, parse_form in parsers:
        if is_form:
            return parse_form(event)
    raise BadRequest(f"the message must be a notification, got {_shown(event)}; {EXPECTED}")


def _shown(event: Any) -> str:
    if isinstance(event, dict):
        return f"an object with {ascii(', '.join(event)) if event else 'no fields'}"[:200]
    return type(event).__name__


def _is_test(event: dict[str, Any]) -> bool:
    """Return whether it is the event that S3 sends when a notification is set up."""
    return event.get("Event") == "s3:TestEvent"


def _is_from_eventbridge(event: dict[str, Any]) -> bool:
    """Return whether it is an EventBridge event of S3, with any detail type."""
    return event.get("source") == "aws.s3" and "detail-type" in event


def _is_detail(event: dict[str, Any]) -> bool:
    """Return whether it is the detail of an EventBridge event of S3, which has the fields of a record as well."""
    return isinstance(event.get("bucket"), dict) and isinstance(event.get("object"), dict)


def _sender(record: dict[str, Any]) -> str | None:
    name = record.get("eventSource") or record.get("EventSource")
    return name if isinstance(name, str) else None


def _checked(request: ObjectRequest) -> ObjectRequest:
    """Raise TypeError for names that are not text, or that UTF-8 cannot encode; S3 never sends such names."""
    for name in (request.s3_object.bucket, request.s3_object.key):
        if not is_name(name):
            raise TypeError(f"bucket and key must be names, got {name!a:.100}")
    return request


def _from_record(record: Any) -> list[ObjectRequest]:
    """Return the object of a record of S3, if it was created."""
    if _sender(record) != S3:
        raise TypeError(f"eventSource must be {S3} in every record, got {_sender(record)!a:.100}")
    if not str(record["eventName"]).removeprefix("s3:").startswith(CREATED):
        return []
    bucket, described = record["s3"]["bucket"]["name"], record["s3"]["object"]
    key, sequencer = parse.unquote_plus(described["key"]), described.get("sequencer")
    return [ObjectRequest(S3Object(bucket, key, described.get("versionId"), described.get("eTag"), sequencer))]


def _from_eventbridge(event: Any) -> list[ObjectRequest]:
    detail_type = str(event["detail-type"])
    if detail_type == CLOUDTRAIL:
        return _from_cloudtrail(event["detail"])
    if not detail_type.startswith("Object "):
        raise TypeError(f"detail-type must be Object Created or {CLOUDTRAIL}, got {detail_type!a:.100}")
    return [ObjectRequest(_described(event["detail"]))] if detail_type == "Object Created" else []


def _from_detail(detail: Any) -> list[ObjectRequest]:
    """Return the object of a detail without its type, unless it was deleted.

    The `s3` of a record looks the same; its key is form-encoded.
    """
    if detail.get("reason") in DELETING_REASONS or "deletion-type" in detail:
        return []
    return [ObjectRequest(_described(detail), may_be_encoded="s3SchemaVersion" in detail)]


def _described(detail: Any) -> S3Object:
    bucket, described = detail["bucket"]["name"], detail["object"]
    version_id, etag = described.get("version-id"), described.get("etag")
    return S3Object(bucket, described["key"], version_id, etag, described.get("sequencer"))


def _from_cloudtrail(detail: Any) -> list[ObjectRequest]:
    """Return the object of an API call that succeeded and created one."""
    if detail["eventName"] not in CREATING_CALLS or detail.get("errorCode"):
        return []
    parameters, elements = detail["requestParameters"], detail.get("responseElements") or {}
    key = parameters.get("key") or _key_in_arn(detail, parameters["bucketName"])
    s3_object = S3Object(parameters["bucketName"], key, elements.get("x-amz-version-id"))
    return [ObjectRequest(s3_object, may_be_encoded=True)]


def _key_in_arn(detail: Any, bucket: str) -> str:
    """Return the key of the object among the resources of an API call: a form upload has it only there."""
    for resource in detail["resources"]:
        _, separator, key = str(resource.get("ARN")).partition(f":::{bucket}/")
        if separator:
            return key
    raise KeyError("key")
