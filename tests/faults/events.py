"""One event of each source about two objects, and the outcome of the object with a fault."""

import json
from collections.abc import Callable
from typing import Any

from function.errors import FunctionError
from tests.support.lambda_context import LambdaContext

BUCKET = "photos"
KEYS = ("in/faulty.png", "in/last.png")
FAULTY = KEYS[0]
Handle = Callable[..., Any]


def event(source: str) -> Any:
    """Return the event of a source; that of a request over HTTP names the faulty object only."""
    return {
        "http": {"s3": f"s3://{BUCKET}/{FAULTY}"},
        "s3": {"Records": [_record(key) for key in KEYS]},
        "sqs": {
            "Records": [
                {"messageId": key, "eventSource": "aws:sqs", "body": json.dumps({"Records": [_record(key)]})}
                for key in KEYS
            ]
        },
        "s3_batch": {
            "invocationSchemaVersion": "2.0",
            "invocationId": "id",
            "job": {},
            "tasks": [{"taskId": key, "s3Bucket": BUCKET, "s3Key": key} for key in KEYS],
        },
        "distributed_map": {"BatchInput": {"bucket": BUCKET}, "Items": [{"Key": key} for key in KEYS]},
    }[source]


def outcome(source: str, handle: Handle, client: Any, seconds: float) -> str:
    """Handle the event of a source and return the outcome of the faulty object, as the fault table states it."""
    try:
        response = handle(event(source), LambdaContext(seconds))
    except FunctionError as error:
        assert error_or_none(client) is None, "an object whose event failed has a result"
        return f"raises `{type(error).__name__}`"
    return {"http": _http, "sqs": _sqs, "s3_batch": _s3_batch}.get(source, _written)(response, client)


def result(client: Any, key: str) -> Any:
    """Return the result of an object; None if there is none."""
    try:
        return json.load(client.get_object(Bucket=BUCKET, Key=f"results/{key}.json")["Body"])
    except client.exceptions.NoSuchKey:
        return None


def error_or_none(client: Any) -> Any:
    return result(client, FAULTY)


def is_prediction(written: Any) -> bool:
    """Return whether a result is that of the image with one red box."""
    return bool(written) and [box["class_name"] for box in written.get("detections", [])] == ["red"]


def _record(key: str) -> dict[str, Any]:
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key}},
    }


def _http(response: Any, client: Any) -> str:
    body = json.loads(response["body"])
    status = response["statusCode"]
    return f"{status} `{body['type']}`" if "type" in body else f"{status}" if is_prediction(body) else str(body)


def _sqs(response: Any, client: Any) -> str:
    failed = [item["itemIdentifier"] for item in response["batchItemFailures"]]
    if not failed:
        return _written(response, client)
    assert FAULTY in failed
    assert result(client, FAULTY) is None
    return "message fails"


def _s3_batch(response: Any, client: Any) -> str:
    codes = {row["taskId"]: row["resultCode"] for row in response["results"]}
    assert all(is_prediction(result(client, key)) == (code == "Succeeded") for key, code in codes.items())
    return f"`{codes[FAULTY]}`"


def _written(response: Any, client: Any) -> str:
    written = result(client, FAULTY)
    return "result" if is_prediction(written) else f"error result `{written['type']}`"
