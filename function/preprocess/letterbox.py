"""The letterbox: the picture scaled to the network's input, centerd on gray, and the way back for boxes.

`fit` knows sizes and never pixels; `paint` knows pixels and takes every number from `fit`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats
from function.preprocess.resize import resize

PAD_VALUE = 114  # gray; ultralytics 8.4.190 `LetterBox`, data/augment.py


class Letterbox(NamedTuple):
    """Where a picture lies in the network's input; whole pixels only."""

    image_w: int
    image_h: int
    resized_w: int
    resized_h: int
    left: int
    top: int
    input_w: int
    input_h: int
    stretched: bool = False  # each side by its own ratio, nothing is padded


class Inverse(NamedTuple):
    """The way back from the network's input: the sizes and the padding that `scale_boxes` works out for itself.

    It starts from the padded input and not from the ratio that painted. The two differ by a pixel where a resized
    side falls on a multiple of the stride after rounding down, in 0.7 % of all sizes.
    """

    resized_w: int
    resized_h: int
    left: int
    top: int


def inverse(box: Letterbox) -> Inverse:
    """The way back that Ultralytics takes, so that boxes are where `yolo predict` puts them.

    Source: ultralytics 8.4.190 `scale_boxes`, utils/ops.py.
    """
    if box.stretched:
        return Inverse(box.input_w, box.input_h, 0, 0)
    gain = min(box.input_h / box.image_h, box.input_w / box.image_w)
    resized_w, resized_h = max(round(box.image_w * gain), 1), max(round(box.image_h * gain), 1)
    left, top = round((box.input_w - resized_w) / 2 - 0.1), round((box.input_h - resized_h) / 2 - 0.1)
    return Inverse(resized_w, resized_h, left, top)


def fit(size_wh: tuple[int, int], imgsz_hw: tuple[int, int], stride: int, rectangular: bool) -> Letterbox:
    """The letterbox of a picture.

    Args:
        size_wh: the upright picture, pixels.
        imgsz_hw: the network's input, pixels.
        stride: the largest stride of the network, pixels.
        rectangular: pad only up to the next multiple of the stride, which takes a model with dynamic sides.

    Source: ultralytics 8.4.190 `LetterBox.get_params`, data/augment.py (`auto` is `rectangular`).
    """
    image_w, image_h = size_wh
    imgsz_h, imgsz_w = imgsz_hw
    ratio = min(imgsz_h / image_h, imgsz_w / image_w)
    resized_w, resized_h = max(round(image_w * ratio), 1), max(round(image_h * ratio), 1)
    pad_w, pad_h = imgsz_w - resized_w, imgsz_h - resized_h
    if rectangular:
        pad_w, pad_h = pad_w % stride, pad_h % stride
    # An odd pixel of padding goes to the far side: that is what the 0.1 decides.
    left, top = round(pad_w / 2 - 0.1), round(pad_h / 2 - 0.1)
    return Letterbox(image_w, image_h, resized_w, resized_h, left, top, resized_w + pad_w, resized_h + pad_h)


def resized_wh(box: Letterbox) -> tuple[int, int]:
    """What the picture becomes; more pixels than these it does not need."""
    return box.resized_w, box.resized_h


def stretch(size_wh: tuple[int, int], imgsz_hw: tuple[int, int]) -> Letterbox:
    """The whole input, whatever that does to the proportions: what RT-DETR is trained on.

    Source: ultralytics 8.4.190 `RTDETRPredictor.scale_fill`, models/rtdetr/predict.py.
    """
    imgsz_h, imgsz_w = imgsz_hw
    return Letterbox(*size_wh, imgsz_w, imgsz_h, 0, 0, imgsz_w, imgsz_h, stretched=True)


def paint(pixels: NDArray[np.uint8], box: Letterbox) -> Floats:
    """The network's input.

    Args:
        pixels: (image_h, image_w, C) uint8, C >= 3: RGB, and what follows is left out; or the same picture scaled
            down, but not below (resized_h, resized_w).
        box: where the picture goes.

    Returns:
        (1, 3, input_h, input_w) float32, 0..1, a new array.
    """
    tensor = np.full((1, 3, box.input_h, box.input_w), np.float32(PAD_VALUE) / np.float32(255), dtype=np.float32)
    resized = resize(pixels, (box.resized_w, box.resized_h))
    window = tensor[0, :, box.top : box.top + box.resized_h, box.left : box.left + box.resized_w]
    np.divide(resized[..., :3].transpose(2, 0, 1), np.float32(255), out=window)
    return tensor


def undo(boxes_xyxy: Floats, box: Letterbox) -> Floats:
    """Boxes of the network's input, as boxes of the picture.

    Args:
        boxes_xyxy: (N, 4) float32, input pixels.
        box: the letterbox that painted the input.

    Returns:
        (N, 4) float32, pixels of the picture, clipped to it; a new array.

    Source: ultralytics 8.4.190 `scale_boxes`, utils/ops.py: one gain per axis, of the sides as they were rounded.
    """
    corners = undo_points(boxes_xyxy.reshape(-1, 2, 2), box, clip=not box.stretched)  # RT-DETR's are never clipped
    return corners.reshape(-1, 4)


def undo_points(points_xy: Floats, box: Letterbox, clip: bool = True) -> Floats:
    """Points of the network's input, as points of the picture.

    Args:
        points_xy: (..., 2) float32, input pixels.
        box: the letterbox that painted the input.
        clip: to the picture.

    Returns:
        (..., 2) float32, pixels of the picture; a new array.

    Source: ultralytics 8.4.190 `scale_coords`, utils/ops.py.
    """
    back = inverse(box)
    gain = np.array([back.resized_w / box.image_w, back.resized_h / box.image_h], dtype=np.float32)
    moved: Floats = (points_xy - np.array([back.left, back.top], dtype=np.float32)) / gain
    return moved.clip(0, np.array([box.image_w, box.image_h], dtype=np.float32)) if clip else moved
