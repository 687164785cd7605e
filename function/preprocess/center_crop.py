"""Preprocessing for classification: scale the shorter side to the input, then cut out the center."""

import numpy as np
from PIL import Image

from function.arrays import Floats

MAX_SCALED = 8  # of the input's longer side: of a longer strip only the center is scaled, to save gigabytes of memory


def to_tensor(image: Image.Image, imgsz_hw: tuple[int, int]) -> Floats:
    """Return the model input: the shorter side scaled, the center cut out.

    Pillow scales here, with antialiasing, because Ultralytics does so for this task.

    Args:
        image: upright RGB.
        imgsz_hw: the model input, pixels.

    Returns:
        (1, 3, H, W) float32, 0..1.

    Source: ultralytics 8.4.190 `classify_transforms`, data/augment.py; torchvision 0.28 `Resize`, `CenterCrop`.
    """
    height, width = imgsz_hw
    scaled_w, scaled_h = _scaled_wh(image.size, imgsz_hw)
    left, top = round((scaled_w - width) / 2), round((scaled_h - height) / 2)
    if max(scaled_w, scaled_h) <= MAX_SCALED * max(imgsz_hw):
        scaled = image.resize((scaled_w, scaled_h), Image.Resampling.BILINEAR)
        crop = scaled.crop((left, top, left + width, top + height))
    else:
        ratio_x, ratio_y = image.width / scaled_w, image.height / scaled_h
        window = (left * ratio_x, top * ratio_y, (left + width) * ratio_x, (top + height) * ratio_y)
        crop = image.resize((width, height), Image.Resampling.BILINEAR, box=window)
    pixels = np.asarray(crop)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)


def _scaled_wh(size_wh: tuple[int, int], imgsz_hw: tuple[int, int]) -> tuple[int, int]:
    """Return the size after scaling; an input that is not square is filled without keeping proportions."""
    height, width = imgsz_hw
    if height != width:
        return width, height
    image_w, image_h = size_wh
    if image_w <= image_h:
        return width, int(width * image_h / image_w)
    return int(height * image_w / image_h), height
