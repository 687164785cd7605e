"""What a model that takes tensors says of itself: its name, its inputs and its outputs.

It knows no array and no file: a session of onnxruntime is asked.
"""

from typing import Any, NamedTuple

import numpy as np

from function.errors import UnusableModel

BOOLEANS, WHOLE, NUMBERS, TEXT = frozenset({bool}), frozenset({int}), frozenset({int, float}), frozenset({str})


class Datatype(NamedTuple):
    """One datatype under its names."""

    name: str  # in the protocol
    onnx: str  # as a session of onnxruntime says it
    dtype: np.dtype[np.generic]
    json: frozenset[type]  # what json.loads makes of its values; bool is none of the numbers
    words: str  # for errors


def _rows() -> list[Datatype]:
    whole = [
        Datatype(f"{sign}INT{bits}", f"tensor({sign.lower()}int{bits})", np.dtype(f"{sign.lower()}int{bits}"), WHOLE,
                 f"whole numbers of {bits} bits" + (", none below 0" if sign else "") + ", without a decimal point")
        for sign in ("U", "") for bits in (8, 16, 32, 64)
    ]  # fmt: skip
    real = [
        Datatype(name, f"tensor({onnx})", np.dtype(dtype), NUMBERS, "finite numbers")
        for name, onnx, dtype in (("FP16", "float16", "f2"), ("FP32", "float", "f4"), ("FP64", "double", "f8"))
    ]
    return [
        Datatype("BOOL", "tensor(bool)", np.dtype(bool), BOOLEANS, "true and false"),
        *whole,
        *real,
        Datatype("BYTES", "tensor(string)", np.dtype(object), TEXT, "texts"),
    ]


OF_ONNX = {row.onnx: row for row in _rows()}

ANY = -1  # of a dimension: every size; the protocol's word
PLATFORM = "onnxruntime_onnx"  # "platform" of the metadata; what Triton Inference Server calls the same
MAX_SHOWN = 1000  # characters of the inputs in an error


class Tensor(NamedTuple):
    """One input or output."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]  # ANY where it is free; () for a single value, and where the model leaves even the rank free


class Signature(NamedTuple):
    """What is asked and answered."""

    name: str
    version: str | None  # None: the file states none
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def read(path: str, name: str, session: Any) -> Signature:
    """The signature of a session's model.

    Args:
        path: where it is from, for messages.
        name: what clients call it.
        session: onnxruntime's.

    Raises:
        UnusableModel: an input or output is no tensor, or of a datatype that the protocol does not have.
    """
    version = session.get_modelmeta().version
    return Signature(
        name,
        str(version) if version > 0 else None,
        tuple(_tensor(path, "takes", one) for one in session.get_inputs()),
        tuple(_tensor(path, "answers", one) for one in session.get_outputs()),
    )


def looks_like_a_picture(tensor: Tensor) -> bool:
    """Whether an input has the shape that a network for color pictures has: (N, 3, height, width), float32."""
    return tensor.datatype.name == "FP32" and len(tensor.shape) == 4 and tensor.shape[1] == 3


def takes(signature: Signature) -> str:
    """The inputs in words, for errors."""
    text = ", ".join(f"{one.name} {one.datatype.name} {list(one.shape)}" for one in signature.inputs) or "no input"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def metadata(signature: Signature) -> dict[str, Any]:
    """The protocol's metadata of a model, JSON-ready."""
    versions = {"versions": [signature.version]} if signature.version else {}
    return {
        "name": signature.name,
        **versions,
        "platform": PLATFORM,
        "inputs": [_row(one) for one in signature.inputs],
        "outputs": [_row(one) for one in signature.outputs],
    }


def _row(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype.name, "shape": list(tensor.shape)}


def _tensor(path: str, verb: str, declared: Any) -> Tensor:
    datatype = OF_ONNX.get(declared.type)
    if datatype is None:
        hint = ""
        if "map(" in declared.type:
            hint = "; convert a classifier of scikit-learn with options={'zipmap': False}"
        known = ", ".join(row.name for row in OF_ONNX.values())
        raise UnusableModel(f"{path} {verb} {declared.name} {declared.type}; served are {known}{hint}")
    shape = tuple(size if isinstance(size, int) and size >= 0 else ANY for size in declared.shape)
    return Tensor(declared.name, datatype, shape)
