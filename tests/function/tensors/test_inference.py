"""Requests and responses of the Open Inference Protocol, on models of one or two nodes."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from function import model
from function.errors import BadRequest, FunctionError, InternalError, InvalidTensor, TooLarge
from function.settings import Settings
from function.tensors import inference
from function.tensors.model import TensorModel
from tests.support import tensor_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def load(path: Path) -> TensorModel:
    served = model.load(path, threads=1)
    assert isinstance(served, TensorModel)
    return served


@pytest.fixture(scope="module")
def adder(folder: Path) -> TensorModel:
    return load(tensor_models.add(folder / "adder.onnx"))


def tensor(name: str, *data: float, shape: list[int] | None = None, datatype: str = "FP32") -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": list(data)}


A, B = tensor("a", 1, 2, 3, shape=[1, 3]), tensor("b", 10, 20, 30, shape=[1, 3])


def infer(served: TensorModel, fields: Any, **environ: str) -> dict[str, Any]:
    return inference.infer(served, Settings.from_env(environ), fields).body


def test_response_has_the_fields_of_the_protocol(adder: TensorModel) -> None:
    assert infer(adder, {"inputs": [A, B], "id": "42", "parameters": {"any": 1}}) == {
        "model_name": "adder",
        "model_version": "3",
        "id": "42",
        "outputs": [
            {"name": "sum", "shape": [1, 3], "datatype": "FP32", "data": [11.0, 22.0, 33.0]},
            {"name": "twice", "shape": [1, 3], "datatype": "FP32", "data": [2.0, 4.0, 6.0]},
        ],
    }


def test_inputs_may_have_any_order(adder: TensorModel) -> None:
    assert infer(adder, {"inputs": [B, A]}) == infer(adder, {"inputs": [A, B]})


def test_response_to_a_request_without_id_has_no_id(adder: TensorModel) -> None:
    assert "id" not in infer(adder, {"inputs": [A, B]})


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        (None, ["sum", "twice"]),
        ([], ["sum", "twice"]),
        ([{"name": "twice"}], ["twice"]),
        ([{"name": "twice", "parameters": {}}, {"name": "sum"}], ["twice", "sum"]),
    ],
)
def test_outputs_are_returned_in_the_requested_order(adder: TensorModel, outputs: Any, names: list[str]) -> None:
    returned = infer(adder, {"inputs": [A, B], "outputs": outputs})["outputs"]
    assert [output["name"] for output in returned] == names


def test_steps_have_their_own_times_in_milliseconds(adder: TensorModel, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.accumulate([100, 0.001, 0.02, 0.3, 1e9])  # the step in seconds before each reading
    monkeypatch.setattr(inference, "perf_counter", lambda: next(clock))
    timing = inference.infer(adder, Settings.from_env({}), {"inputs": [A, B]}).timing
    assert timing._asdict() == pytest.approx({"read": 1, "inference": 20, "postprocess": 300})


def error_message(served: TensorModel, fields: Any, error: type[FunctionError], **environ: str) -> str:
    with pytest.raises(error) as raised:
        infer(served, fields, **environ)
    assert type(raised.value) is error
    return str(raised.value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (None, "body must be an object, got null; expected"),
        ([], "body must be an object, got an empty array; expected"),
        ("text", "body must be an object, got text; expected"),
        ({}, "inputs must be an array, got nothing; expected"),
        ({"image_data": "AAAA"}, "inputs must be an array, got nothing; expected"),
        ({"inputs": None}, "inputs must be an array, got nothing; expected"),
        ({"inputs": {}}, "inputs must be an array, got an object; expected"),
        ({"inputs": [5]}, "input must be an object, got a number; available:"),
        ({"inputs": [{}]}, "input name must be text, got null; available:"),
        ({"inputs": [{"name": ["a"]}]}, "input name must be text, got an array; available:"),
    ],
)
def test_error_for_an_invalid_request_has_the_inputs_of_the_model(
    adder: TensorModel, fields: Any, expected: str
) -> None:
    message = error_message(adder, fields, BadRequest)
    assert message.startswith(expected)
    assert "a FP32 [-1, 3], b FP32 [-1, 3]" in message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"inputs": [A, B], "id": 5}, "id must be text, got a number"),
        ({"inputs": [A, B], "outputs": {}}, "outputs must be an array of "),
        ({"inputs": [A, B], "outputs": ["sum"]}, "output must be an object, got text; available: sum, twice"),
        ({"inputs": [A, B], "outputs": [{}]}, "output name must be text, got null"),
    ],
)
def test_invalid_id_or_outputs_are_refused(adder: TensorModel, fields: Any, expected: str) -> None:
    assert error_message(adder, fields, BadRequest).startswith(expected)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([], "input 'a' is missing; required: a FP32 [-1, 3], b FP32 [-1, 3]"),
        ([A], "input 'b' is missing"),
        ([A, B, tensor("c", 1)], "unknown input 'c'; available: a FP32"),
        ([A, B, A], "duplicate input 'a'"),
        ([A, B | {"shape": [3]}], "input 'b': shape must be [-1, 3] (-1: any size), got [3]"),
        ([A, B | {"datatype": "FP64"}], "input 'b': datatype must be FP32, got 'FP64'"),
        ([A, B | {"data": [1, 2, float("nan")]}], "input 'b': data must be finite numbers (FP32), got NaN at [0, 2]"),
        ([A | {"data": [[1, 2], [3]]}, B], "input 'a': data at [] must have length 1 for shape [1, 3], got length 2"),
        ([A, {"name": "b"}], "input 'b': datatype must be FP32, got null"),
        ([A, tensor("x" * 1000, 1)], "unknown input 'xxxx"),
    ],
)
def test_error_for_an_invalid_input_has_its_name_and_the_reason(adder: TensorModel, inputs: Any, expected: str) -> None:
    message = error_message(adder, {"inputs": inputs}, InvalidTensor)
    assert message.startswith(expected)
    assert len(message) < 400


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([{"name": "product"}], "unknown output 'product'; available: sum, twice"),
        ([{"name": "sum"}, {"name": "sum"}], "duplicate output 'sum'"),
    ],
)
def test_error_for_an_invalid_output_has_its_name(adder: TensorModel, outputs: Any, expected: str) -> None:
    assert error_message(adder, {"inputs": [A, B], "outputs": outputs}, InvalidTensor) == expected


def test_error_for_mismatched_sizes_has_the_reason_of_onnxruntime(adder: TensorModel) -> None:
    two, three = tensor("a", *[1] * 6, shape=[2, 3]), tensor("b", *[1] * 9, shape=[3, 3])
    message = error_message(adder, {"inputs": [two, three]}, InvalidTensor)
    assert message.startswith("the model failed on these inputs (a [2, 3], b [3, 3]): ")
    assert "Add" in message
    assert "\n" not in message


def test_limit_counts_all_inputs_together(adder: TensorModel) -> None:
    assert infer(adder, {"inputs": [A, B], "outputs": [{"name": "sum"}]}, MAX_TENSOR_ELEMENTS="6")
    message = error_message(adder, {"inputs": [A, B]}, TooLarge, MAX_TENSOR_ELEMENTS="5")
    assert message.startswith("input 'b': ")


@pytest.fixture(scope="module")
def expander(folder: Path) -> TensorModel:
    return load(tensor_models.expand(folder / "expander.onnx"))


def expanded(size: int) -> dict[str, Any]:
    return {"inputs": [tensor("x", 1), tensor("shape", size, datatype="INT64")]}


def test_outputs_above_the_limit_are_refused(expander: TensorModel) -> None:
    assert len(infer(expander, expanded(10), MAX_TENSOR_ELEMENTS="10")["outputs"][0]["data"]) == 10
    message = error_message(expander, expanded(11), TooLarge, MAX_TENSOR_ELEMENTS="10")
    assert message.startswith("outputs must have at most 10 values (MAX_TENSOR_ELEMENTS), got 11")


def test_outputs_that_need_too_much_memory_are_too_large(expander: TensorModel) -> None:
    assert error_message(expander, expanded(10**15), TooLarge).startswith("not enough memory to run the model")


def test_output_with_nan_is_an_error_and_other_outputs_can_be_requested(folder: Path) -> None:
    served = load(tensor_models.log(folder / "log.onnx"))
    fields = {"inputs": [tensor("x", 1, -1, 0)]}
    message = error_message(served, fields, InternalError)
    assert message.startswith("model output 'y' contains NaN at [1]")
    outputs = infer(served, fields | {"outputs": [{"name": "same"}]})["outputs"]
    assert outputs[0]["data"] == [1, -1, 0]


@pytest.mark.parametrize(
    ("element", "datatype", "data"),
    [
        (TensorProto.BOOL, "BOOL", [True, False]),
        (TensorProto.UINT8, "UINT8", [0, 255]),
        (TensorProto.UINT64, "UINT64", [2**64 - 1, 0]),
        (TensorProto.INT64, "INT64", [-(2**63), 2**53 + 1]),
        (TensorProto.FLOAT16, "FP16", [0.5, -65504.0]),
        (TensorProto.DOUBLE, "FP64", [0.1, 1e308]),
        (TensorProto.STRING, "BYTES", ["größe", ""]),
    ],
)
def test_values_of_every_datatype_pass_through_a_model(
    folder: Path, element: int, datatype: str, data: list[Any]
) -> None:
    served = load(tensor_models.echo(folder / f"{datatype}.onnx", element, ["n"]))
    fields = {"inputs": [{"name": "x", "shape": [2], "datatype": datatype, "data": data}]}
    assert infer(served, fields)["outputs"] == [{"name": "y", "shape": [2], "datatype": datatype, "data": data}]


@pytest.mark.parametrize(("shape", "data"), [([], [2.5]), ([1], [2.5]), ([2, 1], [[1], [2]])])
def test_any_rank_is_accepted_for_a_dynamic_rank(folder: Path, shape: list[int], data: list[Any]) -> None:
    served = load(tensor_models.echo(folder / "free.onnx", TensorProto.FLOAT, None))
    fields = {"inputs": [{"name": "x", "shape": shape, "datatype": "FP32", "data": data}]}
    assert infer(served, fields)["outputs"][0]["shape"] == shape


def test_zero_rows_give_zero_rows(adder: TensorModel) -> None:
    empty = [tensor("a", shape=[0, 3]), tensor("b", shape=[0, 3])]
    assert infer(adder, {"inputs": empty})["outputs"][0] == {
        "name": "sum",
        "shape": [0, 3],
        "datatype": "FP32",
        "data": [],
    }
