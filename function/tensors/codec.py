"""Conversion of tensors between JSON and arrays, with checks of datatype, shape and every value."""

import math
import sys
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from function.arrays import Array
from function.errors import InternalError, InvalidTensor, TooLarge, kind, shown
from function.tensors.signature import ANY, BOOLEANS, NUMBERS, TEXT, WHOLE, Datatype, Tensor

MAX_DIMENSIONS = 32  # of one tensor; no known model has as many, and NumPy supports 64
LARGEST_FLOAT = sys.float_info.max


class OutOfRange(Exception):
    """Value of the right JSON type that the datatype cannot represent."""

    def __init__(self, index: int) -> None:
        """Store the index of the value in row-major order."""
        super().__init__(index)
        self.index = index


def read(declared: Tensor, fields: Mapping[str, Any], limit: int) -> Array:
    """Return the array of one input.

    Args:
        declared: input of the model.
        fields: input of the request: `shape`, `datatype`, and `data`, flat in row-major order or nested like `shape`.
        limit: largest number of values.

    Returns:
        Array of the declared datatype; for BYTES an array of `str` objects. No values give an empty array.

    Raises:
        InvalidTensor: datatype, shape or a value does not match; the message has the input and the indices.
        TooLarge: more values than `limit`.
    """
    label = f"input {shown(declared.name)}"
    datatype = fields.get("datatype")
    if datatype != declared.datatype.name:
        actual = shown(datatype) if isinstance(datatype, str) else kind(datatype)
        raise InvalidTensor(f"{label}: datatype must be {declared.datatype.name}, got {actual}")
    shape = _shape(label, declared, fields.get("shape"), limit)
    flat = _flat(label, fields.get("data"), shape)
    expected = f"{label}: data must be {declared.datatype.values} ({declared.datatype.name})"
    wrong_types = set(map(type, flat)) - declared.datatype.json
    if wrong_types:
        index = next(index for index, value in enumerate(flat) if type(value) in wrong_types)
        actual = _number_text(flat[index]) if type(flat[index]) in NUMBERS else kind(flat[index])
        raise InvalidTensor(f"{expected}, got {actual} at {_indices(index, shape)}")
    try:
        return to_array(flat, declared.datatype).reshape(shape)
    except OutOfRange as error:
        value = flat[error.index]
        actual = shown(value) if isinstance(value, str) else _number_text(value)
        raise InvalidTensor(f"{expected}, got {actual} at {_indices(error.index, shape)}") from error


def write(declared: Tensor, output: Array) -> dict[str, Any]:
    """Return one output, JSON-ready, with flat data in row-major order.

    32-bit floats are written with the shortest text that reads back as the same 32 bits. This is about half of their
    exact decimal text, and the size of a response is limited.

    Raises:
        InternalError: the output contains NaN or infinity, which JSON cannot represent.
    """
    flat = output.ravel()
    if declared.datatype.json is NUMBERS:
        not_finite = np.flatnonzero(~np.isfinite(flat))
        if not_finite.size:
            index = int(not_finite[0])
            value, position = _number_text(float(flat[index])), _indices(index, output.shape)
            raise InternalError(
                f"model output {shown(declared.name)} contains {value} at {position}, which JSON cannot represent; "
                "the other outputs can be requested by name"
            )
    data = [float(str(value)) for value in flat] if flat.dtype == np.float32 else flat.tolist()
    return {"name": declared.name, "shape": list(output.shape), "datatype": declared.datatype.name, "data": data}


def to_array(flat: list[Any], datatype: Datatype) -> Array:
    """Return an (N,) array of the datatype.

    Args:
        flat: N values of the JSON types of the datatype.
        datatype: datatype of the array.

    Raises:
        OutOfRange: a value is outside the range of the datatype, is not finite, or is not valid Unicode.
    """
    return CONVERTERS[datatype.json](flat, datatype.dtype)


