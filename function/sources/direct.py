"""A direct invocation: the request object at the top level of the event, or under `body`."""

from typing import Any

from function.errors import BadRequest
from function.request import Request
from function.sources import answer, payload
from function.sources.service import Service


def matches(event: Any) -> bool:
    """An object that carries a request and no envelope of a service."""
    return (
        isinstance(event, dict)
        and ("image_data" in event or "body" in event)
        and not (event.get("httpMethod") or event.get("requestContext"))
    )


def respond(event: Any, service: Service) -> dict[str, Any]:
    """The one answer, in the shape of HTTP."""
    return answer.http(service.answer(lambda: request(event)), service.request_id)


def request(event: Any) -> Request:
    """The one request; raises BadRequest or InvalidOption."""
    body = event if event.get("image_data") is not None or "body" not in event else event["body"]
    if not isinstance(body, str):
        return payload.from_object(body)
    text: str | bytes = payload.decode_base64(body, "body") if event.get("isBase64Encoded") else body
    if not text:
        raise BadRequest(f"the body is empty; {payload.WANTED}")
    return payload.from_json(text)
