"""Model with a constant output: 33,600 boxes with 80 classes, all with scores above 0.001.

It has the plain detection layout and the metadata that the export writes, so the function serves it like any YOLO. The
output does not depend on the image, and the run of the network takes almost no time.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ANCHORS, CLASSES = 33_600, 80  # of a model at 1280 px: 160 x 160 + 80 x 80 + 40 x 40 anchors; the classes of COCO
SIDE = 1280  # px
MIN_SCORE, MAX_SCORE = 0.0011, 0.9
BOX_SIDES = (8, 120)  # px
SPREAD = 25  # px, standard deviation around the center of a cluster
CLUSTERS = 60
METADATA = {
    "task": "detect",
    "names": str({number: f"class {number}" for number in range(CLASSES)}),
    "imgsz": f"[{SIDE}, {SIDE}]",
    "stride": "32",
    "end2end": "False",
}


def rows(clustered: bool, seed: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """Return the output of the model.

    Args:
        clustered: put the centers into CLUSTERS clusters; else they are uniformly distributed.
        seed: of the random numbers.

    Returns:
        (1, 4 + CLASSES, ANCHORS) float32: center and size in px, scores 0..1.
    """
    generator = np.random.default_rng(seed)
    centers = generator.uniform(0, SIDE, (2, ANCHORS))
    if clustered:
        clusters = generator.uniform(0, SIDE, (2, CLUSTERS))
        centers = clusters[:, generator.integers(0, CLUSTERS, ANCHORS)] + generator.normal(0, SPREAD, (2, ANCHORS))
    sides = generator.uniform(*BOX_SIDES, (2, ANCHORS))
    scores = generator.uniform(MIN_SCORE, MAX_SCORE, (CLASSES, ANCHORS))
    return np.concatenate((centers, sides, scores))[None].astype(np.float32)


def save(path: Path, clustered: bool, seed: int = 0) -> None:
    """Write the model.

    The output is the constant plus 0 times a pixel of the image, so that onnxruntime cannot fold it to a constant.
    """
    nodes = [
        helper.make_node("Slice", ["images", "starts", "ends", "axes"], ["pixel"]),
        helper.make_node("Mul", ["pixel", "zero"], ["pixel_times_zero"]),
        helper.make_node("Reshape", ["pixel_times_zero", "scalar"], ["offset"]),
        helper.make_node("Add", ["rows", "offset"], ["output0"]),
    ]
    constants = {
        "starts": np.array([0, 0, 0, 0]), "ends": np.array([1, 1, 1, 1]), "axes": np.array([0, 1, 2, 3]),
        "zero": np.float32(0), "scalar": np.array([1]), "rows": rows(clustered, seed),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "nms",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + CLASSES, ANCHORS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, METADATA)
    onnx.save(model, str(path))
