from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function import model
from function.errors import UnusableModel
from tests.support import color_model


def test_the_facts_are_those_of_the_metadata(served: model.Model, model_path: Path) -> None:
    facts = served.metadata
    assert facts[:5] == ("detect", {0: "red", 1: "blue"}, (320, 320), 32, True)
    assert len(facts.sha256) == 64


def test_fixed_sides_win_over_the_metadata(tmp_path: Path) -> None:
    static = model.load(color_model.save(tmp_path / "m.onnx", sides=(64, 96)), threads=1)
    assert (static.metadata.imgsz_hw, static.metadata.rectangular) == ((64, 96), False)


def test_run_answers_in_the_layout_of_the_file(served: model.Model) -> None:
    (output,) = model.run(served, np.zeros((1, 3, 64, 96), dtype=np.float32))
    assert output.shape == (1, 6, 6)


def test_a_set_path_is_the_only_place_looked_at(tmp_path: Path) -> None:
    present = tmp_path / "present"
    present.touch()
    with pytest.raises(UnusableModel, match=r"no model file at .*absent.*MODEL_PATH"):
        model.find(tmp_path / "absent", (present,))


def test_the_first_place_that_holds_a_model_is_taken(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.touch()
    assert model.find(None, (first, second)) == second
    first.touch()
    assert model.find(None, (first, second)) == first


def test_no_model_anywhere_names_every_place(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"first and .*second"):
        model.find(None, (tmp_path / "first", tmp_path / "second"))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 50])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(UnusableModel, match="is not a model that onnxruntime loads"):
        model.load(path, threads=1)


@pytest.mark.parametrize(("spinning", "said"), [(False, "0"), (True, "1")])
def test_threads_spin_as_asked(spinning: bool, said: str) -> None:
    options = model._options(2, spinning)
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == said


def test_a_shipped_model_is_the_same_as_any(model_path: Path) -> None:
    shipped, read = model.load_bundled(model_path, threads=1), model.load(model_path, threads=1)
    assert isinstance(shipped, model.Model)
    assert isinstance(read, model.Model)
    assert (shipped.metadata, shipped.layout) == (read.metadata, read.layout)
    tensor = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
    assert np.array_equal(model.run(shipped, tensor)[0], model.run(read, tensor)[0])


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_shipped_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(UnusableModel, match=rf"\({len(content)} bytes\) is not a model that onnxruntime loads"):
        model.load_bundled(path, threads=1)


@pytest.mark.parametrize("key", ["names", "stride"])
def test_missing_metadata_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(UnusableModel, match=f"has no {key} in its metadata"):
        model.load(color_model.save(tmp_path / "m.onnx", **{key: ""}), threads=1)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"task": "depth"}, "is a 'depth' model; the tasks served are detect, segment"),
        ({"names": "red, blue"}, "says names is 'red, blue'; wanted a Python literal"),
        ({"names": "{1: 'red', 2: 'blue'}"}, "wanted a name for every id from 0 on"),
        ({"names": "{}"}, "wanted a name for every id from 0 on"),
        ({"names": "7"}, "wanted a name for every id from 0 on"),
        ({"imgsz": "[64]"}, r"wanted \[height, width\]"),
        ({"imgsz": "[-64, 64]"}, r"wanted \[height, width\]"),
        ({"imgsz": "'x'"}, r"wanted \[height, width\]"),
        ({"imgsz": "[9999999, 9999999]"}, "in pixels, 8192 at most"),
        ({"stride": "0"}, "wanted a whole number from 1 to 8192"),
        ({"stride": "1e999"}, "wanted a whole number from 1 to 8192"),
        ({"stride": "[8, 16, 32]"}, "wanted a whole number from 1 to 8192"),
        ({"end2end": "True"}, "with 2 class names and end2end; known for detect are"),
        ({"task": "pose"}, "says kpt_shape is None; wanted"),
        ({"task": "pose", "kpt_shape": "[17, 4]"}, r"says kpt_shape is \[17, 4\]; wanted"),
        ({"args": "{'nms'"}, "wanted a Python literal"),
        ({"names": "{0: 'red'}"}, r"outputs are \(1, 6, 4\) with 1 class names"),
    ],
)
def test_metadata_that_cannot_be_served_is_refused(tmp_path: Path, metadata: dict[str, str], said: str) -> None:
    with pytest.raises(UnusableModel, match=said):
        model.load(color_model.save(tmp_path / "m.onnx", **metadata), threads=1)


def test_one_side_for_both_and_a_list_of_names_are_understood(tmp_path: Path) -> None:
    path = color_model.save(tmp_path / "m.onnx", imgsz="64", names="['red', 'blue']", stride="8.0")
    facts = model.load(path, threads=1).metadata
    assert facts[1:4] == ({0: "red", 1: "blue"}, (64, 64), 32)


def test_one_fixed_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="wanted both sides fixed or both dynamic"):
        model.load(color_model.save(tmp_path / "m.onnx", sides=(64, "width")), threads=1)


@pytest.mark.parametrize("shape", [(1, 300, 9), (1, 8400)])
def test_an_output_of_another_layout_is_refused_when_loading(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnusableModel, match=r"m\.onnx: the model's outputs are .* known for detect are"):
        model.load(color_model.save_output(tmp_path / "m.onnx", shape), threads=1)


def test_a_model_that_says_neither_task_nor_size_detects_at_the_size_that_yolov5_exports(tmp_path: Path) -> None:
    facts = model.load(color_model.save(tmp_path / "m.onnx", task="", imgsz=""), threads=1).metadata
    assert (facts.task, facts.imgsz_hw) == ("detect", (640, 640))


def test_the_first_run_of_a_dynamic_model_is_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    run = model._run

    def noted(session: Any, tensor: np.ndarray, batch: int) -> list[np.ndarray]:
        shapes.append(tensor.shape)
        return run(session, tensor, batch)

    monkeypatch.setattr(model, "_run", noted)
    model.load(color_model.save(tmp_path / "dynamic.onnx"), threads=1)
    model.load(color_model.save(tmp_path / "static.onnx", sides=(320, 320)), threads=1)
    assert shapes == [(1, 3, 64, 64), (1, 3, 320, 320)]


def test_a_model_that_takes_no_small_picture_is_run_at_its_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "WARM_UP_STRIDES", 0)
    assert model.load(color_model.save(tmp_path / "m.onnx"), threads=1).layout.name == "anchors"
