"""Routes of the Open Inference Protocol: its paths, and the HTTP responses of a generic ONNX model.

The routes of health and of the server itself respond for every model.

Source: github.com/kserve/open-inference-protocol 011728e, specification/protocol/inference_rest.md.
"""

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib import parse

from function import VERSION
from function.api import response
from function.errors import FunctionError, MethodNotAllowed, NotFound, shown
from function.service import Service

if TYPE_CHECKING:
    from function.tensors.signature import Signature

SERVER = {"name": "yolo-lambda-zip", "version": VERSION, "extensions": []}
PATHS = (  # compiled when the first path that contains v2 arrives
    r"(?:^|/)v2"
    r"(?:/health/(?P<health>live|ready)"
    r"|/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/(?P<verb>ready|infer))?"
    r")?/?$"
)
RESERVED = r"(?:^|/)v2(?:/|$)"  # of the protocol, also if no route matches
AVAILABLE = "/v2, /v2/health/live, /v2/health/ready, /v2/models/NAME, /v2/models/NAME/ready, /v2/models/NAME/infer"
REDUCE_HINT = "fewer rows or fewer outputs"


class Route(NamedTuple):
    """Path of the protocol; a path without health and without a model is that of the server metadata."""

    health: str | None  # live or ready
    model: str | None
    version: str | None
    verb: str | None  # ready or infer


SERVER_ROUTE = Route(None, None, None, None)


def find(path: str) -> Route | None:
    """Return the route of a path; None for a path that is not part of the protocol."""
    match = re.search(PATHS, path) if "v2" in path else None
    if not match:
        return None
    health, name, version, verb = match.group("health", "name", "version", "verb")
    return Route(health, parse.unquote(name) if name else None, parse.unquote(version) if version else None, verb)


def is_reserved(path: str) -> bool:
    """Return whether a path belongs to the protocol, with a route or not."""
    return "v2" in path and bool(re.search(RESERVED, path))


def check(route: Route, method: str, signature: "Signature | None") -> None:
    """Check the method and the model of a request. Errors of the method do not name the model: OPTIONS needs no key.

    Args:
        route: of the request.
        method: HTTP method.
        signature: of the generic ONNX model; None for a model that takes images.

    Raises:
        MethodNotAllowed: another method than that of the route.
        NotFound: another model or version, or a model that takes images.
    """
    allowed = "POST" if route.verb == "infer" else "GET"
    if method != allowed:
        raise MethodNotAllowed(f"the method must be {allowed}, got {method}", allow=allowed)
    if route.model:
        _check_model(route, signature)


def describe(route: Route, signature: "Signature | None") -> dict[str, Any]:
    """Return the JSON object of a route that does not run the model: health, readiness or metadata."""
    if route.health:
        return {route.health: True}
    if not (route.model and signature):
        return SERVER
    if route.verb == "ready":
        return {"name": signature.name, "ready": True}
    from function.tensors import signature as signatures  # imported here: a start of a YOLO model does not load it

    return signatures.metadata(signature)


def expected_body(signature: "Signature") -> str:
    """Return the expected form of a request body as text, for error messages."""
    from function.tensors import inference  # imported here: a start of a YOLO model does not load it

    return inference.expected_body(signature)


def infer_response(fields: Any, service: Service) -> dict[str, Any]:
    """Run the model and return the HTTP response.

    Args:
        fields: JSON object of the request; a FunctionError if it could not be read.
        service: runs the model.
    """
    result = fields if isinstance(fields, FunctionError) else service.infer(fields)
    if isinstance(result, FunctionError):
        return response.result_response(result, service)
    return response.http_response(200, result.body, service, reduce_hint=REDUCE_HINT)


def _check_model(route: Route, signature: "Signature | None") -> None:
    if signature is None:
        raise NotFound("this model takes images, not tensors: POST them to / (or /predict)")
    name, version = signature.name, signature.version
    if route.model != name:
        raise NotFound(f"unknown model {shown(str(route.model))}; available: {name!r} (MODEL_NAME)")
    if route.version not in (None, version):
        available = version or "none (the file states no version)"
        raise NotFound(f"unknown version {shown(str(route.version))} of the model {name!r}; available: {available}")
