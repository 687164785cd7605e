"""One tensor from JSON to an array and back: what is taken, and what every wrong one is told."""

import json
import re
from typing import Any

import numpy as np
import pytest

from function.errors import FunctionError, InternalError, InvalidTensor, TooLarge
from function.tensors import codec
from function.tensors.signature import OF_ONNX, Tensor

NAMES = {row.name: row for row in OF_ONNX.values()}
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
    return Tensor("x", NAMES[name], shape or (-1,))


def read(tensor: Tensor, data: Any, shape: Any = None, limit: int = LIMIT) -> codec.Array:
    given = {"name": "x", "shape": [len(data)] if shape is None else shape, "datatype": tensor.datatype.name}
    return codec.read(tensor, given | {"data": data}, limit)


def test_every_datatype_of_the_protocol_is_known() -> None:
    assert set(NAMES) == set(SAMPLES)


def test_no_value_is_a_tensor() -> None:
    assert read(declared(), []).shape == (0,)
    assert read(declared("FP32", -1, 3), [], [0, 3]).shape == (0, 3)
    assert read(declared("BYTES", -1, 0), [[], []], [2, 0]).shape == (2, 0)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_ends_of_a_datatype_come_through_and_back(name: str) -> None:
    array = read(declared(name), SAMPLES[name])
    assert array.dtype == NAMES[name].dtype
    written = codec.write(declared(name), array)
    assert (written["shape"], written["datatype"]) == ([2], name)
    back = json.loads(json.dumps(written["data"], allow_nan=False))
    assert read(declared(name), back).tolist() == array.tolist()
    assert set(map(type, back)) <= NAMES[name].json


def test_short_numbers_are_written_short() -> None:
    assert codec.write(declared(), np.array([0.1, -2, 1e-7], dtype=np.float32))["data"] == [0.1, -2.0, 1e-07]
    assert codec.write(declared("FP16"), np.array([65_504], dtype=np.float16))["data"] == [65_504]
    assert codec.write(declared("FP64"), np.array([0.1 + 0.2]))["data"] == [0.30000000000000004]


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_data_is_flat_or_nested(data: list[Any]) -> None:
    assert read(declared("INT64", -1, 3), data, [2, 3]).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_data_nests_as_deep_as_the_shape() -> None:
    data: Any = 1.5
    for _ in range(codec.MAX_DIMENSIONS):
        data = [data]
    tensor = Tensor("x", NAMES["FP32"], (-1,) * codec.MAX_DIMENSIONS)
    assert read(tensor, data, [1] * codec.MAX_DIMENSIONS).size == 1


def test_a_single_value_has_no_dimension() -> None:
    assert read(Tensor("x", NAMES["FP32"], ()), [1.5], []).shape == ()


def test_an_output_is_written_in_row_major_order() -> None:
    turned = np.array([[1, 2], [3, 4]], dtype=np.int64).T
    assert codec.write(declared("INT64", 2, 2), turned)["data"] == [1, 3, 2, 4]


