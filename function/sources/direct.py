"""Direct invocation: the request is the event itself, or under `body`."""

from typing import TYPE_CHECKING, Any

from function.api import body, inference_routes, response
from function.api.body import ParsedBody
from function.errors import BadRequest
from function.loading import decode_base64
from function.service import Service
from function.settings import Settings

if TYPE_CHECKING:
    from function.tensors.signature import Signature

FIELDS = ("image_data", "url", "s3", "images", "inputs")


def matches(event: Any) -> bool:
    """Return whether the event is an object with a request and without the envelope of an HTTP front end."""
    return (
        isinstance(event, dict)
        and any(field in event for field in (*FIELDS, "body"))
        and not (event.get("httpMethod") or event.get("requestContext"))
    )


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return the response in the form of an HTTP response."""
    if service.signature:
        return inference_routes.infer_response(service.guard(_read_tensors, event, service.signature), service)
    return response.respond(service.guard(read, event, service.settings), service)


def read(event: Any, settings: Settings) -> ParsedBody:
    """Parse the images and options of an event.

    Raises:
        FunctionError: the request is not in one of the supported forms.
    """
    return body.parse(_fields(event, body.EXPECTED), settings)


def _read_tensors(event: Any, signature: "Signature") -> Any:
    return _fields(event, inference_routes.expected_body(signature))


def _fields(event: Any, expected: str) -> Any:
    """Return the JSON value of the request, of any type; `expected` ends the error message if there is none."""
    value = event if "body" not in event or any(event.get(field) is not None for field in FIELDS) else event["body"]
    if not isinstance(value, str):
        return value
    text: str | bytes = decode_base64(value, "body") if event.get("isBase64Encoded") else value
    if not text:
        raise BadRequest(f"body must not be empty; {expected}")
    return body.load_json(text, expected)
