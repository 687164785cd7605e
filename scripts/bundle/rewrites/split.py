"""Rewrite of `Conv, QuickGelu, Split`: a convolution and an activation for each part.

onnxruntime runs convolutions in a layout of blocks of channels, but splits in the ordinary layout: each Split costs a
conversion of its input and one of every part. Each output channel of a convolution is independent of the others, so
the parts have the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.bundle.rewrites.graph import Graph, attributes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MICROSOFT = "com.microsoft"  # domain of QuickGelu, x * sigmoid(alpha * x)

BLOCK = 16  # channels: of AVX-512, a multiple of all others; a part that is no multiple of it is padded, and slower


class Match(NamedTuple):
    """One place."""

    conv: Any
    activation: Any
    split: Any
    sizes: list[int]  # channels of the parts
    weights: NDArray[np.generic]  # (C, in, h, w)
    bias: NDArray[np.generic] | None  # (C,)


def rewrite(model: Any) -> int:
    """Rewrite every place in an onnx.ModelProto, in place.

    Returns:
        The number of places.
    """
    graph = Graph(model)
    matches = [match for node in model.graph.node if (match := _match(graph, node)) is not None]
    for match in matches:
        _replace(graph, match)
    return len(matches)


def _match(graph: Graph, conv: Any) -> Match | None:
    if conv.op_type != "Conv" or len(conv.output) != 1 or attributes(conv).get("group", 1) != 1:
        return None
    activation = graph.only_reader(conv, "QuickGelu", MICROSOFT)
    split = graph.only_reader(activation, "Split") if activation is not None else None
    if split is None or len(split.input) != 2 or attributes(split).get("axis", 0) != 1:
        return None
    sizes = graph.constant(split.input[1])
    weights = graph.constant(conv.input[1])
    has_bias = len(conv.input) == 3
    bias = graph.constant(conv.input[2]) if has_bias else None
    if sizes is None or weights is None or (has_bias and bias is None):
        return None
    if (sizes % BLOCK).any() or len(sizes) != len(split.output) or int(sizes.sum()) != weights.shape[0]:
        return None
    return Match(conv, activation, split, sizes.tolist(), weights, bias)


def _replace(graph: Graph, match: Match) -> None:
    from onnx import helper, numpy_helper

    nodes, initializers, start = [], [], 0
    for size, output in zip(match.sizes, match.split.output, strict=True):
        part = slice(start, start + size)
        start += size
        if not graph.is_read(output):
            continue
        tensors = [match.weights[part], *([match.bias[part]] if match.bias is not None else [])]
        names = [f"{output}_{kind}" for kind in ("weight", "bias")[: len(tensors)]]
        initializers += [numpy_helper.from_array(tensor, name) for tensor, name in zip(tensors, names, strict=True)]
        for old, inputs, made in (
            (match.conv, [match.conv.input[0], *names], f"{output}_conv"),
            (match.activation, [f"{output}_conv"], output),
        ):
            node = helper.make_node(old.op_type, inputs, [made], name=made, domain=old.domain)
            node.attribute.extend(old.attribute)
            nodes.append(node)
    graph.replace([match.conv, match.activation, match.split], nodes, initializers)
