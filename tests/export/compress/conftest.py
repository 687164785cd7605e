"""Fixtures of the compression tests: a model with learned convolutions, and images for it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests import conftest
from tests.support import color_model

LAYERS = 3  # learned convolutions before the convolution of the color model
WIDTH = 16


@pytest.fixture(scope="session")
def deep(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the color model behind convolutions with SiLU; the last of them restores the image."""
    random = np.random.default_rng(0)
    model = onnx.load(str(color_model.save(tmp_path_factory.mktemp("deep") / "colors.onnx")))
    forward = random.normal(size=(WIDTH, 3)).astype(np.float32)
    inverse = np.linalg.pinv(forward).astype(np.float32)
    weights = {"w0": forward, "w1": np.eye(WIDTH, dtype=np.float32), "w2": inverse}
    for name, matrix in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(matrix[:, :, None, None], name))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(12), "high"))  # SiLU(x + 12) is about x + 12
    nodes, name = [], "images"
    for layer in range(LAYERS):
        nodes.append(helper.make_node("Conv", [name, f"w{layer}"], [f"c{layer}"], name=f"conv{layer}"))
        name = f"c{layer}"
        if layer < LAYERS - 1:
            nodes += [
                helper.make_node("Add", [name, "high"], [f"a{layer}"]),
                helper.make_node("Sigmoid", [f"a{layer}"], [f"s{layer}"], name=f"sigmoid{layer}"),
                helper.make_node("Mul", [f"a{layer}", f"s{layer}"], [f"m{layer}"], name=f"mul{layer}"),
                helper.make_node("Sub", [f"m{layer}", "high"], [f"l{layer}"]),
            ]
            name = f"l{layer}"
    for node in model.graph.node:
        node.input[:] = [name if source == "images" else source for source in node.input]
    original = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *original])
    return bytes(model.SerializeToString())


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return four images with one red box each."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(4):
        corner = 64 * number
        red = conftest.encode(conftest.image_with_box(box=(corner, corner, corner + 32, corner + 32)))
        (folder / f"{number}.png").write_bytes(red)
    return sorted(folder.iterdir())
