"""Models that end at the last convolutions: the function decodes the same from them as from the exported file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from function import predictor
from function.model import Model
from function.request import Options
from function.settings import Settings
from scripts.bundle import model, optimize
from scripts.bundle.rewrites import head
from tests.conftest import ROOT
from tests.scripts.bundle.rewrites.conftest import EXPORTS
from tests.scripts.bundle.rewrites.graphs import node, set_attribute

pytestmark = pytest.mark.slow  # each export takes some seconds

SAMPLES = ROOT / "example" / "samples"
IMAGES = [SAMPLES / "gauges-large-1920x1080.jpg", ROOT / "tests" / "golden" / "strip-1200x300.jpg"]
BOX_MAX = 0.001  # px; measured: 0.0003
CONFIDENCE_MAX = 1e-5  # measured: 1.2e-7
WITH_BOXES = [name for name in EXPORTS if name != "classify"]


def optimized(path: Path, scratch: Path) -> Model:
    loaded = optimize.optimize(model.read(path), scratch).info.loaded
    assert isinstance(loaded, Model)
    return loaded


def predict(served: Model, image: Path, conf: float) -> Any:
    options = Options(conf=conf, masks="rle" if served.metadata.task == "segment" else "polygons")
    return predictor.predict(served, Settings.from_env({}), image.read_bytes(), options)


def test_export_in_8_bits_is_fused(exported: Callable[[str], Path], tmp_path: Path) -> None:
    result = optimize.optimize(model.read(exported("int8")), tmp_path)
    before, after = (
        [one.op_type for one in onnx.load(path).graph.node] for path in (exported("int8"), result.info.path)
    )
    assert result.note == ""
    assert "QLinearConv" in after
    assert after.count("DequantizeLinear") < before.count("DequantizeLinear") / 4


@pytest.mark.parametrize("name", WITH_BOXES)
def test_results_are_those_of_the_exported_file(name: str, exported: Callable[[str], Path], tmp_path: Path) -> None:
    before, after = model.read(exported(name)).loaded, optimized(exported(name), tmp_path)
    assert isinstance(before, Model)
    assert (before.layout.name, after.layout.name) == ("anchors", "maps")
    for image in IMAGES:
        for conf in (0.25, 0.001):
            expected, actual = predict(before, image, conf), predict(after, image, conf)
            np.testing.assert_array_equal(actual.class_ids, expected.class_ids)
            np.testing.assert_allclose(actual.scores, expected.scores, rtol=0, atol=CONFIDENCE_MAX)
            for field in ("boxes_xyxy", "keypoints", "boxes_cxcywhr"):
                if getattr(expected, field) is not None:
                    np.testing.assert_allclose(getattr(actual, field), getattr(expected, field), rtol=0, atol=BOX_MAX)
            if expected.masks is not None:
                assert len(actual.masks.run_lengths) == len(expected.masks.run_lengths)


@pytest.mark.parametrize("name", ["detect", "static", "segment"])
def test_graph_ends_at_convolutions(name: str, exported: Callable[[str], Path], tmp_path: Path) -> None:
    optimized(exported(name), tmp_path)
    graph = onnx.load(tmp_path / "rewritten.onnx").graph
    made = {output: made.op_type for made in graph.node for output in made.output}
    kinds = [made[output.name] for output in graph.output]
    assert kinds == ["Conv"] * (9 if name == "segment" else 6) + (["QuickGelu"] if name == "segment" else [])
    assert not {"Range", "Sigmoid", "Expand", "Sub", "Div"} & set(made.values())


def test_same_model_gives_the_same_bytes(exported: Callable[[str], Path], tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        optimized(exported("detect"), tmp_path / name)
        contents.append((tmp_path / name / "rewritten.onnx").read_bytes())
    assert contents[0] == contents[1]


def test_metadata_stay_apart_from_the_mark(exported: Callable[[str], Path], tmp_path: Path) -> None:
    original = model.read(exported("detect"))
    info = optimize.optimize(original, tmp_path).info
    assert info.metadata == {**original.metadata, "head_maps": "True"}


def test_rewritten_model_is_not_rewritten_again(exported: Callable[[str], Path], tmp_path: Path) -> None:
    once = optimize.optimize(model.read(exported("detect")), tmp_path).info
    (tmp_path / "again").mkdir()
    again = optimize.optimize(once, tmp_path / "again")
    assert (again.note, again.info.loaded.layout.name) == ("", "maps")  # type: ignore[union-attr]
    assert again.info.metadata == once.metadata


def test_classifier_keeps_its_output(exported: Callable[[str], Path], tmp_path: Path) -> None:
    assert optimized(exported("classify"), tmp_path).layout.name == "probabilities"


def set_value(proto: Any, old: float, new: float) -> None:
    """Set every constant of one value, in the initializers and in ConstantOfShape."""
    for tensor in proto.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and numpy_helper.to_array(tensor).ravel().tolist() == [old]:
            tensor.CopyFrom(numpy_helper.from_array(np.full(tensor.dims, new, np.float32), tensor.name))
    for one in proto.graph.node:
        if one.op_type == "ConstantOfShape" and numpy_helper.to_array(one.attribute[0].t).tolist() == [old]:
            set_attribute(one, "value", numpy_helper.from_array(np.array([new], np.float32)))


def scale_bins(proto: Any) -> None:
    conv = next(one for one in proto.graph.node if one.op_type == "Conv" and len(one.input) == 2)
    weights = next(tensor for tensor in proto.graph.initializer if tensor.name == conv.input[1])
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(1.01), weights.name))


def add_output(proto: Any) -> None:
    proto.graph.output.append(helper.make_tensor_value_info(node(proto, "Conv").output[0], TensorProto.FLOAT, None))


NEAR_MISSES = {
    "offset of the anchors": lambda proto: set_value(proto, 0.5, 0.0),
    "stride": lambda proto: set_value(proto, 16.0, 12.0),
    "half of the sides": lambda proto: set_value(proto, 2.0, 2.001),
    "activation of the scores": lambda proto: setattr(
        [one for one in proto.graph.node if one.op_type == "Sigmoid"][-1], "op_type", "HardSigmoid"
    ),
    "axis of the distribution": lambda proto: set_attribute(node(proto, "Softmax"), "axis", 2),
    "weights of the bins": scale_bins,
    "operator that onnxruntime does not know": lambda proto: setattr(
        [one for one in proto.graph.node if one.op_type == "Sigmoid"][-1], "op_type", "Unknown"
    ),
    "second output": add_output,
}


@pytest.mark.parametrize("change", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_near_miss_is_left_as_it_is(change: Callable[[Any], None], exported: Callable[[str], Path]) -> None:
    loaded = model.read(exported("detect")).loaded
    proto = onnx.load(exported("detect"))
    change(proto)
    before = proto.SerializeToString()
    assert before != exported("detect").read_bytes()
    assert head.rewrite(proto, loaded.metadata) == 0  # type: ignore[arg-type]
    assert proto.SerializeToString() == before


@pytest.mark.parametrize(
    "changed", [{"names": {0: "a"}}, {"names": dict.fromkeys(range(3), "a")}, {"task": "pose", "kpt_shape": (1, 2)}]
)
def test_metadata_that_do_not_fit_are_left_as_they_are(
    changed: dict[str, Any], exported: Callable[[str], Path]
) -> None:
    loaded = model.read(exported("detect")).loaded
    assert isinstance(loaded, Model)
    proto = onnx.load(exported("detect"))
    assert head.rewrite(proto, loaded.metadata._replace(**changed)) == 0
