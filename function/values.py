"""Values as json.loads makes them to an array of one datatype, or the first that does not fit; nothing of shapes."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from function.datatypes import BOOLEANS, NUMBERS, TEXT, WHOLE, Datatype

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
