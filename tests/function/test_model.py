from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function import model
from function.errors import UnusableModel
from tests.support import color_model


def test_metadata_is_read_from_the_file(served: model.Model, model_path: Path) -> None:
    metadata = served.metadata
    assert metadata[:5] == ("detect", {0: "red", 1: "blue"}, (320, 320), 32, True)
    assert len(metadata.sha256) == 64


def test_fixed_input_sides_override_imgsz(tmp_path: Path) -> None:
    static = model.load(color_model.save(tmp_path / "m.onnx", sides=(64, 96)), threads=1)
    assert (static.metadata.imgsz_hw, static.metadata.rectangular) == ((64, 96), False)


def test_run_returns_outputs_in_the_layout_of_the_file(served: model.Model) -> None:
    (output,) = model.run(served, np.zeros((1, 3, 64, 96), dtype=np.float32))
    assert output.shape == (1, 6, 6)


def test_configured_path_excludes_the_default_paths(tmp_path: Path) -> None:
    present = tmp_path / "present"
    present.touch()
    with pytest.raises(UnusableModel, match=r"no model file at .*absent.*MODEL_PATH"):
        model.find(tmp_path / "absent", (present,))


def test_first_default_path_with_a_file_is_used(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.touch()
    assert model.find(None, (first, second)) == second
    first.touch()
    assert model.find(None, (first, second)) == first


def test_error_without_a_model_file_names_every_path(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"first and .*second"):
        model.find(None, (tmp_path / "first", tmp_path / "second"))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 50])
def test_content_that_is_not_a_model_is_rejected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(UnusableModel, match="is not a model that onnxruntime loads"):
        model.load(path, threads=1)


@pytest.mark.parametrize(("spinning", "value"), [(False, "0"), (True, "1")])
def test_spinning_sets_the_session_option(spinning: bool, value: str) -> None:
    options = model._options(2, spinning)
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == value


def test_bundled_model_equals_a_model_loaded_from_bytes(model_path: Path) -> None:
    bundled, read = model.load_bundled(model_path, threads=1), model.load(model_path, threads=1)
    assert isinstance(bundled, model.Model)
    assert isinstance(read, model.Model)
    assert (bundled.metadata, bundled.layout) == (read.metadata, read.layout)
    tensor = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
    assert np.array_equal(model.run(bundled, tensor)[0], model.run(read, tensor)[0])


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_bundled_file_that_is_not_a_model_is_rejected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(UnusableModel, match=rf"\({len(content)} bytes\) is not a model that onnxruntime loads"):
        model.load_bundled(path, threads=1)


