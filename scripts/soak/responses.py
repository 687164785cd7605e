"""Check of one response of the mixed soak test: its form, its status, and the results of its images."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scripts.local_lambda.invocation import Invocation
from scripts.soak.calls import Call, Item
from scripts.soak.fixtures import BUCKET

STATUS = {
    "BadRequest": 400, "Unauthorized": 401, "NotFound": 404, "NotAcceptable": 406, "TooLarge": 413,
    "UnsupportedImage": 415, "InvalidOption": 422, "TransientError": 503, "DeadlineExceeded": 503,
}  # fmt: skip
STARTS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG"}  # of the bytes of an image
DESCRIBED = {  # form of a response -> fields that it must have, among others
    "openapi": {"openapi", "info", "servers", "paths", "components"},
    "model": {"task", "names", "imgsz", "sha256", "versions"},
    "upload": {"url", "fields", "s3", "expires_in", "max_bytes"},
}
VARYING = ("timing_ms", "image_name", "ignored", "source")  # fields that depend on the request
READING_TIME = "latency_ms"  # of a reading
MAX_SHOWN = 300  # characters of a response in a problem

References = Mapping[str, Any]  # name of an image -> its result without the varying fields


def result(body: Any) -> Any:
    """Return the part of a response that must be the same for the same image."""
    if not isinstance(body, dict):
        return body
    same = {name: value for name, value in body.items() if name not in VARYING}
    if isinstance(same.get("detections"), list):
        same["detections"] = [_without_time(detection) for detection in same["detections"]]
    return same


def _without_time(detection: Any) -> Any:
    """Return a detection without the time of its reading."""
    if not (isinstance(detection, dict) and isinstance(detection.get("reading"), dict)):
        return detection
    reading = {name: value for name, value in detection["reading"].items() if name != READING_TIME}
    return {**detection, "reading": reading}


def body_of(response: Any) -> Any:
    """Return the decoded body of an HTTP response.

    Raises:
        ValueError: it is not JSON, or it is no HTTP response.
    """
    if not isinstance(response, dict) or not isinstance(response.get("body"), str):
        raise ValueError("no HTTP response with a body")
    return json.loads(response["body"])


def problems(call: Call, invocation: Invocation, references: References) -> Iterator[str]:
    """Yield one line for each violation.

    Args:
        call: the invocation and the response that it must get.
        invocation: what it got.
        references: the results of all images.
    """
    if call.form == "raised":
        error = (invocation.error or {}).get("errorType")
        if error not in call.error:
            yield f"{call.source}: must raise {' or '.join(call.error)}, got {_shown(invocation)}"
        return
    if invocation.error:
        yield f"{call.source}: must return a response, got {_shown(invocation)}"
        return
    try:
        found = list(CHECKS[call.form](call, invocation.response, references))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        found = [f"unexpected form of the response ({error!r})"]
    yield from (f"{call.source}: {problem}, got {_shown(invocation)}" for problem in found)


def _http(call: Call, response: Any, references: References) -> Iterator[str]:
    (item,) = call.items
    yield from _status(response, item.error)
    yield from _body(item, body_of(response), references)


def _images(call: Call, response: Any, references: References) -> Iterator[str]:
    yield from _status(response, ())
    rows = body_of(response)["results"]
    for item, row in zip(call.items, rows, strict=True):
        yield from _body(item, row, references)


def _refused(call: Call, response: Any, _: References) -> Iterator[str]:
    yield from _status(response, call.error)
    yield from _error(call.error, body_of(response))


def _health(_: Call, response: Any, __: References) -> Iterator[str]:
    yield from _status(response, ())
    if body_of(response) != {"status": "ok"}:
        yield "the health check must be ok"


def _described(call: Call, response: Any, _: References) -> Iterator[str]:
    yield from _status(response, ())
    missing = DESCRIBED[call.form] - body_of(response).keys()
    if missing:
        yield f"the object must have {', '.join(sorted(missing))}"


def _html(_: Call, response: Any, __: References) -> Iterator[str]:
    yield from _status(response, ())
    is_html = _content_type(response).startswith("text/html")
    if not (is_html and response["body"].lower().startswith("<!doctype html>")):
        yield "the response must be a page"


def _annotated(call: Call, response: Any, references: References) -> Iterator[str]:
    (item,) = call.items
    body = body_of(response)
    if not item.error:
        image = body.pop("annotated_image")
        if not base64.b64decode(image["data"]).startswith(STARTS[image["content_type"]]):
            yield "annotated_image must be an image"
    yield from _status(response, item.error)
    yield from _body(item, body, references)


def _image(call: Call, response: Any, references: References) -> Iterator[str]:
    """Yield the violations of a response that is an image in place of JSON; its errors are JSON."""
    (item,) = call.items
    if item.error:
        yield from _http(call, response, references)
        return
    yield from _status(response, ())
    if _content_type(response) != call.form or not base64.b64decode(response["body"]).startswith(STARTS[call.form]):
        yield f"the response must be {call.form}"


def _warm(_: Call, response: Any, __: References) -> Iterator[str]:
    if response != {"warm": True}:
        yield "a warm-up must return {'warm': True}"


def _rows(call: Call, response: Any, references: References) -> Iterator[str]:
    for item, row in zip(call.items, response["results"], strict=True):
        yield from _object_row(item, row, references)


def _row(call: Call, response: Any, references: References) -> Iterator[str]:
    yield from _object_row(call.items[0], response, references)


def _batch(call: Call, response: Any, _: References) -> Iterator[str]:
    expected = [item.key for item in call.items if item.is_reported]
    reported = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
    if set(response) != {"batchItemFailures"} or reported != expected:
        yield f"batchItemFailures must name {expected}"


def _tasks(call: Call, response: Any, _: References) -> Iterator[str]:
    for item, task in zip(call.items, response["results"], strict=True):
        permanent = "PermanentFailure" if item.error else "Succeeded"
        expected = "TemporaryFailure" if item.is_reported else permanent
        if (task["taskId"], task["resultCode"]) != (item.key, expected):
            yield f"the task {item.key!r} must be {expected}"
        if item.error and task["resultString"].partition(":")[0] not in item.error:
            yield f"the task {item.key!r} must name {' or '.join(item.error)}"


CHECKS: Mapping[str, Callable[[Call, Any, References], Iterator[str]]] = {
    "http": _http, "images": _images, "refused": _refused, "health": _health, "warm": _warm, "rows": _rows,
    "row": _row, "batch": _batch, "tasks": _tasks, "html": _html, "annotated": _annotated,
    **dict.fromkeys(DESCRIBED, _described), **dict.fromkeys(STARTS, _image),
}  # fmt: skip


def _content_type(response: Any) -> str:
    """Return the content type of a response, also of one with lists of headers."""
    if "multiValueHeaders" in response:
        return str(response["multiValueHeaders"]["Content-Type"][0])
    return str(response["headers"]["Content-Type"])


def _status(response: Any, error: tuple[str, ...]) -> Iterator[str]:
    expected = {STATUS[name] for name in error} or {200}
    if response["statusCode"] not in expected:
        yield f"the status must be {' or '.join(map(str, sorted(expected)))}"


def _body(item: Item, body: Any, references: References) -> Iterator[str]:
    """Yield the violations of the result of one image."""
    if item.error:
        yield from _error(item.error, body)
    elif result(body) != references[item.image.name]:
        yield f"{item.image.name}: the result differs from the first one"


def _error(expected: tuple[str, ...], body: Any) -> Iterator[str]:
    if body.get("type") not in expected or not isinstance(body.get("error"), str):
        yield f"the error must be {' or '.join(expected)}"


def _object_row(item: Item, row: Any, references: References) -> Iterator[str]:
    """Yield the violations of the row of one object."""
    reference = references.get(item.image.name, {})
    if row["key"] != item.key:
        yield f"the row must have the key {item.key!r}"
    if item.error:
        yield from _error(item.error, row)
        return
    if row["result"] != f"s3://{BUCKET}/{item.stored.result_key}":
        yield f"{item.key!r}: the row must name its result"
    for field in ("detection_count", "class"):
        if row.get(field) != reference.get(field):
            yield f"{item.key!r}: {field} must be {reference.get(field)}"


def _shown(invocation: Invocation) -> str:
    value = invocation.error or invocation.response
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
