"""A request of tensors to its answer, on models of one or two nodes."""

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

Make = Any


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


def test_the_answer_is_as_the_protocol_says(adder: TensorModel) -> None:
    assert infer(adder, {"inputs": [A, B], "id": "42", "parameters": {"any": 1}}) == {
        "model_name": "adder",
        "model_version": "3",
        "id": "42",
        "outputs": [
            {"name": "sum", "shape": [1, 3], "datatype": "FP32", "data": [11.0, 22.0, 33.0]},
            {"name": "twice", "shape": [1, 3], "datatype": "FP32", "data": [2.0, 4.0, 6.0]},
        ],
    }


def test_the_order_of_the_inputs_is_free(adder: TensorModel) -> None:
    assert infer(adder, {"inputs": [B, A]}) == infer(adder, {"inputs": [A, B]})


def test_what_has_no_id_is_answered_without_one(adder: TensorModel) -> None:
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
def test_outputs_come_as_they_are_asked_for(adder: TensorModel, outputs: Any, names: list[str]) -> None:
    answered = infer(adder, {"inputs": [A, B], "outputs": outputs})["outputs"]
    assert [one["name"] for one in answered] == names


def test_every_step_has_its_time(adder: TensorModel) -> None:
    timing = inference.infer(adder, Settings.from_env({}), {"inputs": [A, B]}).timing
    assert min(timing) > 0


def refused(served: TensorModel, fields: Any, error: type[FunctionError], **environ: str) -> str:
    with pytest.raises(error) as caught:
        infer(served, fields, **environ)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (None, "the body is null; wanted"),
        ([], "the body is an array; wanted"),
        ("text", "the body is text; wanted"),
        ({}, "inputs is missing; wanted"),
        ({"image_data": "AAAA"}, "inputs is missing; wanted"),
        ({"inputs": None}, "inputs is missing; wanted"),
        ({"inputs": {}}, "inputs is an object; wanted"),
        ({"inputs": [5]}, "one of inputs is a number; the model has"),
        ({"inputs": [{}]}, "the name of one of inputs is null; the model has"),
        ({"inputs": [{"name": ["a"]}]}, "the name of one of inputs is an array; the model has"),
    ],
)
def test_what_is_no_request_of_the_protocol_is_told_what_the_model_takes(
    adder: TensorModel, fields: Any, said: str
) -> None:
    message = refused(adder, fields, BadRequest)
    assert message.startswith(said)
    assert "a FP32 [-1, 3], b FP32 [-1, 3]" in message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"inputs": [A, B], "id": 5}, "id is a number; wanted text"),
        ({"inputs": [A, B], "outputs": {}}, "outputs is an object"),
        ({"inputs": [A, B], "outputs": ["sum"]}, "one of outputs is text; the model has sum, twice"),
        ({"inputs": [A, B], "outputs": [{}]}, "the name of one of outputs is null"),
    ],
)
def test_what_goes_with_the_inputs_has_its_form_too(adder: TensorModel, fields: Any, said: str) -> None:
    assert refused(adder, fields, BadRequest).startswith(said)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "input 'a' is missing; the model takes a FP32 [-1, 3], b FP32 [-1, 3]"),
        ([A], "input 'b' is missing"),
        ([A, B, tensor("c", 1)], "input 'c' is unknown; the model has a FP32"),
        ([A, B, A], "input 'a' is there twice"),
        ([A, B | {"shape": [3]}], "input 'b': the shape is [3]; the model takes [-1, 3]"),
        ([A, B | {"datatype": "FP64"}], "input 'b': the datatype is 'FP64'; the model takes FP32"),
        ([A, B | {"data": [1, 2, float("nan")]}], "input 'b': data holds NaN at [0, 2]"),
        ([A | {"data": [[1, 2], [3]]}, B], "input 'a': data has 2 values at []"),
        ([A, {"name": "b"}], "input 'b': the datatype is null"),
        ([A, tensor("x" * 1000, 1)], "input 'xxxx"),
    ],
)
def test_a_wrong_input_is_named_with_the_reason(adder: TensorModel, inputs: Any, said: str) -> None:
    message = refused(adder, {"inputs": inputs}, InvalidTensor)
    assert message.startswith(said)
    assert len(message) < 400


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([{"name": "product"}], "output 'product' is unknown; the model has sum, twice"),
        ([{"name": "sum"}, {"name": "sum"}], "output 'sum' is there twice"),
    ],
)
def test_a_wrong_output_is_named(adder: TensorModel, outputs: Any, said: str) -> None:
    assert refused(adder, {"inputs": [A, B], "outputs": outputs}, InvalidTensor) == said


