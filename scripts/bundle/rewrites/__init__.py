"""Rewrites of a model's graph that onnxruntime does not make itself; each leaves out the places that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.bundle.rewrites import dfl, head, split
from scripts.bundle.rewrites.graph import remove_dead

if TYPE_CHECKING:
    from function.model import Model


def rewrite(content: bytes, loaded: Model) -> tuple[bytes, int]:
    """Return an ONNX file with its graph rewritten, and the number of places; the same content gives the same bytes.

    Args:
        content: an ONNX file.
        loaded: the same model, as the function loads it.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    count = 0
    if loaded.layout.name == "anchors" and loaded.outputs is None:
        count += head.rewrite(model, loaded.metadata)
    count += dfl.rewrite(model) + split.rewrite(model)
    if not count:
        return content, 0
    remove_dead(model)
    return model.SerializeToString(deterministic=True), count
