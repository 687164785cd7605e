"""Preprocessing of classifiers: the shorter side scaled, the center cut out."""

import numpy as np
from PIL import Image

from function.arrays import Floats

MOST_SCALED = 8  # of the input's longer side: of a strip only the center is scaled, or it would fill gigabytes


def paint(picture: Image.Image, imgsz_hw: tuple[int, int]) -> Floats:
    """The network's input: the shorter side scaled, the center cut out.

    Pillow scales here, with antialiasing, because that is what the reference does for this task.

    Args:
        picture: upright RGB.
        imgsz_hw: the network's input, pixels.

    Returns:
        (1, 3, H, W) float32, 0..1.

    Source: ultralytics 8.4.190 `classify_transforms`, data/augment.py; torchvision 0.28 `Resize`, `CenterCrop`.
    """
    height, width = imgsz_hw
    scaled_w, scaled_h = _scaled(picture.size, imgsz_hw)
    left, top = round((scaled_w - width) / 2), round((scaled_h - height) / 2)
    if max(scaled_w, scaled_h) <= MOST_SCALED * max(imgsz_hw):
        scaled = picture.resize((scaled_w, scaled_h), Image.Resampling.BILINEAR)
        cut = scaled.crop((left, top, left + width, top + height))
    else:
        across, down = picture.width / scaled_w, picture.height / scaled_h
        window = (left * across, top * down, (left + width) * across, (top + height) * down)
        cut = picture.resize((width, height), Image.Resampling.BILINEAR, box=window)
    pixels = np.asarray(cut)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)


def _scaled(size_wh: tuple[int, int], imgsz_hw: tuple[int, int]) -> tuple[int, int]:
    height, width = imgsz_hw
    if height != width:
        return width, height
    image_w, image_h = size_wh
    if image_w <= image_h:
        return width, int(width * image_h / image_w)
    return int(height * image_w / image_h), height
