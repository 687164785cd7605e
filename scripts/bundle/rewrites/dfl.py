"""Rewrite of the box distribution (DFL): the mean of a softmax, without a softmax over an inner axis.

Ultralytics transposes the bins of the four sides to axis 1, takes a softmax there, and adds the bins up with a
convolution whose weights are 0, 1, 2 ... onnxruntime makes a softmax over an inner axis from transposed copies. Here
the sums of exp(x) and of bin * exp(x) are one product with a constant matrix, and the mean is their quotient.

Source: ultralytics 8.4.190 `DFL`, nn/modules/block.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scripts.bundle.rewrites.graph import Graph, attributes

SIDES = 4  # left, top, right, bottom
MIN_OPSET = 13  # Split with sizes as an input
REDUCE_AXES_OPSET = 18  # ReduceMax with axes as an input
TO_BINS_FIRST = [0, 2, 1, 3]


class Match(NamedTuple):
    """One place: from (B, 4 * bins, A), and to (B, 4, A) after a Reshape."""

    reshape: Any  # its output is (B, 4, bins, A)
    transpose: Any
    softmax: Any
    conv: Any  # its output is (B, 1, 4, A)
    bins: int


def rewrite(model: Any) -> int:
    """Rewrite every place in an onnx.ModelProto, in place.

    Returns:
        The number of places.
    """
    graph = Graph(model)
    if graph.opset < MIN_OPSET:
        return 0
    matches = [match for node in model.graph.node if (match := _match(graph, node)) is not None]
    for match in matches:
        _replace(graph, match)
    return len(matches)


def _match(graph: Graph, reshape: Any) -> Match | None:
    if reshape.op_type != "Reshape" or attributes(reshape).get("allowzero", 0) != 0:
        return None
    sides, bins = _sides_and_bins(graph, reshape.input[1])
    if sides != SIDES or bins < 1:
        return None
    transpose = graph.only_reader(reshape, "Transpose")
    if transpose is None or list(attributes(transpose).get("perm", ())) != TO_BINS_FIRST:
        return None
    softmax = graph.only_reader(transpose, "Softmax")
    if softmax is None or attributes(softmax).get("axis", -1) != 1:
        return None
    conv = graph.only_reader(softmax, "Conv")
    if conv is None or not is_mean_of_bins(graph, conv, bins):
        return None
    if graph.only_reader(conv, "Reshape") is None:  # which does not see that the axes of length 1 and 4 have changed
        return None
    return Match(reshape, transpose, softmax, conv, bins)


def _sides_and_bins(graph: Graph, name: str) -> tuple[int, int]:
    """Return the second and the third of the four numbers of a shape, or zeros.

    The shape is a constant or, before onnxruntime's fusions, the Concat of four tensors.
    """
    shape = graph.constant(name)
    if shape is not None:
        return (int(shape[1]), int(shape[2])) if shape.shape == (4,) else (0, 0)
    concat = graph.producer(name, "Concat")
    parts = [graph.constant(part) for part in concat.input] if concat is not None else []
    if len(parts) != 4 or parts[1] is None or parts[2] is None or parts[1].shape != (1,) or parts[2].shape != (1,):
        return 0, 0
    return int(parts[1][0]), int(parts[2][0])


def is_mean_of_bins(graph: Graph, conv: Any, bins: int) -> bool:
    """Return whether a convolution of 1 x 1 has the weights 0, 1, 2 ... for that many channels, and no bias."""
    import numpy as np

    weights = graph.constant(conv.input[1])
    if weights is None or len(conv.input) != 2 or weights.dtype != np.float32 or weights.shape != (1, bins, 1, 1):
        return False
    stated = attributes(conv)
    is_plain = not any(stated.get("pads", ())) and set(stated.get("strides", [1])) == {1}
    return is_plain and bool((weights.ravel() == np.arange(bins)).all())


def _replace(graph: Graph, match: Match) -> None:
    import numpy as np
    from onnx import helper, numpy_helper

    source, target = match.reshape.output[0], match.conv.output[0]
    names = {
        part: f"{target}_{part}" for part in ("axes", "sums", "sizes", "max", "shifted", "exp", "both", "mean", "total")
    }
    bins = np.stack((np.arange(match.bins), np.ones(match.bins))).astype(np.float32)
    initializers = [
        numpy_helper.from_array(bins, names["sums"]),
        numpy_helper.from_array(np.array([1, 1]), names["sizes"]),
    ]
    if graph.opset >= REDUCE_AXES_OPSET:
        initializers.append(numpy_helper.from_array(np.array([2]), names["axes"]))
        maximum = helper.make_node("ReduceMax", [source, names["axes"]], [names["max"]], keepdims=1)
    else:
        maximum = helper.make_node("ReduceMax", [source], [names["max"]], axes=[2], keepdims=1)
    nodes = [
        maximum,
        helper.make_node("Sub", [source, names["max"]], [names["shifted"]]),
        helper.make_node("Exp", [names["shifted"]], [names["exp"]]),
        helper.make_node("MatMul", [names["sums"], names["exp"]], [names["both"]]),  # (B, 4, 2, A)
        helper.make_node("Split", [names["both"], names["sizes"]], [names["mean"], names["total"]], axis=2),
        helper.make_node("Div", [names["mean"], names["total"]], [target]),  # (B, 4, 1, A)
    ]
    graph.replace([match.transpose, match.softmax, match.conv], nodes, initializers)
