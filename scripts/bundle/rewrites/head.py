"""Rewrite that ends a model at the last convolutions of its head: the function decodes their outputs itself.

`function/postprocess/head_maps.py` decodes only the anchors above the threshold, the graph all of them: boxes, class
scores, keypoints. The decoding of Ultralytics has had several forms, and onnxruntime fuses each in its own way. So the
nodes behind the last convolutions are not compared with a pattern, but run: the rows and anchors of the output that
change with a map say what it is, and what the function decodes from random maps must be what the graph computes from
them. Where it is not, the graph stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.bundle.rewrites.graph import remove_dead
from scripts.bundle.rewrites.tail import Tail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from function.metadata import ModelMetadata

    Tensors = dict[str, NDArray[np.float32]]

KEY = "head_maps"  # of the metadata; function/metadata.py reads it
BOX_ROWS = 4  # center and size
TOLERANCE = 1e-5  # of boxes and extras relative to the largest, of scores absolute; measured: 4e-7
LOGITS = 3.0  # standard deviation of random maps: scores and bins of all sizes
CHECKS = 2  # sets of random maps for each input size


class Probe(NamedTuple):
    """What a map has an effect on."""

    name: str
    rows: set[int]  # of the output
    anchors: list[int]  # ascending


def rewrite(model: Any, metadata: ModelMetadata) -> int:
    """End an onnx.ModelProto at its last convolutions, in place.

    Args:
        model: with the layout "anchors": the output (B, 4+C+E, A), and for segment the prototypes after it.
        metadata: of the model, as the function reads it.

    Returns:
        1, or 0 if the function would not decode the same boxes.
    """
    from onnx import TensorProto, helper

    outputs = list(model.graph.output)
    if len(outputs) != 1 + (metadata.task == "segment") or metadata.float16 or metadata.head_maps:
        return 0
    try:
        ordered = _maps(Tail(model, outputs[0].name), metadata)
    except Exception:  # noqa: BLE001  (of any kind: a part that onnxruntime does not run alone, such as one in float16)
        return 0
    if not ordered:
        return 0
    maps = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in ordered]
    del model.graph.output[:]
    model.graph.output.extend([*maps, *outputs[1:]])
    remove_dead(model)
    model.metadata_props.add(key=KEY, value="True")
    return 1


def _maps(tail: Tail, metadata: ModelMetadata) -> list[str]:
    """Return the maps in the order of the layout "maps"; none if the function does not decode the same from them."""
    import numpy as np

    ordered: list[str] = []
    for height, width in _sides(metadata):
        shapes = (
            tail.run_body(np.full((metadata.batch, metadata.channels, height, width), 0.5, np.float32))
            if tail.maps
            else {}
        )
        ordered = _order(tail, shapes, metadata)
        if not ordered or not _is_decoded(tail, shapes, metadata, ordered, (width, height)):
            return []
    return ordered


def _sides(metadata: ModelMetadata) -> list[tuple[int, int]]:
    """Return (height, width) of the inputs that are tried: of a dynamic model two that are no squares."""
    if not metadata.rectangular:
        return [metadata.imgsz_hw]
    return [(2 * metadata.stride, 3 * metadata.stride), (5 * metadata.stride, 2 * metadata.stride)]


def _order(tail: Tail, shapes: Tensors, metadata: ModelMetadata) -> list[str]:
    """Return the maps of boxes, of scores and of extras, each by stride; none if their effects are not of that kind."""
    probes = _probes(tail, shapes)
    classes = set(range(BOX_ROWS, BOX_ROWS + len(metadata.names)))
    boxes = [probe for probe in probes if probe.rows <= set(range(BOX_ROWS))]
    scores = [probe for probe in probes if probe.rows <= classes]
    extras = [probe for probe in probes if probe not in boxes and probe not in scores]
    groups = [boxes, scores, *([extras] if metadata.task != "detect" else [])]
    if sum(map(len, groups)) != len(probes) or not all(probe.rows for probe in probes):
        return []
    for group in groups:
        group.sort(key=lambda probe: probe.anchors)
        if [probe.anchors for probe in group] != [probe.anchors for probe in boxes]:
            return []
    return [probe.name for group in groups for probe in group]


def _probes(tail: Tail, shapes: Tensors) -> list[Probe]:
    """Return the effect of each map on the output."""
    import numpy as np

    generator = np.random.default_rng(0)
    inputs = _random(tail.maps, shapes, generator, 1.0)
    before = tail.run(inputs) if inputs else None
    probes = []
    for name in tail.maps:
        changed = tail.run({**inputs, **_random([name], {name: shapes[name]}, generator, 1.0)}) != before
        rows, anchors = (np.flatnonzero(changed.any(axis=axis)).tolist() for axis in (1, 0))
        probes.append(Probe(name, set(rows), anchors))
    return probes


def _is_decoded(
    tail: Tail, shapes: Tensors, metadata: ModelMetadata, ordered: list[str], input_wh: tuple[int, int]
) -> bool:
    """Return whether the function decodes from random maps what the graph computes from them."""
    import numpy as np

    from function.errors import UnusableModel
    from function.postprocess import head_maps, layouts

    generator = np.random.default_rng(1)
    anchors = next(layout for layout in layouts.LAYOUTS if layout.name == "anchors")
    for _ in range(CHECKS):
        inputs = _random(tail.maps, shapes, generator, LOGITS)
        expected = anchors.decode(tail.run(inputs)[None], len(metadata.names), -1.0)
        outputs = [inputs[name][:1] for name in ordered]
        if metadata.task == "segment":  # prototypes, which are not decoded
            outputs.append(np.zeros((1, expected.extras.shape[1], 1, 1), np.float32))
        try:
            head_maps.read(metadata, outputs)
        except UnusableModel:
            return False
        if not _are_equal(expected, head_maps.decode(outputs, metadata, input_wh, -1.0)):
            return False
    return True


def _random(names: list[str], shapes: Tensors, generator: np.random.Generator, deviation: float) -> Tensors:
    """Return the tensors with random values for the named ones."""
    import numpy as np

    values = {name: np.float32(deviation) * generator.standard_normal(shapes[name].shape, np.float32) for name in names}
    return {**shapes, **values}


def _are_equal(expected: Any, actual: Any) -> bool:
    """Return whether candidates are the same, apart from rounding."""
    import numpy as np

    pairs = list(zip(expected, actual, strict=True))
    if any(one.shape != other.shape for one, other in pairs):
        return False
    boxes, scores, class_ids, extras = (np.abs(one - other).max(initial=0) for one, other in pairs)
    scales = (max(np.abs(values).max(initial=0), 1.0) for values in (expected.boxes, expected.extras))
    return bool(
        class_ids == 0
        and scores <= TOLERANCE
        and all(difference <= TOLERANCE * scale for difference, scale in zip((boxes, extras), scales, strict=True))
    )
