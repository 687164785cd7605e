"""Preprocessing for classification: by default scale the shorter side to the input, then cut out the center.

A checkpoint can have transforms of its own; `metadata.transforms` has them in their order.
"""

import numpy as np
from PIL import Image

from function.arrays import Array, Floats
from function.metadata import CENTER_CROP, NORMALIZE, RESIZE, Transform
from function.preprocess import pixels
from function.preprocess.resize import resize

MAX_SCALED = 8  # of the crop's longer side: of a longer strip only the center is scaled, to save gigabytes of memory


def to_tensor(image: Image.Image, imgsz_hw: tuple[int, int], transforms: tuple[Transform, ...] = ()) -> Floats:
    """Return the model input.

    Pillow scales here, with antialiasing, because Ultralytics does so for this task.

    Args:
        image: upright RGB.
        imgsz_hw: the model input, pixels.
        transforms: of the checkpoint; empty: the default of Ultralytics.

    Returns:
        (1, 3, H, W) float32, 0..1 unless the transforms normalize.

    Source: ultralytics 8.4.190 `classify_transforms`, data/augment.py; torchvision 0.28 `Resize`, `CenterCrop`.
    """
    steps = list(transforms) or _default(imgsz_hw)
    while steps and steps[0].name != NORMALIZE:
        step = steps.pop(0)
        if step.name != RESIZE:
            image = _crop(image, step.size) if step.name == CENTER_CROP else _square_crop(image, step.size)
        elif steps and steps[0].name == CENTER_CROP:
            image = _resize_and_crop(image, _scaled_wh(image.size, step.size), steps.pop(0).size, _filter(step))
        else:
            image = image.resize(_scaled_wh(image.size, step.size), _filter(step))
    tensor = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)
    for step in steps:
        tensor = (tensor - _per_channel(step.mean)) / _per_channel(step.std)
    return tensor


def _default(imgsz_hw: tuple[int, int]) -> list[Transform]:
    """Return the transforms of Ultralytics; an input that is not square is filled without keeping proportions."""
    height, width = imgsz_hw
    if height != width:
        return [Transform(RESIZE, imgsz_hw)]
    return [Transform(RESIZE, (height,)), Transform(CENTER_CROP, imgsz_hw)]


def _filter(step: Transform) -> Image.Resampling:
    return Image.Resampling[step.interpolation.upper()]


def _per_channel(values: tuple[float, ...]) -> Array:
    return np.array(values, dtype=np.float32)[:, None, None]


def _scaled_wh(size_wh: tuple[int, int], size: tuple[int, ...]) -> tuple[int, int]:
    """Return the size after scaling: the shorter side becomes (side,), or both become (height, width)."""
    if len(size) == 2:
        return size[1], size[0]
    (side,) = size
    width, height = size_wh
    return (side, int(side * height / width)) if width <= height else (int(side * width / height), side)


def _resize_and_crop(
    image: Image.Image, scaled_wh: tuple[int, int], crop_hw: tuple[int, ...], resampling: Image.Resampling
) -> Image.Image:
    """Return the center of the scaled image; of a long strip only the center is scaled."""
    if max(scaled_wh) <= MAX_SCALED * max(crop_hw):
        return _crop(image.resize(scaled_wh, resampling), crop_hw)
    left, top, right, bottom = _center(scaled_wh, crop_hw)
    ratio_x, ratio_y = image.width / scaled_wh[0], image.height / scaled_wh[1]
    window = (left * ratio_x, top * ratio_y, right * ratio_x, bottom * ratio_y)
    return _crop(image.resize((right - left, bottom - top), resampling, box=window), crop_hw)


def _crop(image: Image.Image, crop_hw: tuple[int, ...]) -> Image.Image:
    """Return the center; sides that are shorter than the crop are padded with black."""
    crop_h, crop_w = crop_hw
    center = image.crop(_center(image.size, crop_hw))
    if center.size == (crop_w, crop_h):
        return center
    padded = Image.new("RGB", (crop_w, crop_h))
    padded.paste(center, ((crop_w - center.width) // 2, (crop_h - center.height) // 2))
    return padded


def _center(size_wh: tuple[int, int], crop_hw: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the part that a crop keeps, within the image."""
    width, height = min(size_wh[0], crop_hw[1]), min(size_wh[1], crop_hw[0])
    left, top = round((size_wh[0] - width) / 2), round((size_wh[1] - height) / 2)
    return left, top, left + width, top + height


def _square_crop(image: Image.Image, size_hw: tuple[int, ...]) -> Image.Image:
    """Return the largest centered square, scaled as OpenCV scales.

    Source: ultralytics 8.4.190 `CenterCrop`, data/augment.py; the default of ultralytics 8.0.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = pixels.as_array(image)[top : top + side, left : left + side]
    return Image.fromarray(np.ascontiguousarray(resize(square, (size_hw[1], size_hw[0]))[..., :3]))
