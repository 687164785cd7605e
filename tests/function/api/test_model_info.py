"""`GET /model`: task, names, sizes, checksum and versions."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import pytest

from function import VERSION
from function.readings.reader import Reader
from function.service import Service
from function.settings import Settings
from function.sources import http
from tests.function.api.openapi import calls
from tests.fuzz import runtime
from tests.support import dial_model

VERSIONS = {
    "function": VERSION,
    "python": platform.python_version(),
    "onnxruntime": version("onnxruntime"),
    "numpy": version("numpy"),
    "pillow": version("pillow"),
}


def test_yolo_model_is_described() -> None:
    assert calls.get("colors", "/model").json == {
        "task": "detect",
        "names": ["red", "blue"],
        "imgsz": [320, 320],
        "sha256": runtime.model("colors").metadata.sha256,
        "versions": VERSIONS,
    }


@pytest.mark.parametrize(("model", "shape"), [("keypoints", [2, 3]), ("rotated", None)])
def test_keypoint_shape_is_that_of_a_pose_model(model: str, shape: list[int] | None) -> None:
    assert calls.get(model, "/model").json.get("kpt_shape") == shape


def with_reader(folder: Path, **environ: str) -> tuple[Service, str]:
    """A service with a pose model that reads, and the checksum of that."""
    path = dial_model.save(folder / "gauge.onnx")
    settings = Settings.from_env({"READ_MODEL_PATH": str(path), **environ})
    served = runtime.model("colors")
    assert settings.reading
    reader = Reader.load(settings.reading, settings, served.metadata)
    return Service(served, settings, "request-1", reader=reader), hashlib.sha256(path.read_bytes()).hexdigest()


def test_pose_model_of_the_readings_is_named_and_documented(tmp_path: Path) -> None:
    service, digest = with_reader(tmp_path)
    info, document = (
        json.loads(http.respond(calls.event("function_url", "GET", path), service)["body"])
        for path in ("/model", "/openapi.json")
    )
    assert info["reader"] == {"model": "gauge.onnx", "sha256": digest}
    schema = document["components"]["schemas"]["Model"]
    assert schema["properties"]["reader"]["properties"]["sha256"] == {"const": digest}
    calls.validator(document, schema).validate(info)
    del info["reader"]
    assert not calls.validator(document, schema).is_valid(info)


def test_page_of_the_api_names_no_reader_without_the_key(tmp_path: Path) -> None:
    service, digest = with_reader(tmp_path, API_KEY_SHA256="ab" * 32)
    text = http.respond(calls.event("function_url", "GET", "/docs"), service)["body"]
    assert "reader" in text
    assert digest not in text
    assert "gauge.onnx" not in text


def test_model_of_bedrock_is_not_named() -> None:
    assert "reader" not in calls.get("colors", "/model", READ_MODEL_ID="amazon.nova-lite-v1:0").json


def test_generic_model_is_described() -> None:
    body = calls.get("add", "/model").json
    assert (body["task"], body["name"], body["version"]) == ("tensors", "add", "3")
    assert [tensor["name"] for tensor in body["inputs"]] == ["a", "b"]
    assert body["sha256"] == runtime.model("add").sha256
    assert body["versions"] == VERSIONS