@pytest.mark.parametrize("key", ["names", "stride"])
def test_error_names_the_missing_metadata(tmp_path: Path, key: str) -> None:
    with pytest.raises(UnusableModel, match=f"has no {key} in its metadata"):
        model.load(color_model.save(tmp_path / "m.onnx", **{key: ""}), threads=1)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"task": "panoptic"}, "task must be one of detect, segment, .* got 'panoptic'"),
        ({"names": "red, blue"}, "names must be a Python literal, got 'red, blue'"),
        ({"names": "{1: 'red', 2: 'blue'}"}, "names must be a name for every class id from 0"),
        ({"names": "{}"}, "names must be a name for every class id from 0"),
        ({"names": "7"}, "names must be a name for every class id from 0"),
        ({"imgsz": "[64]"}, r"imgsz must be \[height, width\]"),
        ({"imgsz": "[-64, 64]"}, r"imgsz must be \[height, width\]"),
        ({"imgsz": "'x'"}, r"imgsz must be \[height, width\]"),
        ({"imgsz": "[9999999, 9999999]"}, "in pixels, each at most 8192"),
        ({"stride": "0"}, "stride must be a whole number from 1 to 256"),
        ({"stride": "1e999"}, "stride must be a whole number from 1 to 256"),
        ({"stride": "[8, 16, 32]"}, "stride must be a whole number from 1 to 256"),
        ({"end2end": "True"}, "outputs for detect must be one of .* with 2 class names and end2end"),
        ({"task": "pose"}, r"kpt_shape must be \[keypoints, 2 or 3\], got None"),
        ({"task": "pose", "kpt_shape": "[17, 4]"}, r"kpt_shape must be \[keypoints, 2 or 3\], got '\[17, 4\]'"),
        ({"names": "{[]: 1}"}, r"names must be a Python literal, got '\{\[\]: 1\}'"),
        ({"stride": "{{}: 1}"}, "stride must be a Python literal"),
        ({"stride": "True"}, "stride must be a whole number from 1 to 256"),
        ({"imgsz": "True"}, r"imgsz must be \[height, width\]"),
        ({"imgsz": "[64, 64.5]"}, r"imgsz must be \[height, width\]"),
        ({"task": "pose", "kpt_shape": "[17.5, 3]"}, r"kpt_shape must be \[keypoints, 2 or 3\]"),
        ({"args": "{'nms'"}, "args must be a Python literal"),
        ({"names": "{0: 'red'}"}, r"got \(1, 6, 4\) with 1 class names"),
    ],
)
def test_unsupported_metadata_is_rejected(tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    with pytest.raises(UnusableModel, match=message):
        model.load(color_model.save(tmp_path / "m.onnx", **metadata), threads=1)


def test_single_imgsz_and_list_of_names_are_supported(tmp_path: Path) -> None:
    path = color_model.save(tmp_path / "m.onnx", imgsz="64", names="['red', 'blue']", stride="8.0")
    metadata = model.load(path, threads=1).metadata
    assert metadata[1:4] == ({0: "red", 1: "blue"}, (64, 64), 32)


@pytest.mark.parametrize(("imgsz", "expected"), [("[33, 65]", (64, 96)), ("100", (128, 128)), ("96.0", (96, 96))])
def test_imgsz_of_a_dynamic_model_is_increased_to_multiples_of_the_stride(
    tmp_path: Path, imgsz: str, expected: tuple[int, int]
) -> None:
    metadata = model.load(color_model.save(tmp_path / "m.onnx", imgsz=imgsz), threads=1).metadata
    assert metadata.imgsz_hw == expected


def test_model_with_one_fixed_side_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="height and width must be both fixed or both dynamic"):
        model.load(color_model.save(tmp_path / "m.onnx", sides=(64, "width")), threads=1)


@pytest.mark.parametrize("shape", [(1, 300, 9), (1, 8400)])
def test_unsupported_output_layout_is_rejected_when_loading(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnusableModel, match=r"m\.onnx: the model outputs for detect must be one of "):
        model.load(color_model.save_output(tmp_path / "m.onnx", shape), threads=1)


def test_model_without_task_and_imgsz_detects_at_the_default_size_of_yolov5(tmp_path: Path) -> None:
    metadata = model.load(color_model.save(tmp_path / "m.onnx", task="", imgsz=""), threads=1).metadata
    assert (metadata.task, metadata.imgsz_hw) == ("detect", (640, 640))


def test_first_run_of_a_dynamic_model_has_a_small_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    run = model._run

    def recorded(session: Any, tensor: np.ndarray, batch: int) -> list[np.ndarray]:
        shapes.append(tensor.shape)
        return run(session, tensor, batch)

    monkeypatch.setattr(model, "_run", recorded)
    model.load(color_model.save(tmp_path / "dynamic.onnx"), threads=1)
    model.load(color_model.save(tmp_path / "static.onnx", sides=(320, 320)), threads=1)
    assert shapes == [(1, 3, 64, 64), (1, 3, 320, 320)]


def test_model_failing_on_a_small_input_is_run_at_its_full_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "WARM_UP_STRIDES", 0)
    assert model.load(color_model.save(tmp_path / "m.onnx"), threads=1).layout.name == "anchors"


def test_log_line_about_a_failing_small_input_has_no_line_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = model._run

    def failing(session: Any, tensor: np.ndarray, *rest: Any) -> list[np.ndarray]:
        if tensor.shape[-1] == 64:
            raise RuntimeError("first line\nsecond line\n")
        return run(session, tensor, *rest)

    monkeypatch.setattr(model, "_run", failing)
    with caplog.at_level("INFO"):
        model.load(color_model.save(tmp_path / "m.onnx"), threads=1)
    lines = [record.getMessage() for record in caplog.records if "first line" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].isprintable()
