"""OpenAPI: the endpoints that do not run the model, and the errors of all of them."""

import http
from collections.abc import Iterator
from typing import Any

from function.errors import FunctionError
from function.service import Service

JSON = "application/json"
OPEN: dict[str, Any] = {"security": []}  # no API key is needed

TEXT: dict[str, Any] = {"type": "string"}
NOT_SET = {"enum": [None, ""], "description": "Not set"}
IGNORED = {"type": "array", "items": TEXT, "description": "Fields of the request without an effect"}
LIBRARIES = ("function", "python", "onnxruntime", "numpy", "pillow")
VERSIONS = {"type": "object", "required": list(LIBRARIES), "properties": dict.fromkeys(LIBRARIES, TEXT)}
SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["error", "type", "request_id"],
        "properties": {
            "error": {"type": "string", "description": "Text for people; it may change"},
            "type": {"type": "string", "description": "Stable name of the error"},
            "request_id": {"type": "string", "description": "Of the invocation, in the log"},
        },
    },
    "Health": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}},
    "Live": {"type": "object", "required": ["live"], "properties": {"live": {"const": True}}},
    "Ready": {"type": "object", "required": ["ready"], "properties": {"ready": {"const": True}}},
    "Server": {
        "type": "object",
        "required": ["name", "version", "extensions"],
        "properties": {"name": TEXT, "version": TEXT, "extensions": {"type": "array", "items": TEXT}},
    },
}


def reference(name: str) -> dict[str, str]:
    """Return the reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def error_reference(status: int) -> dict[str, str]:
    """Return the reference to the response of an error."""
    return {"$ref": f"#/components/responses/Error{status}"}


def json_response(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return a response with a JSON body."""
    return {"description": description, "content": {JSON: {"schema": schema}}}


def error_responses(service: Service) -> dict[str, Any]:
    """Return the response of each status of an error: the names of its types, and when they occur."""
    kinds: dict[int, list[type[FunctionError]]] = {}
    for kind in sorted(_subclasses(FunctionError), key=lambda kind: kind.__name__):
        if kind.__name__ != ("InvalidOption" if service.signature else "InvalidTensor"):
            kinds.setdefault(kind.status, []).append(kind)
    return {f"Error{status}": _error_response(status, kinds[status]) for status in sorted(kinds)}


def _subclasses(kind: type[FunctionError]) -> Iterator[type[FunctionError]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _error_response(status: int, kinds: list[type[FunctionError]]) -> dict[str, Any]:
    names = [kind.__name__ for kind in kinds]
    texts = [f"{kind.__name__}: {(kind.__doc__ or '').partition(chr(10))[0].rstrip('.')}" for kind in kinds]
    schema = {**SCHEMAS["Error"], "properties": SCHEMAS["Error"]["properties"] | {"type": {"enum": names}}}
    headers = {name: {"required": True, "schema": TEXT} for kind in kinds for name in kind.headers}
    return {
        "description": f"{http.HTTPStatus(status).phrase}. {'. '.join(texts)}",
        **({"headers": headers} if headers else {}),
        "content": {JSON: {"schema": schema}},
    }


def paths(service: Service) -> dict[str, Any]:
    """Return the endpoints that every model has."""
    page = {"/": _html("page", "Page in the browser that calls the model")} if service.settings.page else {}
    return {
        **page,
        "/health": _get("health", "Health check; it does not run the model", reference("Health"), OPEN),
        "/model": _get("model", "The model and the versions of the libraries", reference("Model")),
        "/openapi.json": _get("openapi", "This document", {"type": "object", "required": ["openapi", "paths"]}),
        "/docs": _html("docs", "This document as a page"),
        **({"/uploads": _uploads()} if service.settings.upload_bucket and not service.signature else {}),
        "/v2": _get("server", "Server of the Open Inference Protocol", reference("Server")),
        "/v2/health/live": _get("live", "Liveness", reference("Live")),
        "/v2/health/ready": _get("ready", "Readiness", reference("Ready")),
    }


def _get(name: str, summary: str, schema: dict[str, Any], extra: dict[str, Any] | None = None) -> dict[str, Any]:
    errors = {str(status): error_reference(status) for status in (413, 500)}
    responses = {"200": json_response(schema, summary), **errors}
    return {"get": {"operationId": name, "summary": summary, **(extra or {}), "responses": responses}}


def _uploads() -> dict[str, Any]:
    """Return the operation that makes a form for an image above the payload limit."""
    form = {
        "type": "object",
        "required": ["url", "fields", "s3", "expires_in", "max_bytes"],
        "properties": {
            "url": {"type": "string", "description": "Where to send the form"},
            "fields": {"type": "object", "additionalProperties": TEXT, "description": "Its other fields"},
            "s3": {"type": "string", "description": "The image in the next request to the model"},
            "expires_in": {"type": "integer", "description": "Seconds in which the form is valid"},
            "max_bytes": {"type": "integer", "description": "Of the image"},
            "ignored": IGNORED,
        },
    }
    image_type = {
        "default": "image/jpeg",
        "anyOf": [{"type": "string", "pattern": "^image/[!-~]+$", "maxLength": 100}, NOT_SET],
    }
    body = {"type": "object", "properties": {"content_type": image_type}}
    return {
        "post": {
            "operationId": "upload",
            "summary": "Make a form that sends one image to S3",
            "description": "Only with an API key, or behind a front end with an authorizer",
            "requestBody": {"content": {JSON: {"schema": body}}},
            "responses": {
                "200": json_response(form, "The form, and the reference to the image"),
                **{str(status): error_reference(status) for status in (400, 403, 413, 415, 422, 500, 503)},
            },
        }
    }


def _html(name: str, summary: str) -> dict[str, Any]:
    response = {"description": summary, "content": {"text/html": {"schema": TEXT}}}
    return {"get": {"operationId": name, "summary": summary, **OPEN, "responses": {"200": response}}}
