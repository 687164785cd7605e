"""One tensor of a request from JSON to an array, checked to the last number, and one of an answer back to JSON."""

import math
import sys
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from function.errors import InternalError, InvalidTensor, TooLarge, kind, shown
from function.tensors.signature import ANY, BOOLEANS, NUMBERS, TEXT, WHOLE, Datatype, Tensor

Array = NDArray[Any]

LARGEST_FLOAT = sys.float_info.max


class Misfit(Exception):
    """A value that has the right kind and does not fit; `number` counts in row-major order."""

    def __init__(self, number: int) -> None:
        """`number` as it is."""
        super().__init__(number)
        self.number = number


def _booleans(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    return np.array(flat, dtype=dtype)


def _whole(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if flat and (min(flat) < low or max(flat) > high):
        raise Misfit(next(number for number, one in enumerate(flat) if not low <= one <= high))
    return np.array(flat, dtype=dtype)


def _real(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    try:
        wide = np.array(flat, dtype=np.float64)
    except OverflowError:  # a whole number may have any number of digits
        too_large = (number for number, one in enumerate(flat) if type(one) is int and abs(one) > LARGEST_FLOAT)
        raise Misfit(next(too_large)) from None
    with np.errstate(over="ignore"):
        fitted = wide.astype(dtype)
    bad = np.flatnonzero(~np.isfinite(fitted))
    if bad.size:
        raise Misfit(int(bad[0]))
    return fitted


def _texts(flat: list[Any], dtype: np.dtype[Any]) -> Array:
    try:
        "".join(flat).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and the network cannot get
        halves = (number for number, one in enumerate(flat) if any("\ud800" <= letter <= "\udfff" for letter in one))
        raise Misfit(next(halves)) from None
    return np.array(flat, dtype=dtype)


MAKERS = {BOOLEANS: _booleans, WHOLE: _whole, NUMBERS: _real, TEXT: _texts}


def array(flat: list[Any], datatype: Datatype) -> Array:
    """(N,) of the datatype.

    Args:
        flat: N values of the kinds that the datatype has in JSON.
        datatype: what they are to be.

    Raises:
        Misfit: one is out of the datatype's range, or no number or text at all.
    """
    return MAKERS[datatype.json](flat, datatype.dtype)


MAX_DIMENSIONS = 32  # of one tensor; no model comes near, NumPy ends at 64
LEFT = "which is what MAX_TENSOR_ELEMENTS leaves for it"


def read(declared: Tensor, fields: Mapping[str, Any], limit: int) -> Array:
    """The array of one input.

    Args:
        declared: what the model takes.
        fields: the input of the request: `shape`, `datatype`, and `data`, flat in row-major order or nested as the
            shape says.
        limit: values that it may have.

    Returns:
        An array of the declared datatype; of texts an array of `str` objects.

    Raises:
        InvalidTensor: it is not what the model takes; the message names the input, and the place within it.
        TooLarge: more values than the limit.
    """
    label = f"input {shown(declared.name)}"
    if fields.get("datatype") != declared.datatype.name:
        given = fields.get("datatype")
        found = shown(given) if isinstance(given, str) else kind(given)
        raise InvalidTensor(f"{label}: the datatype is {found}; the model takes {declared.datatype.name}")
    shape = _shape(label, declared, fields.get("shape"), limit)
    flat = _flat(label, fields.get("data"), shape)
    odd = set(map(type, flat)) - declared.datatype.json
    if odd:
        number = next(number for number, one in enumerate(flat) if type(one) in odd)
        found = _named(flat[number]) if type(flat[number]) in NUMBERS else kind(flat[number])
        raise InvalidTensor(f"{label}: data holds {found} at {_place(number, shape)}; {_wanted(declared)}")
    try:
        return array(flat, declared.datatype).reshape(shape)
    except Misfit as misfit:
        value, place = flat[misfit.number], _place(misfit.number, shape)
        found = shown(value) if isinstance(value, str) else _named(value)
        raise InvalidTensor(f"{label}: data holds {found} at {place}; {_wanted(declared)}") from misfit


def write(declared: Tensor, answered: Array) -> dict[str, Any]:
    """One output, JSON-ready.

    Numbers of 32 bits are written with as many digits as give the same 32 bits back: about half of what writes them
    out exactly, and an answer has its limit.

    Raises:
        InternalError: it holds NaN or an infinity, which JSON does not have.
    """
    flat = answered.ravel()
    if declared.datatype.json is NUMBERS:
        bad = np.flatnonzero(~np.isfinite(flat))
        if bad.size:
            value, place = _named(float(flat[bad[0]])), _place(int(bad[0]), answered.shape)
            what = f"the model answered {value} in output {shown(declared.name)} at {place}"
            raise InternalError(f"{what}; JSON has no such number, the other outputs can be asked for by name")
    data = [float(str(one)) for one in flat] if flat.dtype == np.float32 else flat.tolist()
    return {"name": declared.name, "shape": list(answered.shape), "datatype": declared.datatype.name, "data": data}


def _shape(label: str, declared: Tensor, given: Any, limit: int) -> tuple[int, ...]:
    if not isinstance(given, list) or not all(type(size) is int and size >= 0 for size in given):
        found = kind(given) if not isinstance(given, list) else "an array of something else"
        raise InvalidTensor(f"{label}: shape is {found}; wanted an array of whole numbers, none below 0")
    wanted, shape = declared.shape, tuple(given)
    fits = len(shape) == len(wanted) and all(free in (ANY, size) for size, free in zip(shape, wanted, strict=True))
    if len(shape) > MAX_DIMENSIONS or (wanted and not fits):
        raise InvalidTensor(f"{label}: the shape is {_listed(shape)}; the model takes {list(wanted)} (-1: any size)")
    if math.prod(shape) > limit or max(shape, default=0) > limit:
        raise TooLarge(f"{label}: a shape of {_listed(shape)}; wanted at most {limit} values, {LEFT}")
    return shape


def _flat(label: str, data: Any, shape: tuple[int, ...]) -> list[Any]:
    """The values in row-major order; not yet looked at but for lists among them."""
    if not isinstance(data, list):
        raise InvalidTensor(f"{label}: data is {'missing' if data is None else kind(data)}; wanted an array of values")
    count = math.prod(shape)
    if list not in set(map(type, data)):
        if len(data) != count:
            raise InvalidTensor(f"{label}: data has {len(data)} values; the shape {list(shape)} has {count}")
        return data
    rows: list[Any] = [data]
    for axis, size in enumerate(shape):
        for number, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != size:
                found = f"{len(row)} values" if isinstance(row, list) else kind(row)
                place = _place(number, shape[:axis])
                raise InvalidTensor(
                    f"{label}: data has {found} at {place}; the shape {list(shape)} wants {size} values"
                )
        rows = list(chain.from_iterable(rows))
    return rows


def _wanted(declared: Tensor) -> str:
    return f"{declared.datatype.name} takes {declared.datatype.words}"


def _place(number: int, shape: tuple[int, ...]) -> str:
    """The indices of a value, `[]` where there are none."""
    return str([int(index) for index in np.unravel_index(number, shape)] if shape else [])


def _named(number: float) -> str:
    """A number in the words of JSON; of a long one its beginning."""
    if number != number or number in (math.inf, -math.inf):
        return "NaN" if number != number else f"{'-' if number < 0 else ''}Infinity"
    return f"{number!r:.40}"


def _listed(shape: tuple[int, ...]) -> str:
    return f"{list(shape)!r:.100}"
