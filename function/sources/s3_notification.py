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
The names of events that create no object are listed: an event with another name is refused, not acknowledged.
Source: docs.aws.amazon.com/AmazonS3/latest/userguide, notification-content-structure, ev-events,
notification-how-to-event-types-and-destinations and cloudtrail-logging-s3-info.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib import parse

from function.errors import BadRequest, FunctionError, described, kind, shown
from function.sources import object_request
from function.sources.object_request import ObjectRequest
from function.sources.s3_objects import S3Object, is_name

S3 = "aws:s3"
SNS = "aws:sns"
SQS = "aws:sqs"
CLOUDTRAIL = "AWS API Call via CloudTrail"
CLOUDTRAIL_S3 = "s3.amazonaws.com"  # eventSource
CREATED = "ObjectCreated:"
OTHER_EVENTS = (  # of S3 notifications, without the part after the colon
    "IntelligentTiering", "LifecycleExpiration", "LifecycleTransition", "ObjectAcl", "ObjectRemoved", "ObjectRestore",
    "ObjectTagging", "ReducedRedundancyLostObject", "Replication", "TestEvent",
)  # fmt: skip
OTHER_DETAIL_TYPES = (  # of EventBridge
    "Object Access Tier Changed", "Object ACL Updated", "Object Deleted", "Object Restore Completed",
    "Object Restore Expired", "Object Restore Initiated", "Object Storage Class Changed", "Object Tags Added",
    "Object Tags Deleted",
)  # fmt: skip
CREATING_CALLS = ("PutObject", "CompleteMultipartUpload", "CopyObject", "PostObject")
OTHER_CALLS = (  # of CloudTrail, about objects
    "AbortMultipartUpload", "CreateMultipartUpload", "CreateSession", "DeleteObject", "DeleteObjectTagging",
    "DeleteObjects", "GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention",
    "GetObjectTagging", "GetObjectTorrent", "HeadObject", "ListMultipartUploads", "ListObjects", "ListObjectsV2",
    "ListObjectVersions", "ListParts", "PutObjectAcl", "PutObjectLegalHold", "PutObjectLockConfiguration",
    "PutObjectRetention", "PutObjectTagging", "RestoreObject", "SelectObjectContent", "UploadPart", "UploadPartCopy",
)  # fmt: skip
BUCKET_CALLS = ("CreateBucket", "DeleteBucket", "GetBucket", "HeadBucket", "ListBucket", "PutBucket")  # beginnings
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
    """Return the service that sent the records of an event, such as `aws:s3`; None without a readable record.

    It is the first one that the function knows, so that one odd record costs the others nothing, or else the first. SNS
    writes the name of the field with a capital letter.
    """
    senders = [name for record in records(event) if isinstance(record, dict) and (name := _sender(record))]
    return next((name for name in senders if name in (S3, SNS, SQS)), senders[0] if senders else None)


def requests(event: Any) -> list[ObjectRequest | FunctionError]:
    """Return the objects that were created; none for a test and for notifications of other events, such as a deletion.

    Of several records, one that cannot be read is an error among the objects of the others.

    Args:
        event: JSON value of a notification, or of a request for objects.

    Raises:
        BadRequest: neither of them, or a field is missing.
        InvalidOption: an option of a request.
    """
    try:
        return _requests(event)
    except RecursionError as error:
        raise BadRequest(f"the message must have fewer levels of objects and arrays; {EXPECTED}") from error


