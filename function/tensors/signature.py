"""Signature of a generic ONNX model: its name, version, inputs and outputs, and the datatypes of the protocol.

Source: github.com/kserve/open-inference-protocol 011728e, specification/protocol/inference_rest.md.
"""

from typing import Any, NamedTuple

import numpy as np

from function.errors import UnusableModel

BOOLEANS, WHOLE, NUMBERS, TEXT = frozenset({bool}), frozenset({int}), frozenset({int, float}), frozenset({str})
ANY = -1  # size of a dynamic dimension, as the protocol writes it
PLATFORM = "onnxruntime_onnx"  # "platform" of the metadata, as Triton Inference Server names it
MAX_SHOWN = 1000  # characters of the inputs in an error


class Datatype(NamedTuple):
    """Datatype of the protocol, with its names in ONNX, NumPy and JSON."""

    name: str  # in the protocol
    onnx: str  # in a session of onnxruntime
    dtype: np.dtype[np.generic]
    json: frozenset[type]  # types that json.loads returns for its values; bool is not one of the numbers
    values: str  # description of its values, for errors


class Tensor(NamedTuple):
    """Input or output of a model."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]  # ANY: dynamic size; (): a single value, or a model that leaves the rank dynamic


class Signature(NamedTuple):
    """Name, version, inputs and outputs of a model."""

    name: str
    version: str | None  # None: the file has no version
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def _datatypes() -> list[Datatype]:
    integers = [
        Datatype(
            f"{sign}INT{bits}",
            f"tensor({sign.lower()}int{bits})",
            np.dtype(f"{sign.lower()}int{bits}"),
            WHOLE,
            f"{'unsigned ' if sign else ''}{bits}-bit integers without a decimal point",
        )
        for sign in ("U", "")
        for bits in (8, 16, 32, 64)
    ]
    floats = [
        Datatype(name, f"tensor({onnx})", np.dtype(dtype), NUMBERS, "finite numbers")
        for name, onnx, dtype in (("FP16", "float16", "f2"), ("FP32", "float", "f4"), ("FP64", "double", "f8"))
    ]
    return [
        Datatype("BOOL", "tensor(bool)", np.dtype(bool), BOOLEANS, "true or false"),
        *integers,
        *floats,
        Datatype("BYTES", "tensor(string)", np.dtype(object), TEXT, "text"),
    ]


BY_ONNX_NAME = {datatype.onnx: datatype for datatype in _datatypes()}


def read(path: str, name: str, session: Any) -> Signature:
    """Return the signature of a session's model.

    Args:
        path: path of the model, for messages.
        name: name of the model in requests.
        session: onnxruntime session.

    Raises:
        UnusableModel: an input or output is not a tensor, or has a datatype that the protocol does not have.
    """
    version = session.get_modelmeta().version
    return Signature(
        name,
        str(version) if version > 0 else None,
        tuple(_tensor(path, "input", declared) for declared in session.get_inputs()),
        tuple(_tensor(path, "output", declared) for declared in session.get_outputs()),
    )


def metadata(signature: Signature) -> dict[str, Any]:
    """Return the model metadata of the protocol, JSON-ready."""
    versions = {"versions": [signature.version]} if signature.version else {}
    return {
        "name": signature.name,
        **versions,
        "platform": PLATFORM,
        "inputs": [_tensor_metadata(tensor) for tensor in signature.inputs],
        "outputs": [_tensor_metadata(tensor) for tensor in signature.outputs],
    }


def describe_inputs(signature: Signature) -> str:
    """Return the inputs as text for errors, such as `a FP32 [-1, 3], b FP32 [-1, 3]`."""
    parts = (f"{tensor.name} {tensor.datatype.name} {list(tensor.shape)}" for tensor in signature.inputs)
    text = ", ".join(parts) or "no input"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def looks_like_an_image(tensor: Tensor) -> bool:
    """Return True for the input shape of a color image model: (N, 3, height, width), float32."""
    return tensor.datatype.name == "FP32" and len(tensor.shape) == 4 and tensor.shape[1] == 3


def _tensor(path: str, role: str, declared: Any) -> Tensor:
    datatype = BY_ONNX_NAME.get(declared.type)
    if datatype is None:
        hint = ""
        if "map(" in declared.type:
            hint = "; convert a scikit-learn classifier with options={'zipmap': False}"
        known = ", ".join(datatype.name for datatype in BY_ONNX_NAME.values())
        raise UnusableModel(f"{path}: {role} {declared.name} must be a tensor of {known}, got {declared.type}{hint}")
    shape = tuple(size if isinstance(size, int) and size >= 0 else ANY for size in declared.shape)
    return Tensor(declared.name, datatype, shape)


def _tensor_metadata(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype.name, "shape": list(tensor.shape)}
