"""Tensors through the sources: every front door, direct invocation, and the protocol's own paths."""

import base64
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from function import model
from function.api import inference_routes
from function.tensors.model import TensorModel
from tests.conftest import ROOT, Context
from tests.function.sources.test_http import HTTP_EVENTS, event, with_method
from tests.function.sources.test_registry import event as sample_of
from tests.function.test_handler import call
from tests.function.test_metrics import SCHEMA
from tests.support import tensor_models

A = {"name": "a", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
B = {"name": "b", "shape": [1, 3], "datatype": "FP32", "data": [[10, 20, 30]]}
REQUEST = {"id": "7", "inputs": [A, B], "outputs": [{"name": "sum"}]}
ANSWER = {
    "model_name": "adder",
    "model_version": "3",
    "id": "7",
    "outputs": [{"name": "sum", "shape": [1, 3], "datatype": "FP32", "data": [11, 22, 33]}],
}
TAKES = "a FP32 [-1, 3], b FP32 [-1, 3]"


@pytest.fixture(scope="module")
def adder(tmp_path_factory: pytest.TempPathFactory) -> model.Model | TensorModel:
    return model.load(tensor_models.add(tmp_path_factory.mktemp("model") / "adder.onnx"), threads=1)


@pytest.fixture
def tensor_handler(handler: ModuleType, adder: TensorModel, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The handler, as if it had been started with a model of tensors."""
    use(handler, adder, monkeypatch)
    return handler


def use(handler: ModuleType, served: model.Model | TensorModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "MODEL", served)
    monkeypatch.setattr(handler, "TENSORS", handler._tensors(served))


def at(path: str, method: str = "POST", body: Any = REQUEST, name: str = "function_url") -> dict[str, Any]:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return with_method(event(name, body=text, path=path, rawPath=path), method)


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("path", ["/", "/predict", "/v2/models/adder/infer", "/v2/models/adder/versions/3/infer"])
def test_every_front_door_answers_tensors(tensor_handler: ModuleType, name: str, path: str) -> None:
    assert call(tensor_handler, at(path, name=name)) == (200, ANSWER)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_that_is_json_is_read_whatever_its_content_type(
    tensor_handler: ModuleType, content_type: str, encoded: bool
) -> None:
    text = "\ufeff" + json.dumps(REQUEST)
    sample = at("/", body=text.encode() if encoded else text) | {"headers": {"content-type": content_type}}
    assert call(tensor_handler, sample) == (200, ANSWER)


@pytest.mark.parametrize(
    "sample",
    [
        REQUEST,
        {"body": REQUEST},
        {"body": json.dumps(REQUEST)},
        {"body": base64.b64encode(json.dumps(REQUEST).encode()).decode(), "isBase64Encoded": True},
    ],
    ids=["top level", "object in body", "text in body", "base64 in body"],
)
def test_a_direct_invocation_is_answered(tensor_handler: ModuleType, sample: Any) -> None:
    assert call(tensor_handler, sample) == (200, ANSWER)


@pytest.mark.parametrize("name", ["direct_tensors", "function_url_tensors"])
def test_the_sample_events_are_answered_by_the_wine_model(
    handler: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    wine = model.load(ROOT / "example" / "wine" / "model.onnx", threads=1, name="wine")
    use(handler, wine, monkeypatch)
    status, body = call(handler, sample_of(name))
    assert (status, body["model_name"], body["outputs"][0]["shape"]) == (200, "wine", [2, 1])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2", {"name": "yolo-lambda-zip", "version": "0.1.0", "extensions": []}),
        ("/v2/", {"name": "yolo-lambda-zip", "version": "0.1.0", "extensions": []}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
    ],
)
@pytest.mark.parametrize("takes", ["pictures", "tensors"])
def test_the_server_says_of_itself_what_the_protocol_asks(
    handler: ModuleType,
    adder: TensorModel,
    monkeypatch: pytest.MonkeyPatch,
    takes: str,
    path: str,
    body: dict[str, Any],
) -> None:
    if takes == "tensors":
        use(handler, adder, monkeypatch)
    assert call(handler, at(path, "GET", "")) == (200, body)


def test_the_server_has_the_name_and_version_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (inference_routes.SERVER["name"], inference_routes.SERVER["version"]) == (
        project["name"],
        project["version"],
    )


def test_the_model_says_what_it_takes(tensor_handler: ModuleType) -> None:
    for path in ("/v2/models/adder", "/prod/v2/models/adder/versions/3/"):
        status, body = call(tensor_handler, at(path, "GET", ""))
        assert (status, body["name"], body["platform"]) == (200, "adder", "onnxruntime_onnx")
        assert body["inputs"][0] == {"name": "a", "datatype": "FP32", "shape": [-1, 3]}
    ready = at("/v2/models/adder/versions/3/ready", "GET", "")
    assert call(tensor_handler, ready) == (200, {"name": "adder", "ready": True})


def test_a_name_may_be_percent_encoded(handler: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = model.load(tensor_models.add(tmp_path / "m.onnx"), threads=1, name="größe 1")
    use(handler, named, monkeypatch)
    assert call(handler, at("/v2/models/gr%C3%B6%C3%9Fe%201/ready", "GET", ""))[0] == 200


@pytest.mark.parametrize(
    ("path", "method", "status", "said"),
    [
        ("/v2/models/other/infer", "POST", 404, "there is no model 'other'; the one here is 'adder' (MODEL_NAME)"),
        ("/v2/models/adder/versions/1/infer", "POST", 404, "there is no version '1' of the model 'adder'; its version"),
        ("/v2/models/adder/infer", "GET", 405, "the method is GET; wanted POST"),
        ("/v2/models/adder", "POST", 405, "the method is POST; wanted GET"),
        ("/v2/health/live", "POST", 405, "the method is POST; wanted GET"),
        ("/v2/models", "GET", 404, "there is nothing at '/v2/models'"),
        ("/v2/models/adder/explain", "POST", 404, "there is nothing at '/v2/models/adder/explain'"),
        ("/predict", "GET", 405, "the method is GET; wanted POST"),
    ],
)
def test_a_path_or_method_that_the_protocol_does_not_have_is_refused(
    tensor_handler: ModuleType, path: str, method: str, status: int, said: str
) -> None:
    found, body = call(tensor_handler, at(path, method))
    assert (found, set(body)) == (status, {"error", "type", "request_id"})
    assert body["error"].startswith(said)


def test_the_method_that_would_have_been_right_is_named(tensor_handler: ModuleType) -> None:
    for path, method, right in (("/v2/health/live", "POST", "GET"), ("/v2/models/adder/infer", "PUT", "POST")):
        reply = tensor_handler.lambda_handler(at(path, method), Context())
        assert reply["headers"]["Allow"] == right


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("", 400, "the body is empty; wanted"),
        ("{", 400, "the body is not JSON ("),
        ("[" * 100_000, 415, "the body is no JSON"),
        ('{"inputs":' + "[" * 100_000, 400, "the body is not JSON ("),
        (b"\x89PNG and so on", 415, "the body is no JSON (image/png, 14 bytes); this model takes no pictures"),
        ({"image_data": "AAAA"}, 400, "inputs is missing; wanted"),
        ({"inputs": [A]}, 422, "input 'b' is missing; the model takes"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/v2/models/adder/infer"])
def test_a_wrong_body_is_told_what_the_model_takes(
    tensor_handler: ModuleType, path: str, body: Any, status: int, said: str
) -> None:
    found, answered = call(tensor_handler, at(path, body=body))
    assert (found, answered["error"][: len(said)]) == (status, said)
    assert TAKES in answered["error"]


def test_numbers_that_json_does_not_have_are_named_with_their_input(tensor_handler: ModuleType) -> None:
    for spelt, named in (("NaN", "NaN"), ("Infinity", "Infinity"), ("1e999", "Infinity")):
        text = json.dumps(REQUEST).replace("[1, 2, 3]", f"[1, {spelt}, 3]")
        status, body = call(tensor_handler, at("/", body=text))
        assert (status, body["type"]) == (422, "InvalidTensor")
        assert body["error"].startswith(f"input 'a': data holds {named} at [0, 1]")


@pytest.mark.parametrize("sample", [{"image_data": "AAAA"}, {"body": {"url": "https://a.example"}}, {"body": "5"}])
def test_a_direct_picture_is_told_what_the_model_takes(tensor_handler: ModuleType, sample: Any) -> None:
    status, body = call(tensor_handler, sample)
    assert status == 400
    assert TAKES in body["error"]


def test_a_form_is_told_what_the_model_takes(tensor_handler: ModuleType) -> None:
    sample = at("/", body=b"--x\r\n") | {"headers": {"content-type": "multipart/form-data; boundary=x"}}
    status, body = call(tensor_handler, sample)
    assert status == 415
    assert TAKES in body["error"]


@pytest.mark.parametrize("sample", [REQUEST, {"body": json.dumps(REQUEST)}, at("/"), at("/predict")])
def test_a_model_of_pictures_says_that_it_takes_no_tensors(handler: ModuleType, sample: Any) -> None:
    status, body = call(handler, sample)
    assert (status, body["type"]) == (400, "BadRequest")
    assert body["error"].startswith("inputs are for a model that takes tensors, this one takes pictures; wanted")


@pytest.mark.parametrize(("path", "method"), [("/v2/models/model", "GET"), ("/v2/models/model/infer", "POST")])
def test_a_model_of_pictures_has_no_path_of_the_protocol(handler: ModuleType, path: str, method: str) -> None:
    status, body = call(handler, at(path, method))
    assert status == 404
    assert "takes pictures, not tensors" in body["error"]


def test_an_answer_that_does_not_fit_says_how_to_get_less(
    handler: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(handler, model.load(tensor_models.expand(tmp_path / "m.onnx"), threads=1), monkeypatch)
    one = {"name": "x", "shape": [1], "datatype": "FP32", "data": [0.123456789]}
    shape = {"name": "shape", "shape": [1], "datatype": "INT64", "data": [700_000]}
    status, body = call(handler, {"inputs": [one, shape]})
    assert (status, body["type"]) == (413, "TooLarge")
    assert body["error"].endswith("ask for fewer rows or fewer outputs")


def test_an_object_in_a_bucket_is_not_even_read_for_a_model_of_tensors(
    tensor_handler: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from function import storage
    from tests.support.fake_s3 import Shelf

    shelf = Shelf()
    monkeypatch.setattr(storage, "read", shelf.read)
    monkeypatch.setattr(storage, "write", shelf.write)
    (row,) = tensor_handler.lambda_handler(sample_of("s3_put"), Context())["results"]
    assert row["type"] == "UnsupportedImage"
    assert TAKES in row["error"]
    assert shelf.versions_asked == []


def test_metrics_count_requests_and_their_errors(
    tensor_handler: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    import jsonschema

    for sample in (REQUEST, at("/v2/models/adder/infer"), {"inputs": [A]}, at("/v2/health/live", "GET", "")):
        tensor_handler.lambda_handler(sample, Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for document in lines:
        jsonschema.validate(document, SCHEMA)
    assert [document.get("Inferences", 0) for document in lines] == [1, 1, 0, 0]
    assert [document["Errors"] for document in lines] == [0, 0, 1, 0]
    assert lines[0]["InferenceMs"][0] >= 0
