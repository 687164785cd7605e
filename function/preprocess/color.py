"""Color conversion: a decoded image of any mode to RGB, with the formulas of OpenCV where Pillow's differ.

Source: OpenCV 5.0 `imdecode` with IMREAD_COLOR, imgcodecs/src/grfmt_*.cpp, and libtiff for TIFF files. `tests/golden`
checks each formula against OpenCV, pixel by pixel.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BMP16_MASKS = {  # stored bits of red, green, blue in a 16-bit BMP; the others are 0 in OpenCV, not 0 in Pillow
    "BGR;15": (0xF8, 0xF8, 0xF8),
    "BGR;16": (0xF8, 0xFC, 0xF8),
}
BAND = 256  # rows of CMYK at a time: 50 megapixels at once would take 2 GB


Mask = tuple[int, int, int]


def bmp16_mask(opened: Any) -> Mask | None:
    """Return the stored bits per channel of a 16-bit BMP, which a decoded image no longer has; None for other images.

    Args:
        opened: a Pillow image that is not loaded yet.
    """
    return BMP16_MASKS.get(opened.tile[0].args[0]) if opened.format == "BMP" and opened.tile else None


def to_rgb(decoded: Any, mask: Mask | None) -> Image.Image:
    """Return the image in mode RGB; alpha is dropped, not blended.

    Args:
        decoded: a loaded Pillow image, with its `format` and `info`; a `tiff.TiffImage` for a TIFF.
        mask: from `bmp16_mask`.

    Returns:
        An image in mode RGB; the argument itself if it already is one.
    """
    opened: Image.Image = decoded
    if mask:
        return opened.convert("RGB").point([level & bits for bits in mask for level in range(256)])
    if decoded.mode == "RGB":
        return opened
    if decoded.mode.startswith("I;16"):
        return Image.fromarray(_upper_byte(decoded)).convert("RGB")
    if decoded.mode == "CMYK":
        return Image.fromarray(_cmyk_to_rgb(decoded))
    if decoded.format == "TIFF" and decoded.unassociated_alpha:
        return Image.fromarray(np.ascontiguousarray(np.asarray(decoded.convert("RGBa"))[..., :3]))
    if decoded.format == "TIFF" and decoded.inverted:
        return opened.convert("L").point(range(255, -1, -1)).convert("RGB")
    if decoded.format == "GIF" and "transparency" in decoded.info:
        return _blend_on_white(decoded)
    decoded.info.pop("transparency", None)
    return opened.convert("RGB")


def _upper_byte(decoded: Any) -> NDArray[np.uint8]:
    """Return the upper 8 of 12 or 16 bits of gray; Pillow's own conversion clips to white."""
    in_tiff = decoded.format == "TIFF"
    gray = (np.asarray(decoded) >> (decoded.bits - 8 if in_tiff else 8)).astype(np.uint8)
    return 255 - gray if in_tiff and decoded.inverted else gray


def _cmyk_to_rgb(decoded: Image.Image) -> NDArray[np.uint8]:
    """Return CMYK as (H, W, 3) RGB; OpenCV rounds JPEG files in one way, and libtiff rounds TIFF files in another."""
    inks = np.asarray(decoded)  # (H, W, 4), 255 is full ink
    rgb = np.empty((*inks.shape[:2], 3), dtype=np.uint8)
    for start in range(0, len(inks), BAND):
        band = slice(start, start + BAND)
        light = 255 - inks[band].astype(np.int32)
        colors, black = light[..., :3], light[..., 3:]
        if decoded.format == "TIFF":
            rgb[band] = colors * black // 255
        else:
            rgb[band] = black - (((255 - colors) * black) >> 8)
    return rgb


def _blend_on_white(decoded: Image.Image) -> Image.Image:
    """Return a GIF on a white background: OpenCV reads a GIF as a video, which has no transparency."""
    white = Image.new("RGBA", decoded.size, (255, 255, 255, 255))
    white.alpha_composite(decoded.convert("RGBA"))
    return white.convert("RGB")
