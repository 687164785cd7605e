"""Parsing of the notifications that S3 sends for new objects, in every envelope.

    S3 notification             {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": ...}]}
    S3 through SNS              {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "<the above>"}}]}
    S3 through SNS, in a queue  {"Type": "Notification", "Message": "<the first>"}; raw delivery: the first itself
    EventBridge                 {"source": "aws.s3", "detail-type": "Object Created", "detail": ...}
    test of S3                  {"Service": "Amazon S3", "Event": "s3:TestEvent", ...}

Keys are form-encoded in a notification and plain in EventBridge.
Source: docs.aws.amazon.com/AmazonS3/latest/userguide, notification-content-structure and ev-events.
"""

import json
from typing import Any
from urllib import parse

from function.errors import BadRequest
from function.sources.s3_objects import S3Object, is_name

CREATED = "ObjectCreated:"
EXPECTED = "expected an S3 notification, also through SNS, or an EventBridge event of S3"


def is_test(event: Any) -> bool:
    """Return whether it is the event that S3 sends when a notification is set up."""
    return isinstance(event, dict) and event.get("Event") == "s3:TestEvent"


def is_from_eventbridge(event: Any) -> bool:
    """Return whether it is an EventBridge event of S3, with any detail type."""
    return isinstance(event, dict) and event.get("source") == "aws.s3" and "detail-type" in event


def sender(event: Any) -> str | None:
    """Return the service in the records of an event, such as `aws:s3`; None without records.

    SNS writes the name of the field with a capital letter.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not (isinstance(records, list) and records and isinstance(records[0], dict)):
        return None
    name = records[0].get("eventSource") or records[0].get("EventSource")
    return name if isinstance(name, str) else None


def objects(event: Any) -> list[S3Object]:
    """Return the objects that were created; none for a test and for notifications of other events, such as a deletion.

    Args:
        event: JSON value of a notification.

    Raises:
        BadRequest: not a notification, or a field is missing.
    """
    try:
        return [_checked(s3_object) for s3_object in _objects(event)]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            f"the notification has no valid object ({type(error).__name__}: {error}); {EXPECTED}"
        ) from error


def load_json(text: Any) -> Any:
    """Return the JSON value of a message of another service; raise BadRequest for text that is not JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"the message must be JSON, got text that is not JSON ({error}); {EXPECTED}") from error


def _objects(event: Any) -> list[S3Object]:
    if is_test(event):
        return []
    if is_from_eventbridge(event):
        return _from_eventbridge(event)
    if sender(event) == "aws:s3":
        return [_from_record(record) for record in event["Records"] if _is_creation(record)]
    if sender(event) == "aws:sns":
        return [s3_object for record in event["Records"] for s3_object in _objects(load_json(record["Sns"]["Message"]))]
    if isinstance(event, dict) and event.get("Type") == "Notification":
        return _objects(load_json(event["Message"]))
    actual = (
        f"an object with {ascii(', '.join(event)) if event else 'no fields'}"
        if isinstance(event, dict)
        else type(event).__name__
    )
    raise BadRequest(f"the message must be a notification, got {actual:.200}; {EXPECTED}")


def _checked(s3_object: S3Object) -> S3Object:
    """Raise TypeError for names that are not text, or that UTF-8 cannot encode; S3 never sends such names."""
    for name in (s3_object.bucket, s3_object.key):
        if not is_name(name):
            raise TypeError(f"bucket and key must be names, got {name!a:.100}")
    return s3_object


def _is_creation(record: Any) -> bool:
    return str(record["eventName"]).removeprefix("s3:").startswith(CREATED)


def _from_record(record: Any) -> S3Object:
    bucket, described = record["s3"]["bucket"]["name"], record["s3"]["object"]
    return S3Object(bucket, parse.unquote_plus(described["key"]), described.get("versionId"), described.get("eTag"))


def _from_eventbridge(event: Any) -> list[S3Object]:
    if event["detail-type"] != "Object Created":
        return []
    bucket, described = event["detail"]["bucket"]["name"], event["detail"]["object"]
    return [S3Object(bucket, described["key"], described.get("version-id"), described.get("etag"))]
