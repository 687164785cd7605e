"""The documented form of the response of every source (docs/api.md, docs/events.md)."""

import base64
import gzip
import http
import io
import math
from typing import Any

from PIL import Image

from function import errors
from function.errors import FunctionError
from function.sources import front_ends
from tests.fuzz.verdict import require, strict_json

MAX_RESPONSE_BYTES = 6 * 1024 * 1024
LISTED_ERRORS = {
    name: kind.status
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, FunctionError) and kind is not FunctionError
}
STATUSES = {200, 204, 304, *LISTED_ERRORS.values()}
NO_BODY = (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED)
ANNOTATED = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG"}  # media types of a response
TASK_FIELDS = {"segments", "mask", "keypoints", "rotated_box", "corners"}
RESULT_CODES = {"Succeeded", "TemporaryFailure", "PermanentFailure"}
MAX_RESULT_CHARS = 1024
MAX_READING_CHARS = 1000


def direct_response(event: Any, value: Any) -> None:
    """Check the response to a direct invocation or to an unknown event."""
    _check_http(event, value, None)


def http_response(event: Any, value: Any) -> None:
    """Check the response of an HTTP front end."""
    _check_http(event, value, front_ends.find(event))


def _check_http(event: Any, value: Any, front_end: front_ends.FrontEnd | None) -> None:
    require(isinstance(value, dict), "response must be an object, got", value)
    has_lists = front_end is front_ends.LOAD_BALANCER and "multiValueHeaders" in event
    expected = {"statusCode", "multiValueHeaders" if has_lists else "headers", "body", "isBase64Encoded"}
    if front_end in (front_ends.LOAD_BALANCER, front_ends.LATTICE):
        expected.add("statusDescription")
        status = http.HTTPStatus(value["statusCode"])
        require(value.get("statusDescription") == f"{status.value} {status.phrase}", "statusDescription:", value)
    require(set(value) == expected, "fields of a response:", set(value), expected)
    require(value["statusCode"] in STATUSES, "status:", value["statusCode"])
    headers = value["multiValueHeaders"] if has_lists else value["headers"]
    _check_headers(headers, has_lists)
    content_type, coding = (_header(headers, name) for name in ("Content-Type", "Content-Encoding"))
    is_image = content_type in ANNOTATED
    require(value["isBase64Encoded"] is (coding == "gzip" or is_image), "isBase64Encoded:", value["isBase64Encoded"])
    if value["statusCode"] in NO_BODY or (front_end and _method(event) == "HEAD"):
        require(value["body"] == "", "a response without content has a body:", value["body"])
        return
    require(len(value["body"].encode()) < MAX_RESPONSE_BYTES, "bytes of a response:", len(value["body"]))
    if is_image:
        require(value["statusCode"] == http.HTTPStatus.OK, "status of an image:", value["statusCode"])
        require(base64.b64decode(value["body"]).startswith(ANNOTATED[content_type]), "an image:", value["body"][:20])
        return
    if content_type.startswith("text/html"):
        html = gzip.decompress(base64.b64decode(value["body"])).decode() if coding else value["body"]
        require(html.lower().startswith("<!doctype html>"), "a page:", html[:80])
        return
    body = strict_json(value["body"])
    if value["statusCode"] == http.HTTPStatus.OK:
        http_body(body)
    else:
        error_row(body)
        require(LISTED_ERRORS[body["type"]] == value["statusCode"], "status and type:", value)


def _header(headers: dict[str, Any], name: str) -> str:
    value = headers.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def http_body(body: Any) -> None:
    """Check the JSON object of a response with status 200."""
    require(isinstance(body, dict), "body must be an object, got", body)
    if "results" in body:
        for row in body["results"]:
            error_row(row) if "error" in row else prediction(row)
    elif "outputs" in body and "model_name" in body:
        for output in body["outputs"]:
            _check_tensor(output)
    elif "image_dimensions" in body:
        prediction(body)
    elif "fields" in body:
        upload_form(body)
    elif "openapi" in body:
        require({"info", "servers", "paths", "components"} <= set(body), "fields of a document:", set(body))
    elif "task" in body:
        versions = {"function", "python", "onnxruntime", "numpy", "pillow"}
        require({"sha256", "versions"} <= set(body) and set(body["versions"]) == versions, "GET /model:", body)
    else:  # health, readiness and metadata
        known = {
            "status",
            "live",
            "ready",
            "name",
            "version",
            "extensions",
            "versions",
            "platform",
            "inputs",
            "outputs",
        }
        require(set(body) <= known, "fields of a body:", body)


