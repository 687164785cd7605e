"""Postprocessing for depth estimation: the distance of every pixel of the image, in 16 bits."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats
from function.postprocess import dense
from function.postprocess.bilinear import Interpolation

LEVELS = 65535  # of the steps between the least and the largest distance


class DepthMap(NamedTuple):
    """Distances in the unit of the model, for the weights of ultralytics meters: steps * scale + offset."""

    steps: NDArray[np.uint16]  # (image_h, image_w)
    scale: float
    offset: float
    least: float  # distance in the image
    largest: float


def depth_map(output: Floats, input_wh: tuple[int, int], image_wh: tuple[int, int]) -> DepthMap:
    """Return the distance of every pixel, rounded to one of 65,536 steps of the same width.

    Args:
        output: (1, 1, h, w) or (1, h, w) float32 distances.
        input_wh: pixels of the model input, over which the image is stretched.
        image_wh: pixels of the image.

    Raises:
        InternalError: the output contains NaN, infinity or a huge number.

    Source: ultralytics 8.4.190 `DepthPredictor.postprocess`, models/yolo/depth/predict.py.
    """
    dense.require_finite(output, "depth")
    planes = output.reshape(1, *output.shape[-2:])
    if planes.shape[1:] != input_wh[::-1]:
        planes = dense.enlarge(planes, dense.aligned(planes.shape[1], input_wh[1]), _columns(planes, input_wh[0]))
    offset = float(planes.min())
    scale = (float(planes.max()) - offset) / LEVELS
    step = np.float32(scale) or np.float32(1)  # 0: all distances are (almost) the same
    columns = _columns(planes, image_wh[0])
    steps = np.empty(image_wh[::-1], np.uint16)
    least, largest = np.inf, -np.inf
    for band in dense.bands(dense.aligned(planes.shape[1], image_wh[1]), planes.shape[2], image_wh[0]):
        (values,) = dense.enlarge(planes, band.rows, columns)
        least, largest = min(least, float(values.min())), max(largest, float(values.max()))
        relative = (values - np.float32(offset)) / step
        steps[band.start : band.stop] = np.rint(relative).clip(0, LEVELS)
    return DepthMap(steps, scale, offset, least, largest)


def _columns(planes: Floats, width: int) -> Interpolation:
    return dense.aligned(planes.shape[2], width)
