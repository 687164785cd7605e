"""Description of ONNX files, with and without YOLO metadata."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from export import cli, model_info
from export.errors import UsageError
from tests.support import color_model, fixed_output_model, tensor_models


def test_generic_model_has_its_inputs_and_outputs(tmp_path: Path) -> None:
    path = tensor_models.add(tmp_path / "m.onnx")
    info = model_info.read(path, path.read_bytes())
    assert (info.is_generic, info.imgsz, info.names) == (True, (), ())
    assert model_info.describe(info)[:5] == [
        ("input", "a FP32 [-1, 3]"),
        ("input", "b FP32 [-1, 3]"),
        ("output", "sum FP32 [-1, 3]"),
        ("output", "twice FP32 [-1, 3]"),
        ("task", "none in the metadata: served as a generic ONNX model"),
    ]


def test_yolo_model_has_its_task_sizes_and_names(tmp_path: Path) -> None:
    path = color_model.save(tmp_path / "m.onnx")
    content = path.read_bytes()
    info = model_info.read(path, content)
    assert (info.is_generic, info.task, info.imgsz, info.names) == (False, "detect", (320, 320), ("red", "blue"))
    assert info.inputs == ({"name": "images", "datatype": "FP32", "shape": [1, 3, -1, -1]},)
    assert info.outputs == ({"name": "output0", "datatype": "FP32", "shape": [1, 6, -1]},)
    assert (info.size, info.opset, info.metadata) == (len(content), 18, color_model.METADATA)
    assert model_info.describe(info)[:2] == [
        ("input", "images (1, 3, height, width)"),
        ("output", "output0 (1, 6, anchors)"),
    ]


def test_description_names_the_outputs_that_are_not_read(tmp_path: Path) -> None:
    outputs = [np.zeros((1, 5, 84)), np.zeros((1, 18, 8, 8)), np.zeros((1, 18, 4, 4))]
    path = fixed_output_model.save(tmp_path / "m.onnx", outputs, fixed_output_model.YOLOV5)
    rows = dict(model_info.describe(model_info.read(path, path.read_bytes())))
    assert rows["output"] == "output0 (1, 5, 84)"
    assert rows["not read"] == "output1 (1, 18, 8, 8), output2 (1, 18, 4, 4)"


@pytest.mark.parametrize(("metadata", "exporter"), [({}, "unknown"), ({"version": "8.3.1"}, "ultralytics 8.3.1")])
def test_description_names_ultralytics_only_as_the_exporter_of_its_files(
    metadata: dict[str, str], exporter: str, tmp_path: Path
) -> None:
    path = color_model.save(tmp_path / "m.onnx", **metadata)
    rows = dict(model_info.describe(model_info.read(path, path.read_bytes())))
    assert rows["exporter"].startswith(f"{exporter}, ")


@pytest.mark.parametrize("save", [color_model.save, tensor_models.add])
def test_report_of_a_model_is_json(save: object, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx")  # type: ignore[operator]
    info = model_info.read(path, path.read_bytes())
    report = json.loads(json.dumps(info.as_json()))
    assert report.keys() == set(info._fields) - {"loaded"}
    assert (report["path"], report["sha256"], report["task"]) == (str(path), info.sha256, info.task)


def test_error_of_the_function_names_the_path_of_the_user(tmp_path: Path) -> None:
    path = tensor_models.echo(tmp_path / "m.onnx", TensorProto.BFLOAT16, ["n"])
    with pytest.raises(UsageError, match=r"m\.onnx: input x must be .* got tensor\(bfloat16\)") as refused:
        model_info.read(path, path.read_bytes())
    assert str(refused.value).startswith(str(path))


def test_file_that_is_not_onnx_is_refused(tmp_path: Path) -> None:
    content = color_model.save(tmp_path / "m.onnx").read_bytes()
    for damaged in (b"not a model", content[: len(content) // 2]):
        with pytest.raises(UsageError, match="is not ONNX, or ends too early"):
            model_info.read(tmp_path / "m.onnx", damaged)


def test_model_with_weights_in_another_file_is_refused(tmp_path: Path) -> None:
    model = onnx.load(str(color_model.save(tmp_path / "m.onnx")))
    path = tmp_path / "external.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="weights.data", size_threshold=0)
    with pytest.raises(UsageError, match="keeps its weights in another file"):
        model_info.read(path, path.read_bytes())


def test_valid_model_has_no_violation_and_an_invalid_one_has(tmp_path: Path) -> None:
    model = onnx.load(str(color_model.save(tmp_path / "m.onnx")))
    assert model_info.check_onnx(model.SerializeToString()) == ""
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))  # onnxruntime sorts them
    assert "topologically sorted" in model_info.check_onnx(model.SerializeToString())


def test_session_of_the_description_is_the_only_one_of_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnxruntime

    from export import ultralytics_setup, venv

    made = []
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: made.append(1) or real(*a, **k))
    monkeypatch.setattr(ultralytics_setup, "prepare", lambda: None)  # needs ultralytics
    monkeypatch.setattr(venv, "enter", lambda *_: None)
    assert cli.main([str(color_model.save(tmp_path / "m.onnx"))]) == 0, capsys.readouterr().err
    assert len(made) == 1
