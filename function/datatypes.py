"""The datatypes of the Open Inference Protocol: what each is called in ONNX, in NumPy and in JSON.

Source: github.com/kserve/open-inference-protocol 011728e, specification/protocol/inference_rest.md.
"""

from typing import NamedTuple

import numpy as np

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
