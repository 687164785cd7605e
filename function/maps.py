"""Results of models whose output is a map: semantic segmentation and depth. Loaded only with such a model."""

from function.arrays import Floats, Ints
from function.metadata import ModelMetadata
from function.postprocess import depth, semantic
from function.preprocess.letterbox import Letterbox
from function.results import UNTIMED, Depth, Semantic


def decode(
    metadata: ModelMetadata, layout_name: str, output: Floats, geometry: Letterbox, class_ids: Ints | None
) -> Semantic | Depth:
    """Return the map of an image.

    Args:
        metadata: of the model.
        layout_name: of the output, from `postprocess.dense`.
        output: (1, ...) float32.
        geometry: position of the image in the model input.
        class_ids: the requested classes; None: all.

    Raises:
        InternalError: the output contains NaN, infinity or an unknown class id.
    """
    size_wh = (geometry.image_w, geometry.image_h)
    if metadata.task == "depth":
        values = depth.depth_map(output, (geometry.input_w, geometry.input_h), size_wh)
        return Depth(None, size_wh, values, metadata, UNTIMED)
    count = len(metadata.names)
    ids = semantic.class_map(output, layout_name, geometry, count, class_ids)
    return Semantic(None, size_wh, ids, semantic.counts(ids, count), metadata, UNTIMED)
