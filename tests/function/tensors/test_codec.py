"""Tensors from JSON to arrays and back: accepted values, and the error for each invalid one."""

import json
import re
from typing import Any

import numpy as np
import pytest

from function.errors import FunctionError, InternalError, InvalidTensor, TooLarge
from function.tensors import codec
from function.tensors.signature import BY_ONNX_NAME, Tensor

DATATYPES = {datatype.name: datatype for datatype in BY_ONNX_NAME.values()}
LIMIT = 1000
SAMPLES: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 65_535],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-32_768, 32_767],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP16": [-65_504, 0.5],
    "FP32": [-3.4028234663852886e38, 0.1],
    "FP64": [1.7976931348623157e308, 0.1],
    "BYTES": ["", "größe\0"],
}


def declared(name: str = "FP32", *shape: int) -> Tensor:
    return Tensor("x", DATATYPES[name], shape or (-1,))


def read(tensor: Tensor, data: Any, shape: Any = None, limit: int = LIMIT) -> codec.Array:
    fields = {"name": "x", "shape": [len(data)] if shape is None else shape, "datatype": tensor.datatype.name}
    return codec.read(tensor, fields | {"data": data}, limit)


def test_every_datatype_of_the_protocol_is_supported() -> None:
    assert set(DATATYPES) == set(SAMPLES)


def test_empty_tensors_are_read() -> None:
    assert read(declared(), []).shape == (0,)
    assert read(declared("FP32", -1, 3), [], [0, 3]).shape == (0, 3)
    assert read(declared("BYTES", -1, 0), [[], []], [2, 0]).shape == (2, 0)


@pytest.mark.parametrize("name", SAMPLES)
def test_limits_of_a_datatype_survive_a_round_trip(name: str) -> None:
    array = read(declared(name), SAMPLES[name])
    assert array.dtype == DATATYPES[name].dtype
    written = codec.write(declared(name), array)
    assert (written["shape"], written["datatype"]) == ([2], name)
    back = json.loads(json.dumps(written["data"], allow_nan=False))
    assert read(declared(name), back).tolist() == array.tolist()
    assert set(map(type, back)) <= DATATYPES[name].json


def test_floats_are_written_with_the_fewest_digits() -> None:
    assert codec.write(declared(), np.array([0.1, -2, 1e-7], dtype=np.float32))["data"] == [0.1, -2.0, 1e-07]
    assert codec.write(declared("FP16"), np.array([65_504], dtype=np.float16))["data"] == [65_504]
    assert codec.write(declared("FP64"), np.array([0.1 + 0.2]))["data"] == [0.30000000000000004]


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_data_is_flat_or_nested(data: list[Any]) -> None:
    assert read(declared("INT64", -1, 3), data, [2, 3]).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_data_may_be_nested_as_deep_as_the_shape() -> None:
    data: Any = 1.5
    for _ in range(codec.MAX_DIMENSIONS):
        data = [data]
    tensor = Tensor("x", DATATYPES["FP32"], (-1,) * codec.MAX_DIMENSIONS)
    assert read(tensor, data, [1] * codec.MAX_DIMENSIONS).size == 1


def test_single_value_has_no_dimension() -> None:
    assert read(Tensor("x", DATATYPES["FP32"], ()), [1.5], []).shape == ()


def test_output_is_written_in_row_major_order() -> None:
    transposed = np.array([[1, 2], [3, 4]], dtype=np.int64).T
    assert codec.write(declared("INT64", 2, 2), transposed)["data"] == [1, 3, 2, 4]