def refused(tensor: Tensor, fields: dict[str, Any], error: type[FunctionError] = InvalidTensor) -> str:
    with pytest.raises(error) as caught:
        codec.read(tensor, fields, LIMIT)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("FP32", [1, float("nan"), 2], "data holds NaN at [1]; FP32 takes finite numbers"),
        ("FP32", [float("-inf")], "data holds -Infinity at [0]; FP32 takes finite numbers"),
        ("FP64", [float("inf")], "data holds Infinity at [0]"),
        ("FP32", [1e39], "data holds 1e+39 at [0]; FP32 takes"),
        ("FP16", [0, 65_520], "data holds 65520 at [1]"),
        ("FP64", [0, 10**400], "data holds 1000000000"),
        ("FP32", ["1"], "data holds text at [0]; FP32 takes finite numbers"),
        ("FP32", [True], "data holds true or false at [0]"),
        ("FP32", [None], "data holds null at [0]"),
        ("FP32", [{}], "data holds an object at [0]"),
        ("INT64", [1, False], "data holds true or false at [1]; INT64 takes whole numbers of 64 bits"),
        ("INT64", [1.0], "data holds 1.0 at [0]; INT64 takes whole numbers of 64 bits, without a decimal point"),
        ("INT64", [float("nan")], "data holds NaN at [0]"),
        ("INT64", [2**63], "data holds 9223372036854775808 at [0]"),
        ("UINT64", [2**64], "data holds 18446744073709551616 at [0]"),
        ("INT8", [0, -129], "data holds -129 at [1]; INT8 takes whole numbers of 8 bits"),
        ("UINT8", [256], "data holds 256 at [0]"),
        ("UINT8", [-1], "data holds -1 at [0]; UINT8 takes whole numbers of 8 bits, none below 0"),
        ("BOOL", [1], "data holds 1 at [0]; BOOL takes true and false"),
        ("BOOL", ["true"], "data holds text at [0]"),
        ("BYTES", [5], "data holds 5 at [0]; BYTES takes texts"),
        ("BYTES", ["ok", "\ud83d"], "data holds '\\ud83d' at [1]; BYTES takes texts"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_place(name: str, data: list[Any], said: str) -> None:
    message = refused(declared(name), {"shape": [len(data)], "datatype": name, "data": data})
    assert message.startswith("input 'x': ")
    assert said in message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([[1, 2, 3], [4, 5]], "data has 2 values at [1]; the shape [2, 3] wants 3 values"),
        ([[1, 2, 3], 4], "data has a number at [1]"),
        ([[1, 2, 3]], "data has 1 values at []; the shape [2, 3] wants 2 values"),
        ([[1, 2, 3], [4, 5, "6"]], "data holds text at [1, 2]"),
        ([[1, 2, 3], [4, 5, [6]]], "data holds an array at [1, 2]"),
        ([[1, 2], [3, 4], [5, 6]], "data has 3 values at []"),
        ([1, 2, 3, 4, 5], "data has 5 values; the shape [2, 3] has 6"),
        ([], "data has 0 values; the shape [2, 3] has 6"),
        (None, "data is missing; wanted an array"),
        ("AAAA", "data is text; wanted an array"),
        (5, "data is a number; wanted an array"),
        ({"0": 1}, "data is an object; wanted an array"),
    ],
)
def test_data_of_another_form_than_the_shape_is_refused(data: Any, said: str) -> None:
    assert said in refused(declared("FP32", -1, 3), {"shape": [2, 3], "datatype": "FP32", "data": data})


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (None, "shape is null; wanted an array of whole numbers"),
        (3, "shape is a number"),
        (["3"], "shape is an array of something else"),
        ([3.0], "shape is an array of something else"),
        ([True], "shape is an array of something else"),
        ([-1, 3], "shape is an array of something else"),
        ([3], "the shape is [3]; the model takes [-1, 3] (-1: any size)"),
        ([1, 4], "the shape is [1, 4]; the model takes [-1, 3]"),
        ([1] * 500, "the model takes [-1, 3]"),
    ],
)
def test_another_shape_than_the_model_takes_is_refused(shape: Any, said: str) -> None:
    message = refused(declared("FP32", -1, 3), {"shape": shape, "datatype": "FP32", "data": [1, 2, 3]})
    assert said in message
    assert len(message) < 300


@pytest.mark.parametrize("shape", [[10**6, 3], [334, 3], [0, 3, 10**30], [10**4000]])
def test_more_values_than_the_limit_are_refused_before_any_is_made(shape: list[int]) -> None:
    tensor = Tensor("x", NAMES["FP32"], (-1,) * len(shape))
    message = refused(tensor, {"shape": shape, "datatype": "FP32", "data": []}, TooLarge)
    assert "wanted at most 1000 values, which is what MAX_TENSOR_ELEMENTS leaves for it" in message


def test_a_rank_that_no_model_has_is_refused_where_the_model_leaves_it_free() -> None:
    message = refused(Tensor("x", NAMES["FP32"], ()), {"shape": [1] * 33, "datatype": "FP32", "data": [1]})
    assert message.startswith("input 'x': the shape is [1, 1")


@pytest.mark.parametrize(
    ("datatype", "found"), [("FP64", "'FP64'"), (None, "null"), ("", "''"), (5, "a number"), ("x" * 999, "xxx'…")]
)
def test_another_datatype_than_the_model_takes_is_refused(datatype: Any, found: str) -> None:
    message = refused(declared(), {"shape": [1], "datatype": datatype, "data": [1]})
    assert re.search(f"the datatype is .*{re.escape(found)}; the model takes FP32", message)


def test_a_list_nested_without_end_is_refused() -> None:
    data: Any = []
    for _ in range(100_000):
        data = [data]
    assert "data holds an array at [0]" in refused(declared(), {"shape": [1], "datatype": "FP32", "data": data})


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "NaN"), (np.inf, "answered Infinity"), (-np.inf, "answered -Infinity")]
)
@pytest.mark.parametrize("name", ["FP16", "FP32", "FP64"])
def test_an_answer_that_json_does_not_have_is_an_error(name: str, value: float, said: str) -> None:
    array = np.array([[0, 1], [value, 2]], dtype=NAMES[name].dtype)
    with pytest.raises(InternalError, match=said) as caught:
        codec.write(declared(name, 2, 2), array)
    assert "in output 'x' at [1, 0]" in str(caught.value)
