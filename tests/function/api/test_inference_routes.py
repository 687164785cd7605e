"""Generic ONNX models behind every front end, by direct invocation, and at the paths of the Open Inference Protocol."""

import base64
import json
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from function import VERSION, model
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
RESPONSE = {
    "model_name": "adder",
    "model_version": "3",
    "id": "7",
    "outputs": [{"name": "sum", "shape": [1, 3], "datatype": "FP32", "data": [11, 22, 33]}],
}
INPUTS = "a FP32 [-1, 3], b FP32 [-1, 3]"


@pytest.fixture(scope="module")
def adder(tmp_path_factory: pytest.TempPathFactory) -> model.Model | TensorModel:
    return model.load(tensor_models.add(tmp_path_factory.mktemp("model") / "adder.onnx"), threads=1)


@pytest.fixture
def tensor_handler(handler: ModuleType, adder: TensorModel, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The handler with a generic ONNX model."""
    use(handler, adder, monkeypatch)
    return handler


def use(handler: ModuleType, served: model.Model | TensorModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "MODEL", served)


def at(path: str, method: str = "POST", body: Any = REQUEST, name: str = "function_url") -> dict[str, Any]:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return with_method(event(name, body=text, path=path, rawPath=path), method)


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("path", ["/", "/predict", "/v2/models/adder/infer", "/v2/models/adder/versions/3/infer"])
def test_every_front_end_runs_the_model(tensor_handler: ModuleType, name: str, path: str) -> None:
    assert call(tensor_handler, at(path, name=name)) == (200, RESPONSE)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("encoded", [False, True])
def test_json_body_is_read_with_any_content_type(tensor_handler: ModuleType, content_type: str, encoded: bool) -> None:
    text = "\ufeff" + json.dumps(REQUEST)
    sample = at("/", body=text.encode() if encoded else text) | {"headers": {"content-type": content_type}}
    assert call(tensor_handler, sample) == (200, RESPONSE)


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
def test_direct_invocation_runs_the_model(tensor_handler: ModuleType, sample: Any) -> None:
    assert call(tensor_handler, sample) == (200, RESPONSE)


@pytest.mark.parametrize("name", ["direct_tensors", "function_url_tensors"])
def test_wine_model_predicts_the_sample_events(handler: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    wine = model.load(ROOT / "example" / "wine" / "model.onnx", threads=1, name="wine")
    use(handler, wine, monkeypatch)
    status, body = call(handler, sample_of(name))
    assert (status, body["model_name"], body["outputs"][0]["shape"]) == (200, "wine", [2, 1])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2", {"name": "yolo-lambda-zip", "version": VERSION, "extensions": []}),
        ("/v2/", {"name": "yolo-lambda-zip", "version": VERSION, "extensions": []}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
    ],
)
@pytest.mark.parametrize("takes", ["images", "tensors"])
def test_server_and_health_respond_for_every_model(
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


def test_server_has_the_name_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert inference_routes.SERVER["name"] == project["name"]


def test_model_metadata_has_its_inputs(tensor_handler: ModuleType) -> None:
    for path in ("/v2/models/adder", "/prod/v2/models/adder/versions/3/"):
        status, body = call(tensor_handler, at(path, "GET", ""))
        assert (status, body["name"], body["platform"]) == (200, "adder", "onnxruntime_onnx")
        assert body["inputs"][0] == {"name": "a", "datatype": "FP32", "shape": [-1, 3]}
    ready = at("/v2/models/adder/versions/3/ready", "GET", "")
    assert call(tensor_handler, ready) == (200, {"name": "adder", "ready": True})


def test_model_name_may_be_percent_encoded(
    handler: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = model.load(tensor_models.add(tmp_path / "m.onnx"), threads=1, name="größe 1")
    use(handler, named, monkeypatch)
    assert call(handler, at("/v2/models/gr%C3%B6%C3%9Fe%201/ready", "GET", ""))[0] == 200


@pytest.mark.parametrize(
    ("path", "method", "status", "message"),
    [
        ("/v2/models/other/infer", "POST", 404, "unknown model 'other'; available: 'adder' (MODEL_NAME)"),
        ("/v2/models/adder/versions/1/infer", "POST", 404, "unknown version '1' of the model 'adder'; available: 3"),
        ("/v2/models/adder/infer", "GET", 405, "the method must be POST, got GET"),
        ("/v2/models/adder", "POST", 405, "the method must be GET, got POST"),
        ("/v2/health/live", "POST", 405, "the method must be GET, got POST"),
        ("/v2/models/other", "OPTIONS", 405, "the method must be GET, got OPTIONS"),
        ("/v2/models/adder/versions/1/infer", "OPTIONS", 405, "the method must be POST, got OPTIONS"),
        ("/v2/models", "GET", 404, "unknown path '/v2/models'"),
        ("/v2/models/adder/explain", "POST", 404, "unknown path '/v2/models/adder/explain'"),
        ("/predict", "GET", 405, "the method must be POST, got GET"),
    ],
)
def test_path_or_method_outside_the_protocol_is_refused(
    tensor_handler: ModuleType, path: str, method: str, status: int, message: str
) -> None:
    actual_status, body = call(tensor_handler, at(path, method))
    assert (actual_status, set(body)) == (status, {"error", "type", "request_id"})
    assert body["error"].startswith(message)


def test_allow_header_has_the_method(tensor_handler: ModuleType) -> None:
    for path, method, allowed in (("/v2/health/live", "POST", "GET"), ("/v2/models/adder/infer", "PUT", "POST")):
        reply = tensor_handler.lambda_handler(at(path, method), Context())
        assert reply["headers"]["Allow"] == allowed


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("", 400, "body must not be empty; expected"),
        ("{", 400, "body must be JSON, got text that is not JSON from line 1, column 2;"),
        ("[" * 100_000, 415, "body must be JSON, got "),
        ('{"inputs":' + "[" * 100_000, 400, "body must be JSON, got a number that is too long or too many levels;"),
        (b"\x89PNG and so on", 415, "body must be JSON, got image/png, 14 bytes; this model takes tensors, not images"),
        ({"image_data": "AAAA"}, 400, "inputs must be an array, got nothing; expected"),
        ({"inputs": [A]}, 422, "input 'b' is missing; required: "),
    ],
)
@pytest.mark.parametrize("path", ["/", "/v2/models/adder/infer"])
def test_error_of_a_wrong_body_lists_the_inputs(
    tensor_handler: ModuleType, path: str, body: Any, status: int, message: str
) -> None:
    actual_status, error = call(tensor_handler, at(path, body=body))
    assert (actual_status, error["error"][: len(message)]) == (status, message)
    assert INPUTS in error["error"]


def test_number_that_json_does_not_have_is_reported_with_its_input(tensor_handler: ModuleType) -> None:
    for text_value, reported in (("NaN", "NaN"), ("Infinity", "Infinity"), ("1e999", "Infinity")):
        text = json.dumps(REQUEST).replace("[1, 2, 3]", f"[1, {text_value}, 3]")
        status, body = call(tensor_handler, at("/", body=text))
        assert (status, body["type"]) == (422, "InvalidTensor")
        assert body["error"].startswith(f"input 'a': data must be finite numbers (FP32), got {reported} at [0, 1]")


@pytest.mark.parametrize("sample", [{"image_data": "AAAA"}, {"body": {"url": "https://a.example"}}, {"body": "5"}])
def test_error_of_a_direct_image_lists_the_inputs(tensor_handler: ModuleType, sample: Any) -> None:
    status, body = call(tensor_handler, sample)
    assert status == 400
    assert INPUTS in body["error"]


def test_error_of_a_form_lists_the_inputs(tensor_handler: ModuleType) -> None:
    sample = at("/", body=b"--x\r\n") | {"headers": {"content-type": "multipart/form-data; boundary=x"}}
    status, body = call(tensor_handler, sample)
    assert status == 415
    assert INPUTS in body["error"]


@pytest.mark.parametrize("sample", [REQUEST, {"body": json.dumps(REQUEST)}, at("/"), at("/predict")])
def test_image_model_refuses_tensors(handler: ModuleType, sample: Any) -> None:
    status, body = call(handler, sample)
    assert (status, body["type"]) == (400, "BadRequest")
    assert body["error"].startswith("inputs must not be set, this model takes images, not tensors; expected")


@pytest.mark.parametrize(("path", "method"), [("/v2/models/model", "GET"), ("/v2/models/model/infer", "POST")])
def test_image_model_has_no_model_routes(handler: ModuleType, path: str, method: str) -> None:
    status, body = call(handler, at(path, method))
    assert status == 404
    assert "takes images, not tensors" in body["error"]


def test_response_above_the_limit_says_how_to_reduce_it(
    handler: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(handler, model.load(tensor_models.expand(tmp_path / "m.onnx"), threads=1), monkeypatch)
    x = {"name": "x", "shape": [1], "datatype": "FP32", "data": [0.123456789]}
    shape = {"name": "shape", "shape": [1], "datatype": "INT64", "data": [700_000]}
    status, body = call(handler, {"inputs": [x, shape]})
    assert (status, body["type"]) == (413, "TooLarge")
    assert body["error"].endswith("request fewer rows or fewer outputs")


def test_s3_object_is_not_read_for_a_generic_model(tensor_handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support.fake_s3 import FakeS3

    s3 = FakeS3()
    s3.install(monkeypatch)
    (row,) = tensor_handler.lambda_handler(sample_of("s3_put"), Context())["results"]
    assert row["type"] == "UnsupportedImage"
    assert INPUTS in row["error"]
    assert s3.requested_versions == []


def test_metrics_count_inferences_and_errors(tensor_handler: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    import jsonschema

    for sample in (REQUEST, at("/v2/models/adder/infer"), {"inputs": [A]}, at("/v2/health/live", "GET", "")):
        tensor_handler.lambda_handler(sample, Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for document in lines:
        jsonschema.validate(document, SCHEMA)
    assert [document.get("Inferences", 0) for document in lines] == [1, 1, 0, 0]
    assert [document["Errors"] for document in lines] == [0, 0, 1, 0]
    assert lines[0]["InferenceMs"][0] >= 0
