"""What a model that takes tensors says of itself, and which models are such."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from function import model
from function.errors import UnusableModel
from function.model import Model
from function.tensors import signature
from function.tensors.model import TensorModel
from tests.support import color_model, tensor_models


def served(path: Path, name: str | None = None) -> TensorModel:
    loaded = model.load(path, threads=1, name=name)
    assert isinstance(loaded, TensorModel)
    return loaded


def test_the_metadata_is_as_the_protocol_says(tmp_path: Path) -> None:
    assert signature.metadata(served(tensor_models.add(tmp_path / "adder.onnx")).signature) == {
        "name": "adder",
        "versions": ["3"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "a", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "b", "datatype": "FP32", "shape": [-1, 3]},
        ],
        "outputs": [
            {"name": "sum", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "twice", "datatype": "FP32", "shape": [-1, 3]},
        ],
    }


def test_a_file_without_a_version_has_none(tmp_path: Path) -> None:
    found = served(tensor_models.add(tmp_path / "m.onnx", version=0)).signature
    assert found.version is None
    assert "versions" not in signature.metadata(found)


def test_the_name_that_is_set_wins_over_the_file_s(tmp_path: Path) -> None:
    assert served(tensor_models.add(tmp_path / "m.onnx"), "wine").signature.name == "wine"


def test_a_model_from_a_bucket_is_called_as_its_object(tmp_path: Path) -> None:
    content = tensor_models.add(tmp_path / "m.onnx").read_bytes()
    found = model.load_bytes("s3://models/a/wine.onnx", content, 1)
    assert isinstance(found, TensorModel)
    assert found.signature.name == "wine"


@pytest.mark.parametrize("key", ["task", "names", "stride"])
def test_a_part_of_the_yolo_metadata_makes_a_model_of_pictures(tmp_path: Path, key: str) -> None:
    path = tensor_models.add(tmp_path / "m.onnx")
    proto = onnx.load(str(path))
    helper.set_model_props(proto, {key: "1"})
    onnx.save(proto, str(path))
    with pytest.raises(UnusableModel, match=r"has no .* in its metadata; `python -m export best.pt` writes them"):
        model.load(path, threads=1)


def test_the_yolo_metadata_makes_a_model_of_pictures(tmp_path: Path) -> None:
    assert isinstance(model.load(color_model.save(tmp_path / "m.onnx"), threads=1), Model)


def test_a_yolo_without_metadata_is_served_as_tensors_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nothing = dict.fromkeys(color_model.METADATA, "")
    found = served(color_model.save(tmp_path / "m.onnx", **nothing)).signature
    assert found.inputs[0].shape == (1, 3, -1, -1)
    assert "looks like a picture, but has no YOLO metadata" in caplog.text
    assert "python -m export best.pt" in caplog.text


def test_a_table_does_not_look_like_a_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    served(tensor_models.add(tmp_path / "m.onnx"))
    assert caplog.text == ""


def test_a_classifier_with_a_zipmap_is_refused_with_the_way_out(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Identity", ["x"], ["p"]),
        helper.make_node("ZipMap", ["p"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
    ]
    maps = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    answer = helper.make_value_info("probabilities", helper.make_sequence_type_proto(maps))
    takes = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(helper.make_graph(nodes, "g", [takes], [answer]), opset_imports=opsets, ir_version=10)
    onnx.save(proto, str(tmp_path / "m.onnx"))
    with pytest.raises(UnusableModel, match=r"answers probabilities seq\(map\(.*options=\{'zipmap': False\}"):
        model.load(tmp_path / "m.onnx", threads=1)


def test_a_datatype_that_the_protocol_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tensor_models.echo(tmp_path / "m.onnx", TensorProto.BFLOAT16, ["n"])
    with pytest.raises(UnusableModel, match=r"takes x tensor\(bfloat16\); served are .*FP32"):
        model.load(path, threads=1)


def test_a_model_of_fixed_sizes_that_does_not_run_is_refused(tmp_path: Path) -> None:
    takes = [("x", TensorProto.FLOAT, [3]), ("shape", TensorProto.INT64, [2])]
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    path = tensor_models.save(tmp_path / "m.onnx", nodes, takes, [("y", TensorProto.FLOAT, None)])
    with pytest.raises(UnusableModel, match="does not run on ones: the model does not run on these inputs"):
        model.load(path, threads=1)


def test_a_model_of_free_sizes_that_does_not_run_on_ones_is_served_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    takes = [("x", TensorProto.FLOAT, ["n", 3]), ("shape", TensorProto.INT64, ["k"])]
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    served(tensor_models.save(tmp_path / "m.onnx", nodes, takes, [("y", TensorProto.FLOAT, None)]))
    assert "is not warm" in caplog.text
    assert "Reshape" in caplog.text


def test_the_inputs_in_an_error_are_cut(tmp_path: Path) -> None:
    found = served(tensor_models.add(tmp_path / "m.onnx")).signature
    assert signature.takes(found) == "a FP32 [-1, 3], b FP32 [-1, 3]"
    assert len(signature.takes(found._replace(inputs=found.inputs * 999))) < 1010
