"""`GET /model`: task, names, sizes, checksum and versions."""

import platform
from importlib.metadata import version

import pytest

from function import VERSION
from tests.function.api.openapi import calls
from tests.fuzz import runtime

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


def test_generic_model_is_described() -> None:
    body = calls.get("add", "/model").json
    assert (body["task"], body["name"], body["version"]) == ("tensors", "add", "3")
    assert [tensor["name"] for tensor in body["inputs"]] == ["a", "b"]
    assert body["sha256"] == runtime.model("add").sha256
    assert body["versions"] == VERSIONS