def upload_form(body: dict[str, Any]) -> None:
    """Check the form of an upload: its key, and the reference to the same key."""
    fields = {"url", "fields", "s3", "expires_in", "max_bytes"}
    require(set(body) - {"ignored"} == fields and body.get("ignored") != [], "fields of a form:", set(body))
    require(body["s3"].endswith(f"/{body['fields']['key']}"), "s3 and key:", body["s3"], body["fields"])
    require(body["fields"]["key"].startswith("uploads/"), "key:", body["fields"])
    require(body["fields"]["Content-Type"].startswith("image/"), "content type:", body["fields"])


def prediction(body: dict[str, Any]) -> None:
    """Check the result of one image."""
    sides = body["image_dimensions"]
    if "annotated_image" in body:
        annotated_image(body["annotated_image"])
    require(sides["width"] > 0 and sides["height"] > 0, "image_dimensions:", sides)
    if "top" in body:
        for row in body["top"]:
            require(isinstance(row["confidence"], float) and isinstance(row["class"], str), "a row of top:", row)
        return
    if "semantic" in body or "depth" in body:
        _check_map(body)
        return
    require(body["detection_count"] == len(body["detections"]), "detection_count:", body["detection_count"])
    for detection in body["detections"]:
        require(isinstance(detection["confidence"], float), "confidence:", detection)
        require(isinstance(detection["class_name"], str), "class_name:", detection)
        if "reading" in detection:
            require(isinstance(body["message"], str) and body["message"].isprintable(), "message:", body["message"])
            _check_reading(detection["reading"])
        if "mask" in detection:
            _check_run_lengths(detection["mask"], sides)


def _check_map(body: dict[str, Any]) -> None:
    """Check the map of an image: its PNG has the size of the image, and all classes are pixels of it."""
    field = body["depth"] if "depth" in body else body["semantic"]
    with Image.open(io.BytesIO(base64.b64decode(field["map"]["png"]))) as opened:
        require(opened.mode == ("I;16" if "depth" in body else "P"), "mode of a map:", opened.mode)
        size = {"width": opened.width, "height": opened.height}
    require(size == body["image_dimensions"] and "reduced" not in field["map"], "size of a map:", size)
    if "depth" in body:
        require(field["min"] <= field["max"], "distances:", field["min"], field["max"])
    else:
        shares = [row["share"] for row in field["classes"]]
        require(sum(shares) <= 1.001 and shares == sorted(shares, reverse=True), "shares:", shares)


def annotated_image(field: dict[str, Any]) -> None:
    """Check the field `annotated_image` of a response: an image, or an error."""
    if "error" in field:
        require(set(field) == {"error", "type"}, "fields of an error:", set(field))
        error_row(field)
        return
    known = {"content_type", "width", "height", "data", "reduced"}
    require(known - {"reduced"} <= set(field) <= known, "fields of an annotated image:", set(field))
    with Image.open(io.BytesIO(base64.b64decode(field["data"], validate=True))) as opened:
        require(opened.size == (field["width"], field["height"]), "size:", opened.size, field["width"], field["height"])
        require(opened.format == field["content_type"].partition("/")[2].upper(), "format:", opened.format)
    reduced = field.get("reduced", {"scale": 1})
    require(reduced and all(math.isfinite(value) and value > 0 for value in reduced.values()), "reduced:", reduced)


def error_row(body: Any) -> None:
    """Check an error: its message, its type, and the request id if a caller reads it."""
    require(isinstance(body, dict) and {"error", "type"} <= set(body), "fields of an error:", body)
    require(isinstance(body["error"], str) and body["error"], "message of an error:", body)
    require(body["type"] in LISTED_ERRORS, "type of an error:", body["type"])


def s3_response(event: Any, value: Any) -> None:
    """Check the response to a notification."""
    require(isinstance(value, dict) and set(value) == {"results"}, "response:", value)
    for row in value["results"]:
        object_row(row)


def object_row(row: Any) -> None:
    """Check the row of one object."""
    require(isinstance(row, dict) and isinstance(row.get("key"), str), "row of an object:", row)
    rest = set(row) - {"key"}
    forms = (
        {"skipped"}, {"error", "type"}, {"class", "result"}, {"detection_count", "result"}, {"classes", "result"},
        {"min", "max", "result"},
    )  # fmt: skip
    require(rest in forms, "row of an object:", row)


def sqs_response(event: Any, value: Any) -> None:
    """Check the failures of a batch: each is a message of the event, in its order and at most once."""
    require(isinstance(value, dict) and set(value) == {"batchItemFailures"}, "response:", value)
    messages = event["Records"] if isinstance(event, dict) else event
    ids = [message.get("messageId") for message in messages if isinstance(message, dict)]
    failed = [row["itemIdentifier"] for row in value["batchItemFailures"]]
    positions = iter(ids)
    require(all(any(name == known for known in positions) for name in failed), "batchItemFailures:", failed, ids)


