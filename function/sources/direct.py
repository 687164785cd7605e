"""A direct invocation: the request object at the top level of the event, or under `body`."""

from typing import Any

from function.errors import BadRequest
from function.request import Request
from function.response import Result
from function.sources import answer, payload


def matches(event: Any) -> bool:
    """An object that carries a request and no envelope of a service."""
    return (
        isinstance(event, dict)
        and ("image_data" in event or "body" in event)
        and not (event.get("httpMethod") or event.get("requestContext"))
    )


def requests(event: Any) -> list[Request]:
    """The one request; raises BadRequest or InvalidOption."""
    body = event if event.get("image_data") is not None or "body" not in event else event["body"]
    if not isinstance(body, str):
        return [payload.from_object(body)]
    text: str | bytes = payload.decode_base64(body, "body") if event.get("isBase64Encoded") else body
    if not text:
        raise BadRequest(f"the body is empty; {payload.WANTED}")
    return [payload.from_json(text)]


def reply(event: Any, results: list[Result], request_id: str) -> dict[str, Any]:  # noqa: ARG001
    """The one answer, in the shape of HTTP."""
    return answer.http(results[0], request_id)
