"""One request of tensors to one answer: the flow of a model that takes no pictures, top to bottom.

Source: github.com/kserve/open-inference-protocol 011728e, specification/protocol/inference_rest.md.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Any, NamedTuple

from function.errors import BadRequest, InvalidTensor, TooLarge, kind, shown
from function.results import Inference, InferenceTiming
from function.settings import Settings
from function.tensors import codec, model
from function.tensors.model import Array, TensorModel
from function.tensors.signature import Signature, Tensor, takes

FORM = '{"inputs": [{"name", "shape", "datatype", "data"}]}'


class Question(NamedTuple):
    """A request that was checked against the model."""

    id: str | None
    inputs: dict[str, Array]
    outputs: tuple[Tensor, ...]  # in the order that they are asked for


def infer(served: TensorModel, settings: Settings, fields: Any) -> Inference:
    """Answer one request.

    Args:
        served: the model.
        settings: how many values a request, and its answer, may have.
        fields: the request as JSON has it.

    Raises:
        BadRequest: it is not of the protocol's form.
        InvalidTensor: an input or output is not what the model has, or the model does not run on these.
        TooLarge: more values than the limit, in the request or in the answer.
        InternalError: the model answered a number that JSON does not have.
    """
    started = perf_counter()
    question = ask(fields, served.signature, settings.max_tensor_elements)
    read = perf_counter()
    arrays = model.run(served, question.inputs, [one.name for one in question.outputs])
    ran = perf_counter()
    values = sum(array.size for array in arrays)
    if values > settings.max_tensor_elements:
        raise TooLarge(
            f"the answer has {values} values; wanted at most {settings.max_tensor_elements} (MAX_TENSOR_ELEMENTS): "
            "ask for fewer rows, or name fewer outputs"
        )
    body = _body(served.signature, question, arrays)
    return Inference(
        body, InferenceTiming(*(1000 * step for step in (read - started, ran - read, perf_counter() - ran)))
    )


def ask(fields: Any, signature: Signature, limit: int) -> Question:
    """Read a request; errors as `infer` has them."""
    if not isinstance(fields, Mapping):
        raise BadRequest(f"the body is {kind(fields)}; {wanted(signature)}")
    given = fields.get("inputs")
    if not isinstance(given, list):
        raise BadRequest(f"inputs is {'missing' if given is None else kind(given)}; {wanted(signature)}")
    identifier = fields.get("id")
    if not (identifier is None or isinstance(identifier, str)):
        raise BadRequest(f"id is {kind(identifier)}; wanted text")
    named = _by_name("input", given, {one.name for one in signature.inputs}, takes(signature))
    inputs: dict[str, Array] = {}
    left = limit
    for declared in signature.inputs:
        if declared.name not in named:
            raise InvalidTensor(f"input {shown(declared.name)} is missing; the model takes {takes(signature)}")
        inputs[declared.name] = codec.read(declared, named[declared.name], left)
        left -= inputs[declared.name].size
    return Question(identifier, inputs, _outputs(fields.get("outputs"), signature))


def wanted(signature: Signature) -> str:
    """What a request has to be, for errors."""
    return f"wanted {FORM} with {takes(signature)}"


def _outputs(given: Any, signature: Signature) -> tuple[Tensor, ...]:
    """Those that are asked for; all where none is named."""
    if given is None or given == []:
        return signature.outputs
    if not isinstance(given, list):
        raise BadRequest(f'outputs is {kind(given)}; wanted an array of {{"name"}}')
    known = {one.name: one for one in signature.outputs}
    return tuple(known[name] for name in _by_name("output", given, set(known), ", ".join(known)))


def _by_name(what: str, given: list[Any], known: set[str], has: str) -> dict[str, Mapping[str, Any]]:
    """The inputs or outputs of a request under their names; each is known, and there once."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in given:
        name = one.get("name") if isinstance(one, Mapping) else None
        if not isinstance(name, str):
            where = f"the name of one of {what}s" if isinstance(one, Mapping) else f"one of {what}s"
            raise BadRequest(f"{where} is {kind(name if isinstance(one, Mapping) else one)}; the model has {has}")
        if name not in known:
            raise InvalidTensor(f"{what} {shown(name)} is unknown; the model has {has}")
        if name in found:
            raise InvalidTensor(f"{what} {shown(name)} is there twice")
        found[name] = one
    return found


def _body(signature: Signature, question: Question, arrays: list[Array]) -> dict[str, Any]:
    version = {"model_version": signature.version} if signature.version else {}
    identifier = {} if question.id is None else {"id": question.id}
    outputs = [codec.write(declared, array) for declared, array in zip(question.outputs, arrays, strict=True)]
    return {"model_name": signature.name, **version, **identifier, "outputs": outputs}