def s3_batch_response(event: Any, value: Any) -> None:
    """Check the results of a job of S3 Batch Operations: one for each task, with its id."""
    require(isinstance(value, dict), "response:", value)
    fields = {"invocationSchemaVersion", "treatMissingKeysAs", "invocationId", "results"}
    require(set(value) == fields, "fields of a response:", value)
    require(value["invocationId"] == event["invocationId"], "invocationId:", value)
    require(value["treatMissingKeysAs"] == "PermanentFailure", "treatMissingKeysAs:", value)
    ids = [row["taskId"] for row in value["results"]]
    require(ids == [task["taskId"] for task in event["tasks"]], "task ids:", ids)
    for row in value["results"]:
        require(set(row) == {"taskId", "resultCode", "resultString"}, "fields of a result:", row)
        require(row["resultCode"] in RESULT_CODES, "resultCode:", row)
        require(len(row["resultString"]) <= MAX_RESULT_CHARS, "resultString:", row)


def map_response(event: Any, value: Any) -> None:
    """Check the response to an item or a batch of items of a distributed map."""
    if "Items" not in event:
        object_row(value)
        return
    require(isinstance(value, dict) and set(value) == {"results"}, "response:", value)
    require(len(value["results"]) >= len(event["Items"]), "rows of a batch:", value, event)
    for row in value["results"]:
        object_row(row)


def warmup_response(event: Any, value: Any) -> None:
    """Check the response to a warm-up event."""
    require(value == {"warm": True}, "response:", value)


def stored_result(data: bytes) -> None:
    """Check the JSON of a result in S3."""
    body = strict_json(data.decode())
    require(isinstance(body, dict) and {"bucket", "key"} <= set(body.get("source", ())), "source of a result:", body)
    if "error" in body:
        error_row(body)
    else:
        prediction(body)
        require("timing_ms" not in body, "a stored result has times:", body)


FORMS = {  # name of a source -> the documented form of its response
    "direct": direct_response,
    "http": http_response,
    "s3": s3_response,
    "sqs": sqs_response,
    "s3_batch": s3_batch_response,
    "distributed_map": map_response,
    "warmup": warmup_response,
    "unknown": direct_response,
}


def _method(event: Any) -> str:
    return front_ends.parse(event).method


def _check_headers(headers: Any, has_lists: bool) -> None:
    require(isinstance(headers, dict), "headers:", headers)
    for name, value in headers.items():
        values = value if has_lists else [value]
        require(isinstance(name, str) and isinstance(values, list), "a header:", name, value)
        for text in values:
            is_safe = isinstance(text, str) and text.isprintable() and text.isascii()
            require(is_safe, "the value of a header must be printable ASCII, got", name, text)


def _check_tensor(output: Any) -> None:
    require(set(output) == {"name", "shape", "datatype", "data"}, "fields of an output:", set(output))
    count = 1
    for size in output["shape"]:
        count *= size
    require(count == len(output["data"]), "shape and data of an output:", output["shape"], len(output["data"]))


def _check_reading(reading: dict[str, Any]) -> None:
    """Check that a reading is a line of text or an error of Bedrock or of the crop."""
    if "error" in reading:
        error_row(reading)
        require(reading["type"] != "InternalError", "a reading failed for an unknown reason:", reading)
        return
    require(set(reading) == {"text", "model", "latency_ms"}, "fields of a reading:", reading)
    require(0 < len(reading["text"]) <= MAX_READING_CHARS and reading["text"].isprintable(), "text:", reading)


def _check_run_lengths(mask: Any, sides: dict[str, int]) -> None:
    """Check that the run lengths of a mask cover the image exactly."""
    require(mask["size"] == [sides["height"], sides["width"]], "size of a mask:", mask["size"], sides)
    counts = decode_counts(mask["counts"])
    require(all(count >= 0 for count in counts), "a negative run length:", counts)
    require(all(count > 0 for count in counts[1:]), "a run length of 0:", counts)
    require(sum(counts) == sides["width"] * sides["height"], "the sum of the run lengths:", sum(counts), sides)


def decode_counts(text: str) -> list[int]:
    """Return the run lengths of COCO's compressed text.

    Source: the COCO API, common/maskApi.c `rleFrString`.
    """
    counts: list[int] = []
    position = 0
    while position < len(text):
        number, shift, more = 0, 0, True
        while more:
            code = ord(text[position]) - 48
            number |= (code & 0x1F) << shift
            more, shift, position = bool(code & 0x20), shift + 5, position + 1
            if not more and code & 0x10:
                number |= -1 << shift
        counts.append(number + counts[-2] if len(counts) > 2 else number)
    return counts
