"""Notices that objects were created, in every wrapping that S3 sends them in; pure reading, nothing is answered.

    S3 notification             {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": ...}]}
    S3 through SNS              {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "<the above>"}}]}
    S3 through SNS, in a queue  {"Type": "Notification", "Message": "<the first>"}; raw delivery: the first itself
    EventBridge                 {"source": "aws.s3", "detail-type": "Object Created", "detail": ...}
    S3's own test               {"Service": "Amazon S3", "Event": "s3:TestEvent", ...}

Keys are form-encoded in a notification and plain in EventBridge.
Source: docs.aws.amazon.com/AmazonS3/latest/userguide, notification-content-structure and ev-events.
"""

import json
from typing import Any
from urllib import parse

from function.errors import BadRequest
from function.sources.s3_objects import S3Object, is_name

CREATED = "ObjectCreated:"
WANTED = "wanted an S3 notification, also through SNS, or an EventBridge event of S3"


def is_test(event: Any) -> bool:
    """Whether it is what S3 sends when a notification is set up."""
    return isinstance(event, dict) and event.get("Event") == "s3:TestEvent"


def is_from_bridge(event: Any) -> bool:
    """Whether it is an EventBridge event of S3, of whatever kind."""
    return isinstance(event, dict) and event.get("source") == "aws.s3" and "detail-type" in event


def sender(event: Any) -> str | None:
    """The service in the records of an event, such as `aws:s3`; None when there are none. SNS capitalises its field."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not (isinstance(records, list) and records and isinstance(records[0], dict)):
        return None
    name = records[0].get("eventSource") or records[0].get("EventSource")
    return name if isinstance(name, str) else None


def objects(event: Any) -> list[S3Object]:
    """The objects that were created; none for a test and for notices of anything else, such as a deletion.

    Args:
        event: a notice, parsed.

    Raises:
        BadRequest: it is no notice, or lacks what a notice has.
    """
    try:
        return [_checked(found) for found in _objects(event)]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"the notice cannot be read ({type(error).__name__}: {error}); {WANTED}") from error


def parsed(text: Any) -> Any:
    """A notice from the text that another service carries it as; raises BadRequest for text that is not JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"the message is not JSON ({error}); {WANTED}") from error


def _objects(event: Any) -> list[S3Object]:
    if is_test(event):
        return []
    if is_from_bridge(event):
        return _from_bridge(event)
    if sender(event) == "aws:s3":
        return [_from_record(one) for one in event["Records"] if _says_created(one)]
    if sender(event) == "aws:sns":
        return [found for one in event["Records"] for found in _objects(parsed(one["Sns"]["Message"]))]
    if isinstance(event, dict) and event.get("Type") == "Notification":
        return _objects(parsed(event["Message"]))
    kind = (
        f"an object with {ascii(', '.join(event)) if event else 'no fields'}"
        if isinstance(event, dict)
        else type(event).__name__
    )
    raise BadRequest(f"the message is {kind:.200}; {WANTED}")


def _checked(found: S3Object) -> S3Object:
    """Raise TypeError for names that are no text, or text that cannot be sent; S3 never writes such."""
    for name in (found.bucket, found.key):
        if not is_name(name):
            raise TypeError(f"wanted a bucket and a key, found {name!a:.100}")
    return found


def _says_created(record: Any) -> bool:
    return str(record["eventName"]).removeprefix("s3:").startswith(CREATED)


def _from_record(record: Any) -> S3Object:
    bucket, described = record["s3"]["bucket"]["name"], record["s3"]["object"]
    return S3Object(bucket, parse.unquote_plus(described["key"]), described.get("versionId"), described.get("eTag"))


def _from_bridge(event: Any) -> list[S3Object]:
    if event["detail-type"] != "Object Created":
        return []
    bucket, described = event["detail"]["bucket"]["name"], event["detail"]["object"]
    return [S3Object(bucket, described["key"], described.get("version-id"), described.get("etag"))]
