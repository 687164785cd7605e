"""Signature of generic ONNX models, and which models are loaded as one."""

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


def load(path: Path, name: str | None = None) -> TensorModel:
    loaded = model.load(path, threads=1, name=name)
    assert isinstance(loaded, TensorModel)
    return loaded


def test_metadata_has_the_fields_of_the_protocol(tmp_path: Path) -> None:
    assert signature.metadata(load(tensor_models.add(tmp_path / "adder.onnx")).signature) == {
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


def test_file_without_a_version_has_none(tmp_path: Path) -> None:
    unversioned = load(tensor_models.add(tmp_path / "m.onnx", version=0)).signature
    assert unversioned.version is None
    assert "versions" not in signature.metadata(unversioned)


def test_configured_name_has_priority_over_the_file_name(tmp_path: Path) -> None:
    assert load(tensor_models.add(tmp_path / "m.onnx"), "wine").signature.name == "wine"


def test_model_from_s3_has_the_name_of_its_object(tmp_path: Path) -> None:
    content = tensor_models.add(tmp_path / "m.onnx").read_bytes()
    loaded = model.load_bytes("s3://models/a/wine.onnx", content, 1)
    assert isinstance(loaded, TensorModel)
    assert loaded.signature.name == "wine"


@pytest.mark.parametrize("key", ["task", "names", "stride"])
def test_model_with_a_part_of_the_yolo_metadata_is_loaded_as_yolo(tmp_path: Path, key: str) -> None:
    path = tensor_models.add(tmp_path / "m.onnx")
    proto = onnx.load(str(path))
    helper.set_model_props(proto, {key: "1"})
    onnx.save(proto, str(path))
    hint = "; `python -m export best.pt` writes them" if key == "task" else ""
    with pytest.raises(UnusableModel, match=rf"has no [a-z, ]+ in its metadata{hint}$"):
        model.load(path, threads=1)


def test_model_with_yolo_metadata_is_loaded_as_yolo(tmp_path: Path) -> None:
    assert isinstance(model.load(color_model.save(tmp_path / "m.onnx"), threads=1), Model)


def test_yolo_without_metadata_is_served_as_generic_model_with_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    no_metadata = dict.fromkeys(color_model.METADATA, "")
    loaded = load(color_model.save(tmp_path / "m.onnx", **no_metadata)).signature
    assert loaded.inputs[0].shape == (1, 3, -1, -1)
    assert "looks like an image, but no YOLO metadata" in caplog.text
    assert "python -m export best.pt" in caplog.text


def test_log_has_the_inputs_and_outputs_of_a_generic_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    signature = load(tensor_models.add(tmp_path / "m.onnx")).signature
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("serving ")]
    assert line.startswith(f"serving {tmp_path / 'm.onnx'}: ")
    assert all(f"'{tensor.name}'" in line for tensor in (*signature.inputs, *signature.outputs))


def test_table_does_not_look_like_an_image(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(tensor_models.add(tmp_path / "m.onnx"))
    assert caplog.text == ""


def test_classifier_with_zipmap_is_refused_with_a_hint(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Identity", ["x"], ["p"]),
        helper.make_node("ZipMap", ["p"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
    ]
    maps = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    output = helper.make_value_info("probabilities", helper.make_sequence_type_proto(maps))
    features = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(helper.make_graph(nodes, "g", [features], [output]), opset_imports=opsets, ir_version=10)
    onnx.save(proto, str(tmp_path / "m.onnx"))
    with pytest.raises(
        UnusableModel, match=r"output probabilities must be a tensor of .*, got seq\(map\(.*options=\{'zipmap': False\}"
    ):
        model.load(tmp_path / "m.onnx", threads=1)


def test_datatype_that_the_protocol_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tensor_models.echo(tmp_path / "m.onnx", TensorProto.BFLOAT16, ["n"])
    with pytest.raises(UnusableModel, match=r"input x must be a tensor of .*FP32.*, got tensor\(bfloat16\)"):
        model.load(path, threads=1)


def test_static_model_failing_on_ones_is_refused(tmp_path: Path) -> None:
    inputs = [("x", TensorProto.FLOAT, [3]), ("shape", TensorProto.INT64, [2])]
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    path = tensor_models.save(tmp_path / "m.onnx", nodes, inputs, [("y", TensorProto.FLOAT, None)])
    with pytest.raises(UnusableModel, match="failed its warm-up run on ones: the model failed on these inputs"):
        model.load(path, threads=1)


def test_dynamic_model_failing_on_ones_is_served_with_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inputs = [("x", TensorProto.FLOAT, ["n", 3]), ("shape", TensorProto.INT64, ["k"])]
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    load(tensor_models.save(tmp_path / "m.onnx", nodes, inputs, [("y", TensorProto.FLOAT, None)]))
    assert "has no warm-up" in caplog.text
    assert "Reshape" in caplog.text


def test_description_of_many_inputs_is_cut(tmp_path: Path) -> None:
    adder = load(tensor_models.add(tmp_path / "m.onnx")).signature
    assert signature.describe_inputs(adder) == "a FP32 [-1, 3], b FP32 [-1, 3]"
    assert len(signature.describe_inputs(adder._replace(inputs=adder.inputs * 999))) < 1010
