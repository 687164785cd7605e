"""A network whose answer is known: 33,600 boxes with 80 classes, all above a confidence of 0.001.

It has the plain detection layout and the metadata that the export writes, so the function serves it as any other. Its
answer does not depend on the picture, and its own run costs next to nothing.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ANCHORS, CLASSES = 33_600, 80  # of a model at 1280 px: 160 x 160 + 80 x 80 + 40 x 40 anchors; the classes of COCO
SIDE = 1280  # px
LEAST, MOST = 0.0011, 0.9  # scores
BOX = (8, 120)  # px of a side
SPREAD = 25  # px around the center of a cluster
CLUSTERS = 60
METADATA = {
    "task": "detect",
    "names": str({number: f"class {number}" for number in range(CLASSES)}),
    "imgsz": f"[{SIDE}, {SIDE}]",
    "stride": "32",
    "end2end": "False",
}


def rows(clustered: bool, seed: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """(1, 4 + CLASSES, ANCHORS) float32: center, size (px) and scores; anywhere, or in CLUSTERS heaps."""
    draw = np.random.default_rng(seed)
    centers = draw.uniform(0, SIDE, (2, ANCHORS))
    if clustered:
        heaps = draw.uniform(0, SIDE, (2, CLUSTERS))
        centers = heaps[:, draw.integers(0, CLUSTERS, ANCHORS)] + draw.normal(0, SPREAD, (2, ANCHORS))
    sides = draw.uniform(*BOX, (2, ANCHORS))
    scores = draw.uniform(LEAST, MOST, (CLASSES, ANCHORS))
    return np.concatenate((centers, sides, scores))[None].astype(np.float32)


def save(path: Path, clustered: bool, seed: int = 0) -> None:
    """Write the network: the answer times one, made of the picture so that nothing is folded away."""
    nodes = [
        helper.make_node("Slice", ["images", "starts", "ends", "axes"], ["pixel"]),
        helper.make_node("Mul", ["pixel", "zero"], ["nothing"]),
        helper.make_node("Reshape", ["nothing", "scalar"], ["one_nothing"]),
        helper.make_node("Add", ["answer", "one_nothing"], ["output0"]),
    ]
    constants = {
        "starts": np.array([0, 0, 0, 0]), "ends": np.array([1, 1, 1, 1]), "axes": np.array([0, 1, 2, 3]),
        "zero": np.float32(0), "scalar": np.array([1]), "answer": rows(clustered, seed),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "crowd",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + CLASSES, ANCHORS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, METADATA)
    onnx.save(model, str(path))
