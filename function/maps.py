"""Results of models whose output is a map: semantic segmentation and depth. Loaded only with such a model."""

from function.arrays import Floats, Ints
from function.metadata import ModelMetadata
from function.postprocess import depth, semantic
from function.preprocess import image
from function.preprocess.letterbox import Letterbox
from function.results import UNTIMED, Depth, Semantic


def decode(
    metadata: ModelMetadata,
    layout_name: str,
    output: Floats,
    geometry: Letterbox,
    class_ids: Ints | None,
    memory_mb: int | None = None,
) -> Semantic | Depth:
    """Return the map of an image.

    Args:
        metadata: of the model.
        layout_name: of the output, from `postprocess.dense`.
        output: (1, ...) float32.
        geometry: position of the image in the model input.
        class_ids: the requested classes; None: all.
        memory_mb: of the function; None: not checked.

    Raises:
        InternalError: the output contains NaN, infinity or an unknown class id.
        TooLarge: the memory has no room for the map and its PNG.
    """
    size_wh = (geometry.image_w, geometry.image_h)
    count = len(metadata.names)
    if limit := image.memory_limit(size_wh, memory_mb):
        limit.check_map(size_wh, _bytes_per_pixel(metadata.task, count))
    if metadata.task == "depth":
        values = depth.depth_map(output, (geometry.input_w, geometry.input_h), size_wh)
        return Depth(None, size_wh, values, metadata, UNTIMED)
    ids = semantic.class_map(output, layout_name, geometry, count, class_ids)
    return Semantic(None, size_wh, ids, semantic.counts(ids, count), metadata, UNTIMED)


def _bytes_per_pixel(task: str, class_count: int) -> int:
    from function.preprocess import memory_limit  # imported here: small images are not checked

    if task == "depth":
        return memory_limit.DEPTH_MAP
    return memory_limit.CLASS_MAP if class_count <= semantic.IGNORED else memory_limit.CLASS_MAP_16_BIT
