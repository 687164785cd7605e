"""Endpoints that do not run the model: which path has which, and which of them need no API key.

Loaded for requests to them: a POST to the model does not need the table. Every endpoint imports its own module.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib import parse

from function.api import inference_routes, response
from function.errors import BadRequest, FunctionError, MethodNotAllowed, NotFound, shown
from function.service import Service
from function.settings import Settings
from function.sources.front_ends import HttpRequest

if TYPE_CHECKING:
    from function.api.openapi import FrontEndInfo

HOST = r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?"
UPLOADS = "uploads"  # POST; 404 if UPLOAD_BUCKET is not set
UPLOAD = "POST /uploads"
MODEL_ENDPOINTS = ("analyze", "detect", "predict")  # documented names; a POST to another path is one to the model too


AVAILABLE = (
    "POST an image to / or to any other path, GET /, GET /health, GET /model, GET /openapi.json, GET /docs, "
    "GET /v2, GET /v2/health/live, GET /v2/health/ready"
)


class Endpoint(NamedTuple):
    """Endpoint of GET; HEAD is GET without a body."""

    respond: Callable[[HttpRequest, Service], dict[str, Any]]
    is_open: bool = False  # needs no API key


def find(request: HttpRequest, settings: Settings) -> Endpoint | None:
    """Return the endpoint of a GET or HEAD request; None if there is none at its path.

    Names are found at the end of the path, after any stage or base path.
    """
    if is_upload(request, settings):
        return None
    endpoint = ENDPOINTS.get(last_part(request.path))
    return endpoint or (PAGE if is_root(request) else None)


def is_open(request: HttpRequest, settings: Settings) -> bool:
    """Return whether a GET or HEAD request needs no API key: its endpoint is open, or is the page."""
    if inference_routes.find(request.path):
        return False
    endpoint = find(request, settings)
    return bool(endpoint and endpoint.is_open)


def is_upload(request: HttpRequest, settings: Settings) -> bool:
    """Return whether the path is that of uploads, and UPLOAD_BUCKET is set."""
    return bool(settings.upload_bucket) and is_upload_path(request)


def is_upload_path(request: HttpRequest) -> bool:
    """Return whether the path is that of uploads, also if they are turned off; it is not below `/v2`."""
    return last_part(request.path) == UPLOADS and not inference_routes.is_reserved(request.path_below_stage)


def check_key(request: HttpRequest, settings: Settings) -> None:
    """Check the API key of a request, unless its endpoint needs none. A browser sends OPTIONS without the key.

    Raises:
        Unauthorized: no key, or another one.
    """
    if request.method == "OPTIONS" or (request.method in ("GET", "HEAD") and is_open(request, settings)):
        return
    from function.api import keys

    keys.require(request.headers, settings.api_key_sha256)


def refusal(request: HttpRequest, settings: Settings) -> FunctionError:
    """Return the error of a request that is no POST, and for which there is no endpoint."""
    is_post_only = last_part(request.path) in MODEL_ENDPOINTS or is_upload(request, settings)
    if request.method in ("GET", "HEAD") and not is_post_only:
        return NotFound(f"unknown path {shown(request.path)}; available: {_available(settings)}")
    return _wrong_method(request, methods(request, settings), settings)


def empty_body(request: HttpRequest, settings: Settings, expected: str) -> FunctionError:
    """Return the error of a POST without a body; at the path of an endpoint of GET its method is wrong."""
    allowed = methods(request, settings)
    if "POST" in allowed:
        return BadRequest(f"body must not be empty; {expected}")
    return _wrong_method(request, allowed, settings)


def _available(settings: Settings) -> str:
    """Return the endpoints for the text of an error."""
    return f"{AVAILABLE}, {UPLOAD}" if settings.upload_bucket else AVAILABLE


def _wrong_method(request: HttpRequest, allowed: tuple[str, ...], settings: Settings) -> MethodNotAllowed:
    names = " or ".join(filter(None, (", ".join(allowed[:-1]), allowed[-1])))
    text = f"the method must be {names}, got {request.method}; available: {_available(settings)}"
    return MethodNotAllowed(text, allow=", ".join(allowed))


def methods(request: HttpRequest, settings: Settings) -> tuple[str, ...]:
    """Return the methods of a path, for the header `Allow`."""
    endpoint = find(request, settings)
    if endpoint is PAGE:
        return ("GET", "HEAD", "POST") if settings.page else ("POST",)
    return ("GET", "HEAD") if endpoint else ("POST",)


def last_part(path: str) -> str:
    """Return the last part of a path: `health` for `/prod/health/`."""
    return path.strip("/").rpartition("/")[2]


def is_root(request: HttpRequest) -> bool:
    """Return whether the path is the one at which the function begins: `/` after any stage or base path.

    A console makes routes such as `/my-function`, which have no slash at their end.
    """
    path, context = request.path, request.context
    if path in ("", "/", f"/{request.stage}"):
        return True
    if last_part(path) in MODEL_ENDPOINTS or inference_routes.is_reserved(path):
        return False
    route = str(context.get("routeKey") or context.get("resourcePath") or "").rpartition(" ")[2]
    return path.endswith("/") or (route.startswith("/") and "{" not in route and path.endswith(route.rstrip("/")))


def _health(_request: HttpRequest, service: Service) -> dict[str, Any]:
    return response.http_response(200, {"status": "ok"}, service)


def _page(request: HttpRequest, service: Service) -> dict[str, Any]:
    if not service.settings.page:
        error = NotFound("the page is turned off (PAGE=0): POST an image to this URL")
        service.record(error)
        return response.result_response(error, service)
    from function import page

    front_end = request.front_end
    return page.respond(request.headers, service, front_end.max_request_bytes, front_end.sends_bytes)


def _model(_request: HttpRequest, service: Service) -> dict[str, Any]:
    from function.api import model_info

    return response.http_response(200, model_info.describe(service), service)


def _openapi(request: HttpRequest, service: Service) -> dict[str, Any]:
    from function.api import openapi

    return response.http_response(200, openapi.document(service, _front_end(request)), service)


def _docs(request: HttpRequest, service: Service) -> dict[str, Any]:
    from function.api import keys, openapi
    from function.api.openapi import page

    digests = service.settings.api_key_sha256
    with_names = not digests or keys.is_valid(request.headers, digests)
    return page.respond(openapi.document(service, _front_end(request), with_names))


def _front_end(request: HttpRequest) -> "FrontEndInfo":
    from function.api.openapi import FrontEndInfo

    front_end = request.front_end
    maximum = front_end.max_response_bytes or response.MAX_BODY_BYTES
    return FrontEndInfo(base_url(request), front_end.name, front_end.max_request_bytes, maximum)


def base_url(request: HttpRequest) -> str:
    """Return the URL that the paths of the endpoints are relative to, without a slash at its end.

    It has the host and the scheme of the request, the stage, and any base path. The host comes from the caller; a text
    that is no host gives a path alone.
    """
    path = request.full_path.rstrip("/").removesuffix(last_part(request.path)).rstrip("/")
    path = parse.quote(path, safe="/%:@!$&()*+,;=~-._", errors="replace")
    host = request.headers.get("host") or str(request.context.get("domainName") or "")
    if not re.fullmatch(HOST, host, re.ASCII):
        return path or "/"
    scheme = "http" if request.headers.get("x-forwarded-proto") == "http" else "https"
    return f"{scheme}://{host}{path}"


PAGE = Endpoint(_page, is_open=True)
ENDPOINTS = {
    "health": Endpoint(_health, is_open=True),
    "model": Endpoint(_model),
    "openapi.json": Endpoint(_openapi),
    "docs": Endpoint(_docs, is_open=True),
}
