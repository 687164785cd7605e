"""HTTP front ends: API Gateway REST (v1) and HTTP (v2) APIs, Function URL, Application Load Balancer.

Their events have the same content in different fields and encodings; `_http_request` makes one `HttpRequest` of each.
"""

import http
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib import parse

from function.api import body, inference_routes, response
from function.api.body import ParsedBody
from function.api.inference_routes import Route
from function.errors import BadRequest, MethodNotAllowed, NotFound, UnsupportedImage
from function.errors import kind as json_kind
from function.loading import decode_base64
from function.service import Service
from function.settings import Settings

if TYPE_CHECKING:
    from function.tensors.signature import Signature

ENDPOINTS = ("analyze", "detect", "predict")  # the last part of the path; the root is an endpoint too
FORM = "multipart/form-data"
HEALTH = "health"  # GET: health check of a load balancer


class HttpRequest(NamedTuple):
    """One HTTP request of any front end."""

    method: str
    path: str  # without the stage
    content_type: str
    query: dict[str, str]  # decoded; the values of a repeated name are joined with commas
    body: str | bytes


def matches(event: Any) -> bool:
    """Return whether the event is an object with an HTTP method where one of the front ends puts it."""
    return isinstance(event, dict) and bool(event.get("httpMethod") or _context(event).get("http"))


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return the response in the form of the front end."""
    signature, route = service.signature, inference_routes.find(_path(event))
    if _is_health_check(event):
        reply = response.http_response(200, {"status": "ok"}, service.request_id)
    elif route:
        reply = _route_response(route, event, service)
    elif signature:
        reply = inference_routes.infer_response(service.guard(_read_endpoint_json, event, signature), service)
    else:
        reply = response.respond(service.guard(read, event, service.settings), service)
    return _to_front_end(event, reply)


def read(event: Any, settings: Settings) -> ParsedBody:
    """Parse the images and options of an event.

    Raises:
        FunctionError: no endpoint at the path, another method than POST, or a body that is not supported.
    """
    request = _endpoint_request(event)
    if not request.body:
        raise BadRequest(f"body must not be empty; {body.EXPECTED}")
    media_type = _media_type(request)
    if media_type == FORM:
        content = request.body.encode() if isinstance(request.body, str) else request.body
        return body.parse_form(content, request.content_type, request.query, settings)
    if media_type.endswith("json") or body.looks_like_json(request.body):
        return body.parse_json(request.body, settings)
    if isinstance(request.body, str):
        raise UnsupportedImage(
            f"an image must arrive encoded in base64, got text ({media_type or 'no content type'}): send it with its "
            "own content type, such as image/jpeg (a REST API also needs binaryMediaTypes */*)"
        )
    return body.parse_bytes(request.body, request.query)


def _route_response(route: Route, event: Any, service: Service) -> dict[str, Any]:
    """Return the response of a route of the Open Inference Protocol."""
    signature = service.signature
    error = service.guard(inference_routes.check, route, _method(event), signature)
    if error:
        return response.result_response(error, service.request_id)
    if route.verb == "infer" and signature:
        return inference_routes.infer_response(service.guard(_read_json, event, signature), service)
    return response.http_response(200, inference_routes.describe(route, signature), service.request_id)


def _read_endpoint_json(event: Any, signature: "Signature") -> Any:
    """Check the path and the method, and return the JSON object of the request."""
    _endpoint_request(event)
    return _read_json(event, signature)


def _read_json(event: Any, signature: "Signature") -> Any:
    """Return the JSON object of a request to a generic ONNX model."""
    request, expected = _http_request(event), inference_routes.expected_body(signature)
    if not request.body:
        raise BadRequest(f"body must not be empty; {expected}")
    media_type = _media_type(request)
    if not (media_type.endswith("json") or body.looks_like_json(request.body)):
        actual = f"{media_type or 'no content type'}, {len(request.body)} bytes"
        raise UnsupportedImage(f"body must be JSON, got {actual}; this model takes tensors, not images; {expected}")
    return body.load_json(request.body, expected)


def _endpoint_request(event: Any) -> HttpRequest:
    """Return the request.

    Raises:
        NotFound: no endpoint at the path.
        MethodNotAllowed: another method than POST.
    """
    request = _http_request(event)
    last = _last_part(request.path)
    if last and last not in ENDPOINTS:
        endpoints = ", ".join(f"/{endpoint}" for endpoint in ENDPOINTS)
        raise NotFound(f"unknown path {request.path!r}; available: / (or {endpoints})")
    if request.method != "POST":
        raise MethodNotAllowed(f"the method must be POST, got {request.method}")
    return request


def _to_front_end(event: Any, reply: dict[str, Any]) -> dict[str, Any]:
    """Add what a load balancer expects: a status description, and headers in the form of the event."""
    if "elb" not in _context(event):
        return reply
    status = http.HTTPStatus(reply["statusCode"])
    reply["statusDescription"] = f"{status.value} {status.phrase}"
    if "multiValueHeaders" in event:
        reply["multiValueHeaders"] = {name: [value] for name, value in reply.pop("headers").items()}
    return reply


def _context(event: dict[str, Any]) -> dict[str, Any]:
    return _mapping(event.get("requestContext"))


def _mapping(value: Any) -> dict[str, Any]:
    """Return an object; front ends send null for an empty one."""
    return value if isinstance(value, dict) else {}


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Return the headers under lower-case names; the last value of a repeated one."""
    multiple = _mapping(event.get("multiValueHeaders"))
    headers = {
        name.lower(): str(values[-1]) for name, values in multiple.items() if isinstance(values, list) and values
    }
    return headers | {name.lower(): str(value) for name, value in _mapping(event.get("headers")).items()}


def _http_request(event: dict[str, Any]) -> HttpRequest:
    return HttpRequest(
        method=_method(event),
        path=_path(event),
        content_type=_headers(event).get("content-type", ""),
        query=_query(event),
        body=_body(event),
    )


def _method(event: dict[str, Any]) -> str:
    return str(_mapping(_context(event).get("http")).get("method") or event.get("httpMethod")).upper()


def _path(event: dict[str, Any]) -> str:
    """Return the path without the stage, which an HTTP API with a named stage puts before it."""
    path = str(event.get("rawPath") or event.get("path") or "/")
    stage = f"/{_context(event).get('stage')}"
    return path.removeprefix(stage) if f"{path}/".startswith(f"{stage}/") else path


def _last_part(path: str) -> str:
    return path.strip("/").rpartition("/")[2]


def _media_type(request: HttpRequest) -> str:
    return request.content_type.partition(";")[0].strip().lower()


def _query(event: dict[str, Any]) -> dict[str, str]:
    """Return the query string; a load balancer leaves names and values percent-encoded, the others decode them."""
    query = {name: str(value) for name, value in _mapping(event.get("queryStringParameters")).items()}
    multiple = _mapping(event.get("multiValueQueryStringParameters"))
    query |= {name: ",".join(map(str, values)) for name, values in multiple.items() if isinstance(values, list)}
    if "elb" in _context(event):
        return {parse.unquote_plus(name): parse.unquote_plus(value) for name, value in query.items()}
    return query


def _body(event: dict[str, Any]) -> str | bytes:
    text = event.get("body") or ""
    if not isinstance(text, str):
        raise BadRequest(f"body must be text, got {json_kind(text)}")
    return decode_base64(text, "body") if event.get("isBase64Encoded") else text


def _is_health_check(event: dict[str, Any]) -> bool:
    return _method(event) == "GET" and _last_part(_path(event)) == HEALTH
