"""The count afterwards: every object has one result, every fault was reported, nothing is lost and nothing is extra."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.soak.fixtures import BUCKET, RESULT_PREFIX, Placed
from scripts.soak.sqs_queue import Delivered

FAILED = {"error", "type", "source"}  # fields of a result
DETECTED = {"detections", "detection_count", "source"}
CLASSIFIED = {"class", "class_id", "confidence", "top", "source"}


def stored(client: Any) -> dict[str, bytes]:
    """Everything that lies under the prefix of the results."""
    found: dict[str, bytes] = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=RESULT_PREFIX):
        for item in page.get("Contents", []):
            found[item["Key"]] = client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
    return found


def problems(
    objects: Sequence[Placed], results: Mapping[str, bytes], done: Delivered, met: Mapping[str, int]
) -> Iterator[str]:
    """What is not as it has to be, one line each.

    Args:
        objects: what lay in the bucket.
        results: what lies under the prefix of the results.
        done: what the queue saw.
        met: path -> requests that met their fault.
    """
    yield from (f"{key!r} went to the dead-letter queue" for key in done.dead)
    yield from (f"{key!r} is no object's result" for key in results.keys() - {one.result_key for one in objects})
    for one in objects:
        yield from _of_object(one, results)
        if one.fault and not met.get(one.fault_path):
            yield f"{one.key!r} did not meet its fault"
    faulty = {one.key for one in objects if one.fault}
    yield from (f"{key!r} met a fault that was not reported" for key in faulty - done.reported)
    yield from (f"{key!r} was reported without a fault" for key in done.reported - faulty)


def _of_object(one: Placed, results: Mapping[str, bytes]) -> Iterator[str]:
    if one.result_key not in results:
        yield f"{one.key!r} has no result"
        return
    left = json.loads(results[one.result_key])
    source = {"bucket": BUCKET, "key": one.key, "version_id": None, "etag": one.etag}
    if left.get("source") != source:
        yield f"{one.key!r}: the result's source is {left.get('source')}"
    wanted = (FAILED,) if one.broken else (DETECTED, CLASSIFIED)
    if not any(fields <= left.keys() for fields in wanted) or ("error" in left) != one.broken:
        yield f"{one.key!r}: the result has {', '.join(left)}"
