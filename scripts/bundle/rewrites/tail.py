"""The part of a graph behind the last convolutions, as a model of its own: maps in, the output of the model out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.bundle.rewrites.graph import Graph, names_read, remove_dead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[np.float32]]


class Tail:
    """A model without what is before the outputs of its last convolutions.

    Attributes:
        maps: names of these outputs, of rank 4.
    """

    def __init__(self, model: Any, output: str) -> None:
        """Find the last convolutions before an output of an onnx.ModelProto; `maps` is empty if there are none."""
        self._model, self._output = model, output
        names, maps, shapes = _walk(Graph(model), output)
        self.maps = sorted(maps)
        self._inputs = [*self.maps, *sorted(shapes - names - maps)]  # of the others, only the shapes are read
        self._nodes = [node for node in model.graph.node if names.intersection(node.output)]
        self._body: Any = None
        self._session: Any = None

    def run_body(self, image: NDArray[np.float32]) -> Tensors:
        """Return the inputs of this model for an image, (B, C, H, W)."""
        if self._body is None:
            body = type(self._model)()
            body.CopyFrom(self._model)
            del body.graph.output[:]
            body.graph.output.extend(_declare(self._inputs))
            remove_dead(body)
            self._body = _session(body)
        return dict(zip(self._inputs, self._body.run(None, {self._model.graph.input[0].name: image}), strict=True))

    def run(self, inputs: Tensors) -> NDArray[np.float32]:
        """Return the first image's output, (4+C+E, A), from maps."""
        if self._session is None:
            self._session = self._make_session()
        used = {tensor.name for tensor in self._session.get_inputs()}
        (output,) = self._session.run(None, {name: value for name, value in inputs.items() if name in used})
        return output[0]  # type: ignore[no-any-return]

    def _make_session(self) -> Any:
        needed = {name for node in self._nodes for name in names_read(node)}
        part = type(self._model)(ir_version=self._model.ir_version)
        part.opset_import.extend(self._model.opset_import)
        part.graph.name = "tail"
        part.graph.input.extend(_declare(name for name in self._inputs if name in needed))
        part.graph.output.extend(_declare([self._output]))
        part.graph.initializer.extend(tensor for tensor in self._model.graph.initializer if tensor.name in needed)
        part.graph.node.extend(self._nodes)
        return _session(part)


def _walk(graph: Graph, output: str) -> tuple[set[str], set[str], set[str]]:
    """Return the tensors behind the last convolutions, the outputs of these, and tensors of which shapes are read."""
    names: set[str] = set()
    maps: set[str] = set()
    shapes: set[str] = set()
    pending = [output]
    while pending:
        name = pending.pop()
        node = graph.any_producer(name)
        if node is None or name in names or name in maps:
            continue
        if node.op_type == "Conv" and not _adds_up_bins(graph, node):
            maps.add(name)
            continue
        names.update(node.output)
        (shapes.update if node.op_type == "Shape" else pending.extend)(names_read(node))
    return names, maps, shapes


def _adds_up_bins(graph: Graph, conv: Any) -> bool:
    """Return whether a convolution is the one of a box distribution: with one output channel and no bias."""
    weights = graph.constant(conv.input[1])
    return weights is not None and weights.shape[0] == 1 and len(conv.input) == 2


def _declare(names: Any) -> list[Any]:
    from onnx import TensorProto, helper

    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]


def _session(model: Any) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # it runs a few times only
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
