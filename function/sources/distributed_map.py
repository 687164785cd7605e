"""Items of a Step Functions distributed map, and single objects that an event names by bucket and key.

    listing    {"bucket": "b", "Key": "a.jpg"}; an item of a listing has no bucket, the ItemSelector adds it
    inventory  {"Bucket": "b", "Key": "a%20b.jpg", "VersionId": "...", "Size": "1024"}
    CSV file   {"bucket": "b", "key": "a.jpg"}; the header names the fields
    a batch    {"BatchInput": {"bucket": "b"}, "Items": [{"Key": "a.jpg", ...}, ...]}

An input transformer of EventBridge writes `bucket` and `key` too. Other columns, also `url`, are ignored. A key is
taken as it is; if there is no such object, it is taken for URL-encoded. An exception fails the state; its Retry must
name the error, and tries again.
Source: docs.aws.amazon.com/step-functions/latest/dg, input-output-itemreader and input-output-itembatcher.
"""

from typing import Any

from function.errors import BadRequest, FunctionError, kind
from function.request import parse_options
from function.service import Service
from function.sources import direct, object_request, s3_notification, s3_objects
from function.sources.object_request import ObjectRequest


def matches(event: Any) -> bool:
    """Return whether the event is a batch of items, or one item: a bucket and a key, or one of them and no request."""
    if not isinstance(event, dict):
        return False
    if "Items" in event:
        return True
    is_other = any(field in event for field in (*direct.OTHER_SENDERS, "requestContext"))
    if is_other or s3_notification.matches(event):
        return False
    is_direct = any(field in event for field in (*direct.FIELDS, "body"))
    return object_request.is_item(event) or (object_request.names_object(event) and not is_direct)


def respond(event: dict[str, Any], service: Service) -> dict[str, Any]:
    """Return the row of one item, or `results` with a row for each item of a batch.

    Raises:
        BadRequest: the bucket or a key is missing.
        InvalidOption: an option of an item, or of the batch; the model does not have a class.
        TransientError: of an item; a retry may succeed.
        DeadlineExceeded: of an item for which no time was left; a retry may succeed.
        InternalError: of an item.

    An item that fails does not stop the others: they have their results when its error is raised.
    """
    if "Items" not in event:
        (row,) = _rows(object_request.read(event), service)
        return row
    batch_input, items = event.get("BatchInput"), event["Items"]
    if not isinstance(items, list):
        raise BadRequest(f"Items must be an array, got {kind(items)}")
    if not isinstance(batch_input, dict | None):
        raise BadRequest(f"BatchInput must be an object, got {kind(batch_input)}")
    shared = batch_input or {}
    bucket, options = object_request.value_of(shared, object_request.BUCKET), parse_options(shared)
    read_each, read = object_request.read_each, object_request.read
    return {"results": _rows([row for item in items for row in read_each(read, item, options, bucket)], service)}


def _rows(requests: list[ObjectRequest | FunctionError], service: Service) -> list[dict[str, Any]]:
    service.expect(requests)
    outcomes, errors = object_request.process_all(requests, service)
    if errors:
        raise errors[0]
    return [s3_objects.summary(outcome) for outcome in outcomes]