def test_sizes_that_do_not_go_together_are_told_what_onnxruntime_says(adder: TensorModel) -> None:
    two, three = tensor("a", *[1] * 6, shape=[2, 3]), tensor("b", *[1] * 9, shape=[3, 3])
    message = refused(adder, {"inputs": [two, three]}, InvalidTensor)
    assert message.startswith("the model does not run on these inputs (a [2, 3], b [3, 3]): ")
    assert "Add" in message
    assert "\n" not in message


def test_the_limit_is_that_of_all_inputs_together(adder: TensorModel) -> None:
    assert infer(adder, {"inputs": [A, B], "outputs": [{"name": "sum"}]}, MAX_TENSOR_ELEMENTS="6")
    message = refused(adder, {"inputs": [A, B]}, TooLarge, MAX_TENSOR_ELEMENTS="5")
    assert message.startswith("input 'b': ")


@pytest.fixture(scope="module")
def expander(folder: Path) -> TensorModel:
    return load(tensor_models.expand(folder / "expander.onnx"))


def expanded(size: int) -> dict[str, Any]:
    return {"inputs": [tensor("x", 1), tensor("shape", size, datatype="INT64")]}


def test_an_answer_above_the_limit_is_refused(expander: TensorModel) -> None:
    assert len(infer(expander, expanded(10), MAX_TENSOR_ELEMENTS="10")["outputs"][0]["data"]) == 10
    message = refused(expander, expanded(11), TooLarge, MAX_TENSOR_ELEMENTS="10")
    assert message.startswith("the answer has 11 values; wanted at most 10 (MAX_TENSOR_ELEMENTS)")


def test_what_no_memory_holds_is_too_large(expander: TensorModel) -> None:
    assert refused(expander, expanded(10**15), TooLarge).startswith("there is no memory to run the model")


def test_an_answer_that_json_does_not_have_is_our_error_and_the_other_outputs_can_be_had(folder: Path) -> None:
    served = load(tensor_models.log(folder / "log.onnx"))
    fields = {"inputs": [tensor("x", 1, -1, 0)]}
    message = refused(served, fields, InternalError)
    assert message.startswith("the model answered NaN in output 'y' at [1]")
    answered = infer(served, fields | {"outputs": [{"name": "same"}]})["outputs"]
    assert answered[0]["data"] == [1, -1, 0]


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
def test_every_kind_of_value_goes_through_the_model(folder: Path, element: int, datatype: str, data: list[Any]) -> None:
    served = load(tensor_models.echo(folder / f"{datatype}.onnx", element, ["n"]))
    fields = {"inputs": [{"name": "x", "shape": [2], "datatype": datatype, "data": data}]}
    assert infer(served, fields)["outputs"] == [{"name": "y", "shape": [2], "datatype": datatype, "data": data}]


@pytest.mark.parametrize(("shape", "data"), [([], [2.5]), ([1], [2.5]), ([2, 1], [[1], [2]])])
def test_a_rank_that_the_model_leaves_free_is_free(folder: Path, shape: list[int], data: list[Any]) -> None:
    served = load(tensor_models.echo(folder / "free.onnx", TensorProto.FLOAT, None))
    fields = {"inputs": [{"name": "x", "shape": shape, "datatype": "FP32", "data": data}]}
    assert infer(served, fields)["outputs"][0]["shape"] == shape


def test_no_row_is_answered_with_no_row(adder: TensorModel) -> None:
    nothing = [tensor("a", shape=[0, 3]), tensor("b", shape=[0, 3])]
    assert infer(adder, {"inputs": nothing})["outputs"][0] == {
        "name": "sum",
        "shape": [0, 3],
        "datatype": "FP32",
        "data": [],
    }
