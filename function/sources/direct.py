"""A direct invocation: the request object at the top level of the event, or under `body`."""

from typing import Any

from function.api import body, inference_routes, response
from function.errors import BadRequest
from function.service import Service
from function.settings import Settings

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
        return inference_routes.infer_response(lambda request: fields(event, request), service.tensors, service)
    return response.respond(lambda: read(event, service.settings), service)


def read(event: Any, settings: Settings) -> body.Asked:
    """What is asked for; raises FunctionError as its status says."""
    return body.from_object(fields(event, body.WANTED), settings)


def fields(event: Any, request: str) -> Any:
    """The request object, whose kind nobody has looked at; `request` says what was wanted when there is none."""
    value = event if "body" not in event or any(event.get(field) is not None for field in FIELDS) else event["body"]
    if not isinstance(value, str):
        return value
    text: str | bytes = body.decode_base64(value, "body") if event.get("isBase64Encoded") else value
    if not text:
        raise BadRequest(f"the body is empty; {request}")
    return body.parsed(text, request)
