"""Requests of tensors: what the Open Inference Protocol has at which path, and their answers in the shape of HTTP.

Health and the server's own metadata are answered whatever the model takes.

Source: github.com/kserve/open-inference-protocol 011728e, specification/protocol/inference_rest.md.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib import parse

from function.api import response
from function.errors import FunctionError, MethodNotAllowed, NotFound, shown
from function.results import Inference
from function.service import Service, Tensors

SERVER = {
    "name": "yolo-lambda-zip",
    "version": "0.1.0",
    "extensions": [],
}  # name and version as pyproject.toml has them
PATHS = (  # compiled when the first path may be one
    r"(?:^|/)v2"
    r"(?:/health/(?P<health>live|ready)"
    r"|/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/(?P<verb>ready|infer))?"
    r")?/?$"
)
REDUCE_HINT = "fewer rows or fewer outputs"


class Route(NamedTuple):
    """One path of the protocol; without health and without a model it is the server's."""

    health: str | None  # live or ready
    model: str | None
    version: str | None
    verb: str | None  # ready or infer


def route(path: str) -> Route | None:
    """What a path means to the protocol; None where it means nothing, so that other endpoints stay what they are."""
    found = re.search(PATHS, path) if "v2" in path else None
    if not found:
        return None
    health, name, version, verb = found.group("health", "name", "version", "verb")
    return Route(health, parse.unquote(name) if name else None, parse.unquote(version) if version else None, verb)


def respond(asked: Route, method: str, read: Callable[[str], Any], service: Service) -> dict[str, Any]:
    """The answer to what was asked at a path of the protocol.

    Args:
        asked: the path's meaning.
        method: of HTTP.
        read: the JSON of a request; it is given what was wanted, for its errors.
        service: answers it.
    """
    return _shaped(service.attempt(lambda: _found(asked, method, read, service.tensors)), service.request_id)


def infer_response(read: Callable[[str], Any], tensors: Tensors, service: Service) -> dict[str, Any]:
    """The answer to a request that came by any other way."""
    return _shaped(service.attempt(lambda: _inferred(read, tensors)), service.request_id)


def _shaped(result: Any, request_id: str) -> dict[str, Any]:
    if isinstance(result, FunctionError):
        return response.http(result, request_id)
    return response.http_response(
        200, result.body if isinstance(result, Inference) else result, request_id, less=REDUCE_HINT
    )


def _inferred(read: Callable[[str], Any], tensors: Tensors) -> Inference:
    return tensors.infer(read(tensors.wanted))


def _found(asked: Route, method: str, read: Callable[[str], Any], tensors: Tensors | None) -> Any:
    """An Inference, or a JSON object; raises FunctionError as its status says."""
    served = _check_model(asked, tensors) if asked.model else None
    allowed = "POST" if asked.verb == "infer" else "GET"
    if method != allowed:
        raise MethodNotAllowed(f"the method is {method}; wanted {allowed}", allow=allowed)
    if asked.health:
        return {asked.health: True}
    if served is None:
        return SERVER
    if asked.verb == "infer":
        return _inferred(read, served)
    return {"name": served.name, "ready": True} if asked.verb == "ready" else served.metadata


def _check_model(asked: Route, tensors: Tensors | None) -> Tensors:
    """The model of a path, which there is under its own name and version alone."""
    if tensors is None:
        raise NotFound("the model here takes pictures, not tensors; POST them to / (or /predict)")
    name, version = tensors.name, tensors.version
    if asked.model != name:
        raise NotFound(f"there is no model {shown(str(asked.model))}; the one here is {name!r} (MODEL_NAME)")
    if asked.version not in (None, version):
        known = f"its version is {version}" if version else "its file states none"
        raise NotFound(f"there is no version {shown(str(asked.version))} of the model {name!r}; {known}")
    return tensors
