"""Lookups in the graph of an ONNX model, for the rewrites: who makes and who reads a tensor, constants, dead parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_DOMAINS = ("", "ai.onnx")


class Graph:
    """The graph of an onnx.ModelProto, which the rewrites change in place.

    Attributes:
        proto: the onnx.GraphProto.
        opset: version of the operators of the standard; 0 if the file does not state it.
    """

    def __init__(self, model: Any) -> None:
        """Index the nodes of a model."""
        self.proto = model.graph
        self.opset = max((entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS), default=0)
        self._initializers = {tensor.name: tensor for tensor in self.proto.initializer}
        self._outputs = {output.name for output in self.proto.output}
        self._producers = {name: node for node in self.proto.node for name in node.output}
        self._readers: dict[str, list[Any]] = defaultdict(list)
        for node in self.proto.node:
            for name in names_read(node):
                self._readers[name].append(node)

    def producer(self, name: str, operator: str, domain: str = "") -> Any:
        """Return the node that makes a tensor, if it is this operator; else None."""
        node = self._producers.get(name)
        return node if node is not None and is_operator(node, operator, domain) else None

    def any_producer(self, name: str) -> Any:
        """Return the node that makes a tensor; None for an input or an initializer."""
        return self._producers.get(name)

    def only_reader(self, node: Any, operator: str, domain: str = "") -> Any:
        """Return the one node that reads the one output of a node, if it is this operator; else None.

        The output may be no output of the graph, and its reader must read it once, as the first input.
        """
        name, *others = node.output
        readers = self._readers[name]
        if others or len(readers) != 1 or name in self._outputs or readers[0].input[0] != name:
            return None
        return readers[0] if is_operator(readers[0], operator, domain) else None

    def is_read(self, name: str) -> bool:
        """Return whether a node reads a tensor, or it is an output of the graph."""
        return name in self._outputs or bool(self._readers[name])

    def constant(self, name: str) -> NDArray[np.generic] | None:
        """Return the values of a tensor that the file states; None for another."""
        from onnx import helper, numpy_helper

        if name in self._initializers:
            return numpy_helper.to_array(self._initializers[name])
        node = self.producer(name, "Constant")
        if node is None or [attribute.name for attribute in node.attribute] != ["value"]:
            return None
        return numpy_helper.to_array(helper.get_attribute_value(node.attribute[0]))

    def replace(self, removed: list[Any], added: list[Any], initializers: Iterable[Any] = ()) -> None:
        """Put nodes in place of others, at the position of the first of these."""
        names = {node.output[0] for node in removed}
        kept: list[Any] = []
        position = None
        for node in self.proto.node:
            if node.output and node.output[0] in names:
                position = len(kept) if position is None else position
            else:
                kept.append(node)
        kept[position:position] = added
        del self.proto.node[:]
        self.proto.node.extend(kept)
        self.proto.initializer.extend(initializers)


def is_operator(node: Any, operator: str, domain: str = "") -> bool:
    """Return whether a node is this operator of this domain."""
    return node.op_type == operator and node.domain in (DEFAULT_DOMAINS if domain == "" else (domain,))


def attributes(node: Any) -> dict[str, Any]:
    """Return the attributes of a node."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def remove_dead(model: Any) -> None:
    """Remove the nodes and initializers that no output needs, in place."""
    graph = model.graph
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(names_read(node))
    initializers = [tensor for tensor in graph.initializer if tensor.name in needed]
    kept.reverse()
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(initializers)


def names_read(node: Any) -> Iterator[str]:
    """Yield the tensors that a node reads, also those that its inner graphs read."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for inner_node in inner.node:
                yield from names_read(inner_node)
