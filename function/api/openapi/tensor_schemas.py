"""OpenAPI: a generic ONNX model, its tensors and its routes of the Open Inference Protocol."""

from typing import Any
from urllib import parse

from function.api.model_info import GENERIC
from function.api.openapi.endpoints import JSON, TEXT, VERSIONS, error_reference, json_response, reference
from function.api.openapi.result_schemas import objects
from function.settings import Settings
from function.tensors.signature import ANY, BOOLEANS, NUMBERS, WHOLE, Signature, Tensor

ERRORS = (400, 413, 415, 422, 500, 503)
SIZE = {"type": "integer", "minimum": 0}
VALUES: dict[frozenset[type], dict[str, Any]] = {
    BOOLEANS: {"type": "boolean"},
    WHOLE: {"type": "integer"},
    NUMBERS: {"type": "number"},
}  # types of JSON of a datatype -> schema of a value; every other datatype is text


HIDDEN = Signature("NAME", None, (), ())  # for a caller without the API key


def schemas(signature: Signature, settings: Settings) -> dict[str, Any]:
    """Return the schemas of the model, of a request and of a response.

    Args:
        signature: of the model.
        settings: the limit of values.
    """
    count = len(signature.inputs)
    inputs = {
        "type": "array",
        "minItems": count,
        "maxItems": count,
        "items": _any([_tensor(tensor, settings.max_tensor_elements) for tensor in signature.inputs]),
        "description": "All inputs of the model, each once",
    }
    outputs = {
        "type": "array",
        "uniqueItems": True,
        "items": objects(name=_any([{"const": tensor.name} for tensor in signature.outputs])),
        "description": "The outputs to compute; all if none is named",
    }
    identifier = {"type": "string", "description": "Returned in the response"}
    version = {"model_version": {"const": signature.version}} if signature.version else {}
    request = objects(inputs=inputs)
    request["properties"] |= {"outputs": outputs, "id": identifier, "parameters": {"description": "Ignored"}}
    rows = {"type": "array", "items": _any([_flat(tensor) for tensor in signature.outputs])}
    result = objects(model_name={"const": signature.name}, **version, outputs=rows)
    result["properties"]["id"] = identifier
    declared = {"type": "array", "items": objects(name=TEXT, datatype=TEXT, shape=_shape(()))}
    versions = {"versions": {"const": [signature.version]}} if signature.version else {}
    own_version = {"version": {"const": signature.version}} if signature.version else {}
    name = {"const": signature.name}
    return {
        "Request": request,
        "Result": result,
        "Metadata": objects(name=name, **versions, platform=TEXT, inputs=declared, outputs=declared),
        "ModelReady": objects(name=name, ready={"const": True}),
        "Model": objects(
            task={"const": GENERIC},
            name=name,
            **own_version,
            inputs=declared,
            outputs=declared,
            sha256=TEXT,
            versions=VERSIONS,
        ),
    }


def paths(signature: Signature) -> dict[str, Any]:
    """Return the routes of the model, also those with its version, and the endpoint that needs no name."""
    name = parse.quote(signature.name, safe="")
    bases = {"": f"/v2/models/{name}"}
    if signature.version:
        bases["Version"] = f"/v2/models/{name}/versions/{parse.quote(signature.version, safe='')}"
    routes: dict[str, Any] = {"/": {"post": _infer("infer")}}
    for suffix, base in bases.items():
        routes |= {
            base: {"get": _get(f"metadata{suffix}", "Inputs and outputs of the model", "Metadata")},
            f"{base}/ready": {"get": _get(f"modelReady{suffix}", "Readiness of the model", "ModelReady")},
            f"{base}/infer": {"post": _infer(f"inferModel{suffix}")},
        }
    return routes


def _infer(name: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": "Run the model",
        "requestBody": {"required": True, "content": {JSON: {"schema": reference("Request")}}},
        "responses": {
            "200": json_response(reference("Result"), "The outputs, flat in row-major order"),
            **{str(status): error_reference(status) for status in ERRORS},
        },
    }


def _get(name: str, summary: str, schema: str) -> dict[str, Any]:
    responses = {"200": json_response(reference(schema), summary), "500": error_reference(500)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _tensor(tensor: Tensor, limit: int) -> dict[str, Any]:
    """Return the schema of an input: flat data in row-major order, or nested like its shape."""
    data = {"type": "array", "maxItems": limit, "items": {"anyOf": [_value(tensor), {"type": "array"}]}}
    datatype = {"const": tensor.datatype.name}
    return objects(name={"const": tensor.name}, shape=_shape(tensor.shape), datatype=datatype, data=data)


def _flat(tensor: Tensor) -> dict[str, Any]:
    data = {"type": "array", "items": _value(tensor)}
    datatype = {"const": tensor.datatype.name}
    return objects(name={"const": tensor.name}, shape=_shape(tensor.shape), datatype=datatype, data=data)


def _any(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of a value that fits one of several; `anyOf` must not be empty."""
    return {"anyOf": schemas} if schemas else {}


def _value(tensor: Tensor) -> dict[str, Any]:
    return VALUES.get(tensor.datatype.json, TEXT)


def _shape(shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the schema of a shape; () stands for any number of dimensions."""
    if not shape:
        return {"type": "array", "items": {"type": "integer"}}
    sizes = [SIZE if size == ANY else {"const": size} for size in shape]
    return {"type": "array", "prefixItems": sizes, "minItems": len(shape), "maxItems": len(shape)}