def _booleans(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    return np.array(flat, dtype=dtype)


def _integers(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if flat and (min(flat) < low or max(flat) > high):
        raise OutOfRange(next(index for index, value in enumerate(flat) if not low <= value <= high))
    return np.array(flat, dtype=dtype)


def _floats(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    try:
        wide = np.array(flat, dtype=np.float64)
    except OverflowError:  # a JSON integer may have any number of digits
        too_large = (index for index, value in enumerate(flat) if type(value) is int and abs(value) > LARGEST_FLOAT)
        raise OutOfRange(next(too_large)) from None
    with np.errstate(over="ignore"):
        converted = wide.astype(dtype)
    not_finite = np.flatnonzero(~np.isfinite(converted))
    if not_finite.size:
        raise OutOfRange(int(not_finite[0]))
    return converted


def _texts(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    try:
        "".join(flat).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: valid in JSON, but not encodable for the model
        halves = (index for index, text in enumerate(flat) if any("\ud800" <= letter <= "\udfff" for letter in text))
        raise OutOfRange(next(halves)) from None
    return np.array(flat, dtype=dtype)


CONVERTERS = {BOOLEANS: _booleans, WHOLE: _integers, NUMBERS: _floats, TEXT: _texts}


def _shape(label: str, declared: Tensor, requested: Any, limit: int) -> tuple[int, ...]:
    """Return the shape of a request, checked against the declared one and against the limit."""
    if not isinstance(requested, list) or not all(type(size) is int and size >= 0 for size in requested):
        actual = "an array of other values" if isinstance(requested, list) else kind(requested)
        raise InvalidTensor(f"{label}: shape must be an array of integers, 0 or more, got {actual}")
    sizes, shape = declared.shape, tuple(requested)
    fits = len(shape) == len(sizes) and all(free in (ANY, size) for size, free in zip(shape, sizes, strict=True))
    if len(shape) > MAX_DIMENSIONS or (sizes and not fits):
        expected = f"be {list(sizes)} (-1: any size)" if sizes else f"have at most {MAX_DIMENSIONS} dimensions"
        raise InvalidTensor(f"{label}: shape must {expected}, got {_shape_text(shape)}")
    if math.prod(shape) > limit or max(shape, default=0) > limit:
        expected = f"have at most {limit} values (the rest of MAX_TENSOR_ELEMENTS)"
        raise TooLarge(f"{label}: shape must {expected}, got {_shape_text(shape)}")
    return shape


def _flat(label: str, data: Any, shape: tuple[int, ...]) -> list[Any]:
    """Return the values in row-major order; only nested lists are checked, not the values."""
    if not isinstance(data, list):
        actual = "nothing" if data is None else kind(data)
        raise InvalidTensor(f"{label}: data must be an array of values, got {actual}")
    count = math.prod(shape)
    if list not in set(map(type, data)):
        if len(data) != count:
            raise InvalidTensor(f"{label}: data must have {count} values for shape {list(shape)}, got {len(data)}")
        return data
    rows: list[Any] = [data]
    for axis, size in enumerate(shape):
        for index, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != size:
                actual = f"length {len(row)}" if isinstance(row, list) else kind(row)
                position = _indices(index, shape[:axis])
                raise InvalidTensor(
                    f"{label}: data at {position} must have length {size} for shape {list(shape)}, got {actual}"
                )
        rows = list(chain.from_iterable(rows))
    return rows


def _indices(index: int, shape: tuple[int, ...]) -> str:
    """Return the indices of a value as text, `[]` for an array without dimensions."""
    return str([int(position) for position in np.unravel_index(index, shape)] if shape else [])


def _number_text(number: float) -> str:
    """Return a number as JSON writes it, and only the beginning of a long one."""
    if number != number or number in (math.inf, -math.inf):
        return "NaN" if number != number else f"{'-' if number < 0 else ''}Infinity"
    return f"{number!r:.40}"


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"{list(shape)!r:.100}"