def error_message(tensor: Tensor, fields: dict[str, Any], error: type[FunctionError] = InvalidTensor) -> str:
    with pytest.raises(error) as raised:
        codec.read(tensor, fields, LIMIT)
    assert type(raised.value) is error
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("FP32", [1, float("nan"), 2], "data must be finite numbers (FP32), got NaN at [1]"),
        ("FP32", [float("-inf")], "data must be finite numbers (FP32), got -Infinity at [0]"),
        ("FP64", [float("inf")], "(FP64), got Infinity at [0]"),
        ("FP32", [1e39], "(FP32), got 1e+39 at [0]"),
        ("FP16", [0, 65_520], "(FP16), got 65520 at [1]"),
        ("FP64", [0, 10**400], "(FP64), got 1000000000"),
        ("FP32", ["1"], "data must be finite numbers (FP32), got text at [0]"),
        ("FP32", [True], "got true or false at [0]"),
        ("FP32", [None], "got null at [0]"),
        ("FP32", [{}], "got an object at [0]"),
        ("INT64", [1, False], "data must be 64-bit integers without a decimal point (INT64), got true or false at [1]"),
        ("INT64", [1.0], "data must be 64-bit integers without a decimal point (INT64), got 1.0 at [0]"),
        ("INT64", [float("nan")], "(INT64), got NaN at [0]"),
        ("INT64", [2**63], "(INT64), got 9223372036854775808 at [0]"),
        ("UINT64", [2**64], "(UINT64), got 18446744073709551616 at [0]"),
        ("INT8", [0, -129], "data must be 8-bit integers without a decimal point (INT8), got -129 at [1]"),
        ("UINT8", [256], "(UINT8), got 256 at [0]"),
        ("UINT8", [-1], "data must be unsigned 8-bit integers without a decimal point (UINT8), got -1 at [0]"),
        ("BOOL", [1], "data must be true or false (BOOL), got 1 at [0]"),
        ("BOOL", ["true"], "got text at [0]"),
        ("BYTES", [5], "data must be text (BYTES), got 5 at [0]"),
        ("BYTES", ["ok", "\ud83d"], "data must be text (BYTES), got '\\ud83d' at [1]"),
    ],
)
def test_error_for_an_invalid_value_has_value_and_indices(name: str, data: list[Any], expected: str) -> None:
    message = error_message(declared(name), {"shape": [len(data)], "datatype": name, "data": data})
    assert message.startswith("input 'x': ")
    assert expected in message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([[1, 2, 3], [4, 5]], "data at [1] must have length 3 for shape [2, 3], got length 2"),
        ([[1, 2, 3], 4], "data at [1] must have length 3 for shape [2, 3], got a number"),
        ([[1, 2, 3]], "data at [] must have length 2 for shape [2, 3], got length 1"),
        ([[1, 2, 3], [4, 5, "6"]], "got text at [1, 2]"),
        ([[1, 2, 3], [4, 5, [6]]], "got an array at [1, 2]"),
        ([[1, 2], [3, 4], [5, 6]], "data at [] must have length 2 for shape [2, 3], got length 3"),
        ([1, 2, 3, 4, 5], "data must have 6 values for shape [2, 3], got 5"),
        ([], "data must have 6 values for shape [2, 3], got 0"),
        (None, "data must be an array of values, got nothing"),
        ("AAAA", "data must be an array of values, got text"),
        (5, "data must be an array of values, got a number"),
        ({"0": 1}, "data must be an array of values, got an object"),
    ],
)
def test_data_that_does_not_match_the_shape_is_refused(data: Any, expected: str) -> None:
    assert expected in error_message(declared("FP32", -1, 3), {"shape": [2, 3], "datatype": "FP32", "data": data})


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (None, "shape must be an array of integers, 0 or more, got null"),
        (3, "shape must be an array of integers, 0 or more, got a number"),
        (["3"], "shape must be an array of integers, 0 or more, got an array of other values"),
        ([3.0], "shape must be an array of integers, 0 or more, got an array of other values"),
        ([True], "shape must be an array of integers, 0 or more, got an array of other values"),
        ([-1, 3], "shape must be an array of integers, 0 or more, got an array of other values"),
        ([3], "shape must be [-1, 3] (-1: any size), got [3]"),
        ([1, 4], "shape must be [-1, 3] (-1: any size), got [1, 4]"),
        ([1] * 500, "shape must be [-1, 3] (-1: any size), got [1, 1, "),
    ],
)
def test_shape_that_does_not_match_the_model_is_refused(shape: Any, expected: str) -> None:
    message = error_message(declared("FP32", -1, 3), {"shape": shape, "datatype": "FP32", "data": [1, 2, 3]})
    assert expected in message
    assert len(message) < 300


@pytest.mark.parametrize("shape", [[10**6, 3], [334, 3], [0, 3, 10**30], [10**4000]])
def test_more_values_than_the_limit_are_refused_before_an_array_is_made(shape: list[int]) -> None:
    tensor = Tensor("x", DATATYPES["FP32"], (-1,) * len(shape))
    message = error_message(tensor, {"shape": shape, "datatype": "FP32", "data": []}, TooLarge)
    assert "shape must have at most 1000 values (the rest of MAX_TENSOR_ELEMENTS), got [" in message


def test_too_many_dimensions_are_refused_for_a_dynamic_rank() -> None:
    message = error_message(Tensor("x", DATATYPES["FP32"], ()), {"shape": [1] * 33, "datatype": "FP32", "data": [1]})
    assert message.startswith("input 'x': shape must have at most 32 dimensions, got [1, 1")


@pytest.mark.parametrize(
    ("datatype", "actual"), [("FP64", "'FP64'"), (None, "null"), ("", "''"), (5, "a number"), ("x" * 999, "xxx'…")]
)
def test_datatype_that_does_not_match_the_model_is_refused(datatype: Any, actual: str) -> None:
    message = error_message(declared(), {"shape": [1], "datatype": datatype, "data": [1]})
    assert re.search(f"datatype must be FP32, got .*{re.escape(actual)}$", message)


def test_very_deep_list_is_refused() -> None:
    data: Any = []
    for _ in range(100_000):
        data = [data]
    assert "data must be finite numbers (FP32), got an array at [0]" in error_message(
        declared(), {"shape": [1], "datatype": "FP32", "data": data}
    )


@pytest.mark.parametrize(
    ("value", "name"), [(np.nan, "contains NaN"), (np.inf, "contains Infinity"), (-np.inf, "contains -Infinity")]
)
@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_output_that_is_not_finite_is_an_error(datatype: str, value: float, name: str) -> None:
    array = np.array([[0, 1], [value, 2]], dtype=DATATYPES[datatype].dtype)
    with pytest.raises(InternalError) as raised:
        codec.write(declared(datatype, 2, 2), array)
    assert f"model output 'x' {name} at [1, 0]" in str(raised.value)
