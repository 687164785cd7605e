"""A direct invocation: the request object at the top level of the event, or under `body`."""

from typing import Any

from function.errors import BadRequest
from function.settings import Settings
from function.sources import answer, inferring, payload
from function.sources.service import Service

FIELDS = ("image_data", "url", "s3", "images", "inputs")


def matches(event: Any) -> bool:
    """An object that carries a request and no envelope of a service."""
    return (
        isinstance(event, dict)
        and any(field in event for field in (*FIELDS, "body"))
        and not (event.get("httpMethod") or event.get("requestContext"))
    )


def respond(event: Any, service: Service) -> dict[str, Any]:
    """The answer, in the shape of HTTP."""
    if service.tensors:
        return inferring.answered(lambda request: fields(event, request), service.tensors, service)
    return answer.respond(lambda: read(event, service.settings), service)


def read(event: Any, settings: Settings) -> payload.Asked:
    """What is asked for; raises FunctionError as its status says."""
    return payload.from_object(fields(event, payload.WANTED), settings)


def fields(event: Any, request: str) -> Any:
    """The request object, whose kind nobody has looked at; `request` says what was wanted when there is none."""
    body = event if "body" not in event or any(event.get(field) is not None for field in FIELDS) else event["body"]
    if not isinstance(body, str):
        return body
    text: str | bytes = payload.decode_base64(body, "body") if event.get("isBase64Encoded") else body
    if not text:
        raise BadRequest(f"the body is empty; {request}")
    return payload.parsed(text, request)
