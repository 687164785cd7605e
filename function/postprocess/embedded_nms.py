"""Confidence threshold of an ONNX file that was exported with `nms=True`: only its graph states it."""

import struct
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types of protobuf
SCALARS = {1: "<f", 10: "<e", 11: "<d"}  # TensorProto.data_type -> format: float32, float16, float64
DECIMALS = 6  # 0.4 is stored as 0.4000000059604645


class _Node(NamedTuple):
    operator: str
    inputs: list[bytes]
    outputs: list[bytes]
    value: float | None  # of a Constant that is one number


def threshold(content: bytes | mmap) -> float | None:
    """Return the first number from 0 to 1 that the graph compares values with; None if there is none.

    Args:
        content: an ONNX file that onnxruntime loads. The weights are not read.

    Source: ultralytics 8.4.190 `NMSModel.forward`, engine/exporter.py: `mask = score > self.args.conf`. Field numbers:
    onnx 1.23, onnx.proto.
    """
    with memoryview(content) as view:
        graph = next((bytes_ for field, bytes_ in _fields(view) if field == 7 and isinstance(bytes_, memoryview)), None)
        if graph is None:
            return None
        nodes = [_node(value) for field, value in _fields(graph) if field == 1 and isinstance(value, memoryview)]
        numbers = dict(
            _tensor(value) for field, value in _fields(graph) if field == 5 and isinstance(value, memoryview)
        )
        graph.release()
    for node in nodes:  # in the order of execution
        if node.operator == "Constant":
            numbers[node.outputs[0]] = node.value
        elif node.operator in ("Cast", "Identity"):
            numbers[node.outputs[0]] = numbers.get(node.inputs[0])
    compared = (numbers.get(node.inputs[1]) for node in nodes if node.operator == "Greater")
    # Behind the scores, rotated boxes compare their IoU in the same way.
    return next((round(number, DECIMALS) for number in compared if number is not None and 0 < number < 1), None)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the field number and the value of each field of a protobuf message."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire_type = tag & 7
        if wire_type == VARINT:
            value, position = _varint(message, position)
            yield tag >> 3, value
            continue
        size = {FIXED64: 8, FIXED32: 4}.get(wire_type, 0)
        if wire_type == BYTES:
            size, position = _varint(message, position)
        yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return an integer and the position behind it."""
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def _node(message: memoryview) -> _Node:
    inputs, outputs, operator, number = [], [], "", None
    for field, value in _fields(message):
        if not isinstance(value, memoryview):
            continue
        if field == 1:
            inputs.append(bytes(value))
        elif field == 2:
            outputs.append(bytes(value))
        elif field == 4:
            operator = str(value, "utf-8")
        elif field == 5:
            number = _attribute(value)
    return _Node(operator, inputs, outputs, number)


def _attribute(message: memoryview) -> float | None:
    """Return the number of a Constant's attribute: a float, or a tensor with one number."""
    for field, value in _fields(message):
        if field == 2 and isinstance(value, memoryview):
            return float(struct.unpack("<f", value)[0])
        if field == 5 and isinstance(value, memoryview):
            return _tensor(value)[1]
    return None


def _tensor(message: memoryview) -> tuple[bytes, float | None]:
    """Return the name of a tensor, and its value if it is one number."""
    name, data_type, data = b"", 0, b""
    for field, value in _fields(message):
        if field == 2 and isinstance(value, int):
            data_type = value
        elif field == 8 and isinstance(value, memoryview):
            name = bytes(value)
        elif field in (4, 9, 10) and isinstance(value, memoryview) and len(value) <= 8:
            data = bytes(value)
    scalar = SCALARS.get(data_type)
    return name, float(struct.unpack(scalar, data)[0]) if scalar and len(data) == struct.calcsize(scalar) else None
