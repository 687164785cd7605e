"""OpenAPI document of the function: its endpoints with the model, the settings and the front end that it has.

Source: spec.openapis.org/oas/v3.1.1.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from function import VERSION
from function.api import model_info
from function.api.openapi import endpoints, request_schemas, result_schemas, tensor_schemas
from function.service import Service

OPENAPI = "3.1.0"
TITLE = "YOLO on AWS Lambda"
GENERIC_TITLE = "ONNX model on AWS Lambda"
SECURITY_SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key as a bearer token"},
}


class FrontEndInfo(NamedTuple):
    """Properties of the front end that a request came through."""

    url: str  # of the function, which the paths are relative to
    name: str
    max_request_bytes: int  # as Lambda counts them: binary bodies in base64
    max_response_bytes: int


def document(service: Service, front_end: FrontEndInfo, with_names: bool = True) -> dict[str, Any]:
    """Return the OpenAPI document.

    Args:
        service: its model and settings.
        front_end: of the request for the document.
        with_names: write the names of the classes or tensors, and the checksum of the model; False for a caller without
            the API key.

    Returns:
        JSON-ready object. Objects in it may be shared.
    """
    needs_key = bool(service.settings.api_key_sha256)
    schemas, model_paths = _of_model(service, with_names)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": GENERIC_TITLE if service.signature else TITLE,
            "version": VERSION,
            "description": _description(service),
        },
        "servers": [{"url": front_end.url}],
        "x-limits": _limits(service, front_end),
        "paths": _secured(_merged(endpoints.paths(service), model_paths), needs_key),
        "components": {
            "schemas": schemas | endpoints.SCHEMAS,
            "responses": endpoints.error_responses(service),
            **({"securitySchemes": SECURITY_SCHEMES} if needs_key else {}),
        },
        **({"security": [{name: []} for name in SECURITY_SCHEMES]} if needs_key else {}),
    }


def _of_model(service: Service, with_names: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schemas and the paths of the model."""
    signature = service.signature
    if signature:
        shown = signature if with_names else tensor_schemas.HIDDEN
        return tensor_schemas.schemas(shown, service.settings), tensor_schemas.paths(shown)
    served = service.require_image_model()
    metadata = served.metadata
    names = metadata.names if with_names else {}
    options = request_schemas.usable_options(served, service.settings)
    requests = request_schemas.schemas(service.settings, options, names)
    reader = service.reader.describe() if service.reader else None
    results = result_schemas.schemas(metadata, service.settings, names, with_names, reader)
    return requests | results, {"/": {"post": request_schemas.operation(service.settings, options, names)}}


def _merged(paths: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return all paths, those of the model first; both have operations of the root."""
    return {path: paths.get(path, {}) | others.get(path, {}) for path in {**others, **paths}}


def _description(service: Service) -> str:
    if service.signature:
        return (
            "An ONNX model that takes tensors, with the Open Inference Protocol. HEAD is GET without a body. "
            "Every path may stand behind a base path."
        )
    task = model_info.describe(service)["task"]
    return (
        f"A YOLO model for the task {task}. A POST goes to the model whatever its path is. HEAD is GET without a body. "
        "Every path may stand behind a base path."
    )


def _limits(service: Service, front_end: FrontEndInfo) -> dict[str, Any]:
    settings = service.settings
    common = {
        "front_end": front_end.name,
        "max_request_bytes": front_end.max_request_bytes,
        "max_response_bytes": front_end.max_response_bytes,
    }
    if service.signature:
        return common | {"max_tensor_elements": settings.max_tensor_elements}
    return common | {
        "max_images": settings.max_images,
        "max_image_pixels": settings.max_image_pixels,
        "max_object_bytes": settings.max_object_bytes,
        "imgsz": list(service.require_image_model().metadata.imgsz_hw),
    }


def _secured(paths: Mapping[str, Any], needs_key: bool) -> dict[str, Any]:
    """Return the paths with the error of a missing key, and without it where no key is needed."""
    if not needs_key:
        return {
            path: {
                method: {name: value for name, value in operation.items() if name != "security"}
                for method, operation in item.items()
            }
            for path, item in paths.items()
        }
    unauthorized = {"401": endpoints.error_reference(401)}
    return {
        path: {
            method: operation
            if "security" in operation
            else operation | {"responses": operation["responses"] | unauthorized}
            for method, operation in item.items()
        }
        for path, item in paths.items()
    }
