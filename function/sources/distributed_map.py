"""Items of a Step Functions distributed map over a bucket: one, or a batch.

    one item   {"bucket": "b", "Key": "a.jpg"}; an item of a listing has no bucket, the ItemSelector adds it
    a batch    {"BatchInput": {"bucket": "b"}, "Items": [{"Key": "a.jpg", ...}, ...]}

Keys are plain. What is raised fails the state, whose Retry names it and tries again.
Source: docs.aws.amazon.com/step-functions/latest/dg, input-output-itemreader and input-output-itembatcher.
"""

from typing import Any

from function.errors import BadRequest
from function.service import Service
from function.sources import s3_objects
from function.sources.s3_objects import S3Object


def matches(event: Any) -> bool:
    """A batch of items, or one item with its bucket."""
    return isinstance(event, dict) and ("Items" in event or {"bucket", "Key"} <= event.keys())


def respond(event: dict[str, Any], service: Service) -> dict[str, Any]:
    """A row for the one item, or `results` with a row for each.

    Raises:
        BadRequest: there is no bucket or no key where one is wanted.
        TransientError: an item met a fault that may pass.
        InternalError: an item met a fault of ours.
    """
    if "Items" not in event:
        return _row(event["bucket"], event, service)
    given, items = event.get("BatchInput"), event["Items"]
    bucket = given.get("bucket") if isinstance(given, dict) else None
    if not isinstance(items, list):
        raise BadRequest(f"Items is a JSON {type(items).__name__}; wanted a list")
    return {"results": [_row(_bucket(item) or bucket, item, service) for item in items]}


def _bucket(item: Any) -> Any:
    """An item's own, which an ItemSelector may have put there."""
    return item.get("bucket") if isinstance(item, dict) else None


def _row(bucket: Any, item: Any, service: Service) -> dict[str, Any]:
    key: Any = item.get("Key") if isinstance(item, dict) else None
    if not s3_objects.is_name(bucket):
        raise BadRequest(f'the bucket is {bucket!a}; wanted its name, in a batch as "BatchInput": {{"bucket": ...}}')
    if not s3_objects.is_name(key):
        raise BadRequest(f"the Key of an item is {key!a}; wanted an item as ListObjectsV2 has it")
    outcome = s3_objects.analyse(S3Object(bucket, key), service)
    if outcome.fault:
        raise outcome.fault
    return s3_objects.summary(outcome)
