"""Color conversion: a decoded image of any mode to RGB, with the formulas of OpenCV where Pillow's differ.

Source: OpenCV 5.0 `imdecode` with IMREAD_COLOR, imgcodecs/src/grfmt_*.cpp, and libtiff for TIFF files. `tests/golden`
checks each formula against OpenCV, pixel by pixel.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

BMP16_MASKS = {  # stored bits of red, green, blue in a 16-bit BMP; the others are 0 in OpenCV, not 0 in Pillow
    "BGR;15": (0xF8, 0xF8, 0xF8),
    "BGR;16": (0xF8, 0xFC, 0xF8),
}
BAND_PIXELS = 1 << 18  # at a time: 50 megapixels of CMYK at once would take 2 GB


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
        return opened.point([level & bits for bits in mask for level in range(256)])
    if decoded.mode == "RGB":
        return opened
    if decoded.mode.startswith("I;16"):
        return _upper_byte(decoded)
    if decoded.mode == "CMYK":
        return _cmyk_to_rgb(decoded)
    if decoded.format == "TIFF" and decoded.unassociated_alpha:
        return _multiply_alpha(decoded)
    if decoded.format == "TIFF" and decoded.inverted:
        return opened.convert("L").point(range(255, -1, -1)).convert("RGB")
    if decoded.format == "GIF" and "transparency" in decoded.info:
        return _blend_on_white(decoded)
    decoded.info.pop("transparency", None)
    return opened.convert("RGB")


def bands(decoded: Image.Image) -> Iterator[tuple[tuple[int, int, int, int], Image.Image]]:
    """Yield the image in bands of rows: left, top, right and bottom, and the pixels."""
    width, height = decoded.size
    rows = max(BAND_PIXELS // width, 1)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        yield box, decoded.crop(box)


def _upper_byte(decoded: Any) -> Image.Image:
    """Return the upper 8 of 12 or 16 bits of gray as RGB; Pillow's own conversion clips to white."""
    in_tiff = decoded.format == "TIFF"
    result = Image.new("RGB", decoded.size)
    for box, band in bands(decoded):
        gray = (np.asarray(band) >> (decoded.bits - 8 if in_tiff else 8)).astype(np.uint8)
        result.paste(Image.fromarray(255 - gray if in_tiff and decoded.inverted else gray), box)
    return result


def _multiply_alpha(decoded: Image.Image) -> Image.Image:
    """Return RGBA as RGB with the colors multiplied by alpha."""
    result = Image.new("RGB", decoded.size)
    for box, band in bands(decoded):
        rgb = np.asarray(band.convert("RGBa"))[..., :3]
        result.paste(Image.fromarray(np.ascontiguousarray(rgb)), box)
    return result


def _cmyk_to_rgb(decoded: Image.Image) -> Image.Image:
    """Return CMYK as RGB; OpenCV rounds JPEG files in one way, and libtiff rounds TIFF files in another."""
    result = Image.new("RGB", decoded.size)
    for box, band in bands(decoded):
        inks = np.asarray(band)  # (h, W, 4), 255 is full ink
        colors, black = inks[..., :3].astype(np.uint16), 255 - inks[..., 3:].astype(np.uint16)
        in_tiff = decoded.format == "TIFF"
        rgb = (255 - colors) * black // 255 if in_tiff else black - (colors * black >> 8)
        result.paste(Image.fromarray(rgb.astype(np.uint8)), box)
    return result


def _blend_on_white(decoded: Image.Image) -> Image.Image:
    """Return a GIF on a white background: OpenCV reads a GIF as a video, which has no transparency."""
    result = Image.new("RGB", decoded.size)
    for box, band in bands(decoded):
        white = Image.new("RGBA", band.size, (255, 255, 255, 255))
        white.alpha_composite(band.convert("RGBA"))
        result.paste(white.convert("RGB"), box)
    return result
