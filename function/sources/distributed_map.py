"""Items of a Step Functions distributed map over a bucket: one item, or a batch.

    one item   {"bucket": "b", "Key": "a.jpg"}; an item of a listing has no bucket, the ItemSelector adds it
    a batch    {"BatchInput": {"bucket": "b"}, "Items": [{"Key": "a.jpg", ...}, ...]}

Keys are plain. An exception fails the state; its Retry must name the error, and tries again.
Source: docs.aws.amazon.com/step-functions/latest/dg, input-output-itemreader and input-output-itembatcher.
"""

from typing import Any

from function.errors import BadRequest, kind
from function.service import Service
from function.sources import s3_objects
from function.sources.s3_objects import S3Object


def matches(event: Any) -> bool:
    """Return whether the event is a batch of items, or one item with its bucket."""
    return isinstance(event, dict) and ("Items" in event or {"bucket", "Key"} <= event.keys())


def respond(event: dict[str, Any], service: Service) -> dict[str, Any]:
    """Return the row of one item, or `results` with a row for each item of a batch.

    Raises:
        BadRequest: the bucket or a key is missing.
        TransientError: of an item; a retry may succeed.
        InternalError: of an item.
    """
    if "Items" not in event:
        return _row(event["bucket"], event, service)
    batch_input, items = event.get("BatchInput"), event["Items"]
    bucket = batch_input.get("bucket") if isinstance(batch_input, dict) else None
    if not isinstance(items, list):
        raise BadRequest(f"Items must be an array, got {kind(items)}")
    return {"results": [_row(_bucket(item) or bucket, item, service) for item in items]}


def _bucket(item: Any) -> Any:
    """Return the bucket of an item, which an ItemSelector can add."""
    return item.get("bucket") if isinstance(item, dict) else None


def _row(bucket: Any, item: Any, service: Service) -> dict[str, Any]:
    key: Any = item.get("Key") if isinstance(item, dict) else None
    if not s3_objects.is_name(bucket):
        raise BadRequest(f'bucket must be a name, in a batch as "BatchInput": {{"bucket": ...}}, got {bucket!a}')
    if not s3_objects.is_name(key):
        raise BadRequest(f"Key must be the key of an object, as in ListObjectsV2, got {key!a}")
    outcome = s3_objects.process(S3Object(bucket, key), service)
    if outcome.failure:
        raise outcome.failure
    return s3_objects.summary(outcome)
