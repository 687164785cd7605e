"""Direct invocation: the request is the event itself, or under `body`."""

from typing import TYPE_CHECKING, Any
from urllib import parse as urls

from function.api import body, inference_routes, response
from function.api.body import ParsedBody
from function.errors import BadRequest
from function.service import Service
from function.settings import Settings
from function.sources import front_ends, object_request

if TYPE_CHECKING:
    from function.tensors.signature import Signature

FIELDS = ("image_data", "url", "s3", "images", "inputs")
OTHER_SENDERS = ("Records", "eventSource", "detail-type")  # fields of records and events; a record of S3 has s3 too
ENVELOPE = (  # of a test event in the form of a front end
    "body",
    "cookies",
    "headers",
    "httpMethod",
    "isBase64Encoded",
    "multiValueHeaders",
    "multiValueQueryStringParameters",
    "path",
    "pathParameters",
    "queryStringParameters",
    "rawPath",
    "rawQueryString",
    "requestContext",
    "resource",
    "routeKey",
    "stageVariables",
    "version",
)


def matches(event: Any) -> bool:
    """Return whether the event is an object with a request and without the envelope of an HTTP front end."""
    return (
        isinstance(event, dict)
        and any(field in event for field in (*FIELDS, "body"))
        and not (event.get("httpMethod") or event.get("requestContext") or "raw_path" in event)
        and not any(field in event for field in OTHER_SENDERS)
        and not object_request.is_item(event)
    )


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return the response in the form of an HTTP response."""
    if service.signature:
        fields = service.guard(_read_tensors, event, service.signature, service.settings)
        return inference_routes.infer_response(fields, service)
    return response.respond(service.guard(read, event, service.settings), service)


def read(event: Any, settings: Settings) -> ParsedBody:
    """Parse the images and options of an event.

    Raises:
        FunctionError: the request is not in one of the supported forms.
    """
    fields = _fields(event, body.EXPECTED, settings, takes_images=True)
    outside = {} if fields is event else _fields_beside_body(event)
    return body.parse_bytes(fields, outside) if isinstance(fields, bytes) else body.parse(fields, settings, outside)


def _fields_beside_body(event: dict[str, Any]) -> dict[str, Any]:
    """Return what an event has beside its body, without the parts of the envelope of an HTTP front end."""
    beside = {name: value for name, value in event.items() if name not in ENVELOPE and name not in FIELDS}
    query = front_ends.query(event)
    if not query and isinstance(event.get("rawQueryString"), str):
        for name, value in urls.parse_qsl(event["rawQueryString"]):
            query[name] = f"{query[name]},{value}" if name in query else value
    return beside | query


def _read_tensors(event: Any, signature: "Signature", settings: Settings) -> Any:
    return _fields(event, inference_routes.expected_body(signature), settings)


def _fields(event: Any, expected: str, settings: Settings, takes_images: bool = False) -> Any:
    """Return the JSON value of the request, of any type, or the bytes of an image that is the body in base64.

    Args:
        event: of any form.
        expected: the end of the error message if there is no JSON value.
        settings: the limit of a compressed body.
        takes_images: of the model.
    """
    value = event if "body" not in event or any(event.get(field) is not None for field in FIELDS) else event["body"]
    if not isinstance(value, str):
        return value
    coding = front_ends.headers(event).get("content-encoding")
    is_base64 = bool(event.get("isBase64Encoded"))
    text = body.decode(value, is_base64, coding, settings.max_object_bytes, settings.memory_mb)
    if not text:
        raise BadRequest(f"body must not be empty; {expected}")
    if takes_images and not body.looks_like_json(text):
        from function.api import encodings  # imported here: an image is normally in a field

        image = encodings.find_image(text)
        if image is not None:
            return image
    return body.load_json(text, expected)
