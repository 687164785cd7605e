"""Inference request of a generic ONNX model: from the JSON request to the JSON response.

Source: github.com/kserve/open-inference-protocol 011728e, specification/protocol/inference_rest.md.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Any, NamedTuple

from function.arrays import Array
from function.errors import BadRequest, InvalidTensor, TooLarge, kind, shown
from function.results import Inference, InferenceTiming
from function.settings import Settings
from function.tensors import codec, model
from function.tensors.model import TensorModel
from function.tensors.signature import Signature, Tensor, describe_inputs

BODY = '{"inputs": [{"name", "shape", "datatype", "data"}]}'


class InferenceRequest(NamedTuple):
    """Request that was checked against the signature of the model."""

    id: str | None
    inputs: dict[str, Array]
    outputs: tuple[Tensor, ...]  # in the requested order


def infer(served: TensorModel, settings: Settings, fields: Any) -> Inference:
    """Return the result of one request.

    Args:
        served: model.
        settings: limit of the values of a request and of its response.
        fields: request as parsed JSON.

    Raises:
        BadRequest: the request does not have the form of the protocol.
        InvalidTensor: an input or output does not match the model, or the model fails on the inputs.
        TooLarge: more values than the limit, in the request or in the response.
        InternalError: an output contains NaN or infinity, which JSON cannot represent.
    """
    started = perf_counter()
    request = parse_request(fields, served.signature, settings.max_tensor_elements)
    parsed = perf_counter()
    arrays = model.run(served, request.inputs, [output.name for output in request.outputs])
    ran = perf_counter()
    count = sum(array.size for array in arrays)
    if count > settings.max_tensor_elements:
        raise TooLarge(
            f"outputs must have at most {settings.max_tensor_elements} values (MAX_TENSOR_ELEMENTS), got {count}: "
            "request fewer rows or fewer outputs"
        )
    body = _body(served.signature, request, arrays)
    steps_s = (parsed - started, ran - parsed, perf_counter() - ran)
    return Inference(body, InferenceTiming(*(1000 * step_s for step_s in steps_s)))


def parse_request(fields: Any, signature: Signature, limit: int) -> InferenceRequest:
    """Return the request of a JSON value; raises the errors of `infer`."""
    if not isinstance(fields, Mapping):
        raise BadRequest(f"body must be an object, got {kind(fields)}; {expected_body(signature)}")
    inputs = fields.get("inputs")
    if not isinstance(inputs, list):
        actual = "nothing" if inputs is None else kind(inputs)
        raise BadRequest(f"inputs must be an array, got {actual}; {expected_body(signature)}")
    identifier = fields.get("id")
    if not (identifier is None or isinstance(identifier, str)):
        raise BadRequest(f"id must be text, got {kind(identifier)}")
    known = {tensor.name for tensor in signature.inputs}
    by_name = _by_name("input", inputs, known, describe_inputs(signature))
    arrays: dict[str, Array] = {}
    remaining = limit
    for declared in signature.inputs:
        if declared.name not in by_name:
            raise InvalidTensor(f"input {shown(declared.name)} is missing; required: {describe_inputs(signature)}")
        arrays[declared.name] = codec.read(declared, by_name[declared.name], remaining)
        remaining -= arrays[declared.name].size
    return InferenceRequest(identifier, arrays, _outputs(fields.get("outputs"), signature))


def expected_body(signature: Signature) -> str:
    """Return the expected form of a request body as text, for errors."""
    return f"expected {BODY} with {describe_inputs(signature)}"


def _outputs(requested: Any, signature: Signature) -> tuple[Tensor, ...]:
    """Return the requested outputs, or all if none is named."""
    if requested is None or requested == []:
        return signature.outputs
    if not isinstance(requested, list):
        raise BadRequest(f'outputs must be an array of {{"name"}}, got {kind(requested)}')
    known = {tensor.name: tensor for tensor in signature.outputs}
    return tuple(known[name] for name in _by_name("output", requested, set(known), ", ".join(known)))


def _by_name(role: str, items: list[Any], known: set[str], available: str) -> dict[str, Mapping[str, Any]]:
    """Return the inputs or outputs of a request by name; refuse unknown and duplicate names."""
    by_name: dict[str, Mapping[str, Any]] = {}
    for item in items:
        if not isinstance(item, Mapping):
            raise BadRequest(f"{role} must be an object, got {kind(item)}; available: {available}")
        name = item.get("name")
        if not isinstance(name, str):
            raise BadRequest(f"{role} name must be text, got {kind(name)}; available: {available}")
        if name not in known:
            raise InvalidTensor(f"unknown {role} {shown(name)}; available: {available}")
        if name in by_name:
            raise InvalidTensor(f"duplicate {role} {shown(name)}")
        by_name[name] = item
    return by_name


def _body(signature: Signature, request: InferenceRequest, arrays: list[Array]) -> dict[str, Any]:
    version = {"model_version": signature.version} if signature.version else {}
    identifier = {} if request.id is None else {"id": request.id}
    outputs = [codec.write(declared, array) for declared, array in zip(request.outputs, arrays, strict=True)]
    return {"model_name": signature.name, **version, **identifier, "outputs": outputs}
