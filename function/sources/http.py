"""Every HTTP front door: API Gateway REST (v1) and HTTP (v2), Function URL, Application Load Balancer.

Their events differ in where things stand and in how they are encoded; `_call` makes one `Call` of each.
"""

import http
from functools import partial
from typing import Any, NamedTuple
from urllib import parse

from function.api import body, inference_routes, multipart, response
from function.errors import BadRequest, MethodNotAllowed, NotFound, UnsupportedImage
from function.errors import kind as json_kind
from function.service import Service
from function.settings import Settings

ENDPOINTS = ("analyze", "detect", "predict")  # the last part of the path; the root is one too
FORM = "multipart/form-data"
HEALTH = "health"  # GET: for a load balancer's health check


class Call(NamedTuple):
    """One HTTP request, whichever door it came through."""

    method: str
    path: str  # without the stage
    content_type: str
    query: dict[str, str]  # decoded; a repeated name has its values joined with commas
    body: str | bytes


def matches(event: Any) -> bool:
    """An object with an HTTP method where one of the front doors puts it."""
    return isinstance(event, dict) and bool(event.get("httpMethod") or _context(event).get("http"))


def respond(event: Any, service: Service) -> dict[str, Any]:
    """The answer, as the front door wants it."""
    if _is_health_check(event):
        return _dressed(event, response.http_response(200, {"status": "ok"}, service.request_id))
    tensors, route = service.tensors, inference_routes.route(_path(event))
    if route:
        return _dressed(event, inference_routes.respond(route, _method(event), partial(_fields, event), service))
    if tensors:
        return _dressed(event, inference_routes.infer_response(partial(_posted, event), tensors, service))
    return _dressed(event, response.respond(lambda: read(event, service.settings), service))


def read(event: Any, settings: Settings) -> body.Asked:
    """What is asked for; raises FunctionError as its status says."""
    call = _checked(_call(event))
    if not call.body:
        raise BadRequest(f"the body is empty; {body.WANTED}")
    kind = call.content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        return _form(call, settings)
    if kind.endswith("json") or body.looks_like_json(call.body):
        return body.from_json(call.body, settings)
    if isinstance(call.body, str):
        raise UnsupportedImage(
            f"the body is text ({kind or 'no content type'}); a picture has to arrive base64-encoded: "
            "send it with its own content type, such as image/jpeg (a REST API also needs binaryMediaTypes */*)"
        )
    return body.from_bytes(call.body, call.query)


def _posted(event: Any, request: str) -> Any:
    """As `_fields`, of a call to one of the endpoints."""
    _checked(_call(event))
    return _fields(event, request)


def _fields(event: Any, request: str) -> Any:
    """The JSON of a request of tensors; `request` says what was wanted when there is none."""
    call = _call(event)
    if not call.body:
        raise BadRequest(f"the body is empty; {request}")
    kind = call.content_type.partition(";")[0].strip().lower()
    if not (kind.endswith("json") or body.looks_like_json(call.body)):
        found = f"the body is no JSON ({kind or 'no content type'}, {len(call.body)} bytes)"
        raise UnsupportedImage(f"{found}; this model takes no pictures, {request}")
    return body.parsed(call.body, request)


def _form(call: Call, settings: Settings) -> body.Asked:
    """Each file of a form is a picture; its other fields are options, before those of the query string."""
    raw = call.body.encode() if isinstance(call.body, str) else call.body
    parts = multipart.parts(raw, call.content_type)
    # A file field that was left empty comes with an empty name.
    files = [part for part in parts if part.file_name or (part.file_name is not None and part.content)]
    if not files:
        raise BadRequest("the form has no file; wanted at least one, as `curl -F image=@a.jpg` sends it")
    body.check_count(len(files), settings)
    values = {part.name: part.content.decode("utf-8", "replace") for part in parts if part.file_name is None}
    options = call.query | values
    asked = [body.from_bytes(part.content, {"image_name": part.file_name or "", **options}) for part in files]
    return body.Asked([request for one in asked for request in one.requests], many=len(files) > 1)


def _dressed(event: Any, shaped: dict[str, Any]) -> dict[str, Any]:
    """A load balancer wants a description and gets its headers in the form that it sent."""
    if "elb" not in _context(event):
        return shaped
    status = http.HTTPStatus(shaped["statusCode"])
    shaped["statusDescription"] = f"{status.value} {status.phrase}"
    if "multiValueHeaders" in event:
        shaped["multiValueHeaders"] = {name: [value] for name, value in shaped.pop("headers").items()}
    return shaped


def _context(event: dict[str, Any]) -> dict[str, Any]:
    return _mapping(event.get("requestContext"))


def _mapping(value: Any) -> dict[str, Any]:
    """An object; the front doors send null for an empty one."""
    return value if isinstance(value, dict) else {}


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Headers under lower-case names; of a repeated one, the last."""
    multiple = _mapping(event.get("multiValueHeaders"))
    found = {name.lower(): str(values[-1]) for name, values in multiple.items() if isinstance(values, list) and values}
    return found | {name.lower(): str(value) for name, value in _mapping(event.get("headers")).items()}


def _call(event: dict[str, Any]) -> Call:
    return Call(
        method=_method(event),
        path=_path(event),
        content_type=_content_type(event),
        query=_query(event),
        body=_body(event),
    )


def _method(event: dict[str, Any]) -> str:
    return str(_mapping(_context(event).get("http")).get("method") or event.get("httpMethod")).upper()


def _path(event: dict[str, Any]) -> str:
    """Without the stage: an HTTP API has a named one in front of its rawPath."""
    path = str(event.get("rawPath") or event.get("path") or "/")
    stage = f"/{_context(event).get('stage')}"
    return path.removeprefix(stage) if f"{path}/".startswith(f"{stage}/") else path


def _last_part(path: str) -> str:
    return path.strip("/").rpartition("/")[2]


def _content_type(event: dict[str, Any]) -> str:
    return _headers(event).get("content-type", "")


def _query(event: dict[str, Any]) -> dict[str, str]:
    """The query string; a load balancer leaves its values percent-encoded, the others decode them."""
    query = {name: str(value) for name, value in _mapping(event.get("queryStringParameters")).items()}
    multiple = _mapping(event.get("multiValueQueryStringParameters"))
    query |= {name: ",".join(map(str, values)) for name, values in multiple.items() if isinstance(values, list)}
    if "elb" in _context(event):
        return {parse.unquote_plus(name): parse.unquote_plus(value) for name, value in query.items()}
    return query


def _body(event: dict[str, Any]) -> str | bytes:
    text = event.get("body") or ""
    if not isinstance(text, str):
        raise BadRequest(f"the body is {json_kind(text)}; wanted text")
    return body.decode_base64(text, "the body") if event.get("isBase64Encoded") else text


def _is_health_check(event: dict[str, Any]) -> bool:
    return _method(event) == "GET" and _last_part(_path(event)) == HEALTH


def _checked(call: Call) -> Call:
    """The same call, whose path and method are those of a request."""
    last = _last_part(call.path)
    if last and last not in ENDPOINTS:
        known = ", ".join(f"/{one}" for one in ENDPOINTS)
        raise NotFound(f"there is nothing at {call.path!r}; POST to / (or {known})")
    if call.method != "POST":
        raise MethodNotAllowed(f"the method is {call.method}; wanted POST")
    return call
