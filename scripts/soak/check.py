"""Final check: every object has the result of its newest version, every fault was reported, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.soak.fixtures import BUCKET, RESULT_PREFIX, SoakObject
from scripts.soak.sqs_queue import DeliveryReport

FAILED = {"error", "type", "source"}  # fields of a result
DETECTED = {"detections", "detection_count", "source"}
CLASSIFIED = {"class", "class_id", "confidence", "top", "source"}


def stored(client: Any) -> dict[str, bytes]:
    """Return all objects under the result prefix, by key."""
    results: dict[str, bytes] = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=RESULT_PREFIX):
        for item in page.get("Contents", []):
            results[item["Key"]] = client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
    return results


def problems(
    objects: Sequence[SoakObject], results: Mapping[str, bytes], report: DeliveryReport, met: Mapping[str, int]
) -> Iterator[str]:
    """Yield one line for each violation.

    Args:
        objects: the objects of the bucket.
        results: the objects under the result prefix.
        report: result of the delivery.
        met: path -> number of requests that met the fault of this path.
    """
    yield from (f"{key!r} went to the dead-letter queue" for key in report.dead)
    yield from result_problems(objects, results)
    for item in objects:
        if item.fault and not met.get(item.fault_path):
            yield f"{item.key!r} did not meet its fault"
    faulty = {item.key for item in objects if item.fault}
    yield from (f"{key!r} met a fault that was not reported" for key in faulty - report.reported)
    yield from (f"{key!r} was reported without a fault" for key in report.reported - faulty)


def result_problems(objects: Sequence[SoakObject], results: Mapping[str, bytes]) -> Iterator[str]:
    """Yield one line for each object without its result, and for each result without an object."""
    extra = results.keys() - {item.result_key for item in objects}
    yield from (f"{key!r} is not the result of an object" for key in extra)
    for item in objects:
        yield from _result_problems(item, results)


def decoded(result: bytes) -> Any:
    """Return the JSON of a result; None if it is not JSON."""
    try:
        return json.loads(result)
    except ValueError:
        return None


def _result_problems(item: SoakObject, results: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the violations of one object's result: missing, wrong source or wrong fields."""
    if item.result_key not in results:
        yield f"{item.key!r} has no result"
        return
    result = decoded(results[item.result_key])
    if not isinstance(result, dict):
        yield f"{item.key!r}: the result must be a JSON object, got {results[item.result_key][:100]!r}"
        return
    source = {"bucket": BUCKET, "key": item.key, "version_id": item.version_id, "etag": item.etag}
    if result.get("source") != source:
        yield f"{item.key!r}: source must be {source}, got {result.get('source')}"
    expected = (FAILED,) if item.broken else (DETECTED, CLASSIFIED)
    if not any(fields <= result.keys() for fields in expected) or ("error" in result) != item.broken:
        yield f"{item.key!r}: unexpected fields in the result: {', '.join(result)}"