def load_json(text: Any) -> Any:
    """Return the JSON value of a message of another service; raise BadRequest for text that is not JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        got = "text that is not JSON" if isinstance(text, str) and text else kind(text)
        raise BadRequest(f"the message must be JSON, got {got}; {EXPECTED}") from error


def _requests(event: Any) -> list[ObjectRequest | FunctionError]:
    service = sender(event)
    if service in (S3, SNS):
        parse_record = _from_record if service == S3 else _from_sns
        return [row for record in records(event) for row in object_request.read_each(parse_record, record)]
    if isinstance(event, dict) and not service:
        return _from_object(event)
    raise BadRequest(f"the message must be a notification, got {_shown(event)}; {EXPECTED}")


def _from_sns(record: Any) -> list[ObjectRequest | FunctionError]:
    if (sent_by := _sender(record) if isinstance(record, dict) else None) not in (None, SNS):
        raise BadRequest(f"EventSource must be {SNS} in every record, got {described(sent_by)}")
    return _requests(load_json(_get(record, "Sns.Message")))


def _from_object(event: dict[str, Any]) -> list[ObjectRequest | FunctionError]:
    """Return the objects of an event without records."""
    if _is_test(event):
        return []
    if event.get("Type") == "Notification":
        return _requests(load_json(_get(event, "Message")))
    parsers: tuple[tuple[bool, Callable[[Any], list[ObjectRequest | FunctionError]]], ...] = (
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
    if not isinstance(event, dict):
        return kind(event)
    word = "field" if len(event) == 1 else "fields"
    return f"an object with the {word} {shown(', '.join(event))}" if event else "an object without fields"


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


def _from_record(record: Any) -> list[ObjectRequest | FunctionError]:
    """Return the object of a record of S3, if it was created."""
    if (sent_by := _get(record, "eventSource")) != S3:
        raise BadRequest(f"eventSource must be {S3} in every record, got {described(sent_by)}")
    name = _get(record, "eventName")
    event_name = name.removeprefix("s3:") if isinstance(name, str) else ""
    if event_name.partition(":")[0] in OTHER_EVENTS:
        return []
    if not event_name.startswith(CREATED):
        raise BadRequest(f"eventName must be one of S3, such as {CREATED}Put, got {described(name)}")
    bucket, key = _name(record, "s3.bucket.name"), parse.unquote_plus(_name(record, "s3.object.key"))
    return [ObjectRequest(_s3_object(bucket, key, record["s3"]["object"], "versionId", "eTag"))]


def _from_eventbridge(event: Any) -> list[ObjectRequest | FunctionError]:
    detail_type = _get(event, "detail-type")
    if detail_type == CLOUDTRAIL:
        return _from_cloudtrail(_detail(event))
    if detail_type in OTHER_DETAIL_TYPES:
        return []
    if detail_type != "Object Created":
        raise BadRequest(
            f"detail-type must be one of S3, such as Object Created or {CLOUDTRAIL}, got {described(detail_type)}"
        )
    return [ObjectRequest(_described(_detail(event)))]


def _detail(event: Any) -> dict[str, Any]:
    detail = _get(event, "detail")
    if not isinstance(detail, dict):
        raise BadRequest(f"detail must be an object, got {kind(detail)}; {EXPECTED}")
    return detail


def _from_detail(detail: Any) -> list[ObjectRequest | FunctionError]:
    """Return the object of a detail without its type, unless it was deleted.

    The `s3` of a record looks the same; its key is form-encoded.
    """
    if detail.get("reason") in DELETING_REASONS or "deletion-type" in detail:
        return []
    return [ObjectRequest(_described(detail), may_be_encoded="s3SchemaVersion" in detail)]


def _described(detail: Any) -> S3Object:
    bucket, key = _name(detail, "bucket.name"), _name(detail, "object.key")
    return _s3_object(bucket, key, detail["object"], "version-id", "etag")


def _s3_object(bucket: str, key: str, fields: dict[str, Any], version_name: str, etag_name: str) -> S3Object:
    """Return an object with its version; an ETag or a sequencer that is not text only loses its use for the order."""
    etag, sequencer = (value if is_name(value) else None for value in (fields.get(etag_name), fields.get("sequencer")))
    return S3Object(bucket, key, object_request.version_id(fields.get(version_name)), etag, sequencer)


def _from_cloudtrail(detail: Any) -> list[ObjectRequest | FunctionError]:
    """Return the object of an API call that succeeded and created one."""
    call = _get(detail, "eventName")
    if call in OTHER_CALLS or (isinstance(call, str) and call.startswith(BUCKET_CALLS)):
        return []
    if call not in CREATING_CALLS:
        raise BadRequest(f"eventName must be an API call of S3, such as {CREATING_CALLS[0]}, got {described(call)}")
    if detail.get("errorCode"):
        return []
    bucket, elements = _name(detail, "requestParameters.bucketName"), detail.get("responseElements")
    has_key = _get(detail, "requestParameters.key", is_required=False)
    key = _name(detail, "requestParameters.key") if has_key else _key_in_arn(detail, bucket)
    version_id = object_request.version_id(elements.get("x-amz-version-id") if isinstance(elements, dict) else None)
    return [ObjectRequest(S3Object(bucket, key, version_id), may_be_encoded=True)]


def _key_in_arn(detail: Any, bucket: str) -> str:
    """Return the key of the object among the resources of an API call: a form upload has it only there."""
    resources = detail.get("resources")
    for resource in resources if isinstance(resources, list) else []:
        arn = resource.get("ARN") if isinstance(resource, dict) else None
        _, separator, key = str(arn).partition(f":::{bucket}/")
        if separator and key:
            return key
    raise BadRequest("the API call must have requestParameters.key or the ARN of its object in resources, got neither")


def _name(value: Any, path: str) -> str:
    """Return a field that has the name of a bucket or a key."""
    name = _get(value, path)
    if not is_name(name):
        raise BadRequest(f"{path} must be a name, got {described(name)}; {EXPECTED}")
    return str(name)


def _get(value: Any, path: str, is_required: bool = True) -> Any:
    """Return a field by the names of its levels, such as `s3.bucket.name`.

    Raises:
        BadRequest: a level is not an object, or the field is required and missing.
    """
    *parents, last = path.split(".")
    for depth, name in enumerate([*parents, last]):
        if not isinstance(value, dict):
            level = ".".join(parents[:depth]) or "the notification"
            raise BadRequest(f"{level} must be an object, got {kind(value)}; {EXPECTED}")
        if name not in value and (is_required or depth < len(parents)):
            missing = ".".join([*parents, last][: depth + 1])
            raise BadRequest(f"{missing} must be set, got {_shown(value)}; {EXPECTED}")
        value = value.get(name)
    return value
