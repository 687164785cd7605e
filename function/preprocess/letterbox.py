"""Letterbox: the image scaled to the model input and centered on gray; and the conversion of boxes back to the image.

`fit` computes the geometry from sizes only. `to_tensor` applies it to pixels.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats
from function.metadata import RGB_CHANNELS
from function.preprocess.resize import resize

PAD_VALUE = 114  # gray; ultralytics 8.4.190 `LetterBox`, data/augment.py


class Letterbox(NamedTuple):
    """Position of an image in the model input, in whole pixels."""

    image_w: int
    image_h: int
    resized_w: int
    resized_h: int
    left: int
    top: int
    input_w: int
    input_h: int
    stretched: bool = False  # each side is scaled by its own ratio, without padding
    channels: int = RGB_CHANNELS  # of the model input


class Inverse(NamedTuple):
    """Sizes and padding for the conversion back to the image, as Ultralytics' `scale_boxes` computes them.

    They follow from the padded input and not from the ratio in `Letterbox`. The two differ by a pixel where a resized
    side becomes a multiple of the stride after rounding down, in 0.7 % of all sizes.
    """

    resized_w: int
    resized_h: int
    left: int
    top: int


def inverse(geometry: Letterbox) -> Inverse:
    """Return the conversion back to the image that Ultralytics uses, so that boxes equal those of `yolo predict`.

    Source: ultralytics 8.4.190 `scale_boxes`, utils/ops.py.
    """
    if geometry.stretched:
        return Inverse(geometry.input_w, geometry.input_h, 0, 0)
    gain = min(geometry.input_h / geometry.image_h, geometry.input_w / geometry.image_w)
    resized_w, resized_h = max(round(geometry.image_w * gain), 1), max(round(geometry.image_h * gain), 1)
    left, top = round((geometry.input_w - resized_w) / 2 - 0.1), round((geometry.input_h - resized_h) / 2 - 0.1)
    return Inverse(resized_w, resized_h, left, top)


def fit(size_wh: tuple[int, int], imgsz_hw: tuple[int, int], stride: int, rectangular: bool) -> Letterbox:
    """Return the letterbox of an image.

    Args:
        size_wh: the upright image, pixels.
        imgsz_hw: the model input, pixels.
        stride: the largest stride of the model, pixels.
        rectangular: pad only to the next multiple of the stride; this requires a model with dynamic sides.

    Source: ultralytics 8.4.190 `LetterBox.get_params`, data/augment.py (`auto` is `rectangular`).
    """
    image_w, image_h = size_wh
    imgsz_h, imgsz_w = imgsz_hw
    ratio = min(imgsz_h / image_h, imgsz_w / image_w)
    resized_w, resized_h = max(round(image_w * ratio), 1), max(round(image_h * ratio), 1)
    pad_w, pad_h = imgsz_w - resized_w, imgsz_h - resized_h
    if rectangular:
        pad_w, pad_h = pad_w % stride, pad_h % stride
    # The 0.1 puts an odd pixel of padding on the right and on the lower side.
    left, top = round(pad_w / 2 - 0.1), round(pad_h / 2 - 0.1)
    return Letterbox(image_w, image_h, resized_w, resized_h, left, top, resized_w + pad_w, resized_h + pad_h)


def resized_wh(geometry: Letterbox) -> tuple[int, int]:
    """Return the size of the image in the model input; no more pixels than these are needed."""
    return geometry.resized_w, geometry.resized_h


def stretch(size_wh: tuple[int, int], imgsz_hw: tuple[int, int]) -> Letterbox:
    """Return the geometry that fills the whole input without keeping proportions, as RT-DETR is trained.

    Source: ultralytics 8.4.190 `RTDETRPredictor.scale_fill`, models/rtdetr/predict.py.
    """
    imgsz_h, imgsz_w = imgsz_hw
    return Letterbox(*size_wh, imgsz_w, imgsz_h, 0, 0, imgsz_w, imgsz_h, stretched=True)


def to_tensor(pixels: NDArray[np.uint8], geometry: Letterbox) -> Floats:
    """Return the model input.

    Args:
        pixels: (image_h, image_w, C) uint8, C >= channels: RGB, or gray or bands for other numbers of channels; further
            ones are ignored. Or the same image reduced, but not below (resized_h, resized_w).
        geometry: position of the image.

    Returns:
        (1, channels, input_h, input_w) float32, 0..1, a new array.
    """
    tensor_shape = (1, geometry.channels, geometry.input_h, geometry.input_w)
    tensor = np.full(tensor_shape, np.float32(PAD_VALUE) / np.float32(255), dtype=np.float32)
    resized = resize(pixels, (geometry.resized_w, geometry.resized_h))
    bottom, right = geometry.top + geometry.resized_h, geometry.left + geometry.resized_w
    np.divide(
        resized[..., : geometry.channels].transpose(2, 0, 1),
        np.float32(255),
        out=tensor[0, :, geometry.top : bottom, geometry.left : right],
    )
    return tensor


def boxes_to_image(boxes_xyxy: Floats, geometry: Letterbox) -> Floats:
    """Convert boxes from input pixels to image pixels.

    Args:
        boxes_xyxy: (N, 4) float32, input pixels.
        geometry: the letterbox of the input.

    Returns:
        (N, 4) float32, image pixels, clipped to the image; a new array. Boxes of a stretched input (RT-DETR) are not
        clipped.

    Source: ultralytics 8.4.190 `scale_boxes`, utils/ops.py: one gain for each axis, of the rounded sides.
    """
    return points_to_image(boxes_xyxy.reshape(-1, 2, 2), geometry, clip=not geometry.stretched).reshape(-1, 4)


def points_to_image(points_xy: Floats, geometry: Letterbox, clip: bool = True) -> Floats:
    """Convert points from input pixels to image pixels.

    Args:
        points_xy: (..., 2) float32, input pixels.
        geometry: the letterbox of the input.
        clip: clip to the image.

    Returns:
        (..., 2) float32, image pixels; a new array.

    Source: ultralytics 8.4.190 `scale_coords`, utils/ops.py.
    """
    back = inverse(geometry)
    gain = np.array([back.resized_w / geometry.image_w, back.resized_h / geometry.image_h], dtype=np.float32)
    scaled: Floats = (points_xy - np.array([back.left, back.top], dtype=np.float32)) / gain
    return scaled.clip(0, np.array([geometry.image_w, geometry.image_h], dtype=np.float32)) if clip else scaled
