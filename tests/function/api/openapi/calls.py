"""Requests to the function with a small model of each task, and schemas that refuse undocumented fields."""

import base64
import copy
import json
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from function.service import Service
from function.settings import Settings
from function.sources import http
from tests.fuzz import runtime

EVENTS = Path(__file__).parents[2] / "sources" / "events"
TASKS = {  # name of a model in tests/fuzz/runtime.py -> task
    "colors": "detect",
    "segments": "segment",
    "keypoints": "pose",
    "rotated": "obb",
    "classifier": "classify",
    "classes": "semantic",
    "distances": "depth",
}
TENSORS = ("add", "echo-BYTES", "echo-BOOL")


class Reply(NamedTuple):
    """Response of the function to an HTTP request."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def event(front_end: str, method: str, path: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    """A sample event of a front end with another request in it."""
    sample: dict[str, Any] = json.loads((EVENTS / f"{front_end}.json").read_text())
    for holder in (sample, sample.get("requestContext", {}).get("http", {})):
        for name in ("rawPath", "path", "raw_path"):
            if name in holder:
                holder[name] = path
        for name in ("httpMethod", "method"):
            if name in holder:
                holder[name] = method
    if "path" in sample.get("requestContext", {}) and "stage" in sample["requestContext"]:
        stage = sample["requestContext"]["stage"]
        sample["requestContext"]["path"] = path if stage == "$default" else f"/{stage}{path}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for field in ("headers", "multiValueHeaders"):
        kept = {name.lower(): value for name, value in sample.get(field, {}).items() if name.lower() != "content-type"}
        has_lists = field == "multiValueHeaders" or front_end == "lattice_v2"
        if field in sample:
            sample[field] = {name: [value] if has_lists else value for name, value in named.items()} | kept
    sample["body"] = base64.b64encode(body).decode()
    sample["is_base64_encoded" if front_end == "lattice_v1" else "isBase64Encoded"] = True
    return sample


def call(model: str, sample: dict[str, Any], **environ: str) -> Reply:
    """The response of the function with a model of tests/fuzz/runtime.py."""
    service = Service(runtime.model(model), Settings.from_env(environ), "request-1")
    reply = http.respond(sample, service)
    headers = reply.get("headers") or {name: value[-1] for name, value in reply["multiValueHeaders"].items()}
    return Reply(reply["statusCode"], headers, reply["body"])


def get(model: str, path: str, **environ: str) -> Reply:
    return call(model, event("function_url", "GET", path), **environ)


def document(model: str, **environ: str) -> dict[str, Any]:
    """The OpenAPI document of a model."""
    reply = get(model, "/openapi.json", **environ)
    assert reply.status == 200, reply
    parsed: dict[str, Any] = reply.json
    return parsed


def response_of(document: dict[str, Any], operation: dict[str, Any], status: int) -> dict[str, Any]:
    """The documented response of an operation."""
    response: dict[str, Any] = operation["responses"][str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return response


def validator(document: dict[str, Any], schema: dict[str, Any], closed: bool = True) -> Draft202012Validator:
    """The validator of a schema of the document; closed: a field that is not documented is an error."""
    root = copy.deepcopy({"components": document["components"], **schema})
    if closed:
        _close(root)
    return Draft202012Validator(root)


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
            schema["additionalProperties"] = False
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)
