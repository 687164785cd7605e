"""A decoded picture of any mode as RGB: the formulas of OpenCV's readers where Pillow's own differ.

Source: OpenCV 5.0 `imdecode` with IMREAD_COLOR, imgcodecs/src/grfmt_*.cpp, with libtiff under its TIFFs; each formula
is checked against it, pixel by pixel, by `tests/golden`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from function.errors import UnsupportedImage

PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # TIFF 6.0, section 8
BITS_PER_SAMPLE, EXTRA_SAMPLES = 258, 338  # TIFF 6.0, sections 8 and 18
ALPHA = {1, 2}  # associated, unassociated: TIFF 6.0, section 18
COARSE_MASKS = {  # 16-bit BMP: the bits of red, green, blue that are there; OpenCV fills with zeros, Pillow repeats
    "BGR;15": (0xF8, 0xF8, 0xF8),
    "BGR;16": (0xF8, 0xFC, 0xF8),
}
BAND = 256  # rows of CMYK at a time: in one go 50 megapixels would take 2 GB
UNREADABLE = {"I": "32-bit integer", "F": "floating-point", "LAB": "CIE L*a*b*"}


Mask = tuple[int, int, int]


def coarse_mask(opened: Any) -> Mask | None:
    """The bits per channel of a 16-bit BMP, which only the file still knows; None of anything else.

    Args:
        opened: a picture of Pillow's before it is loaded.
    """
    return COARSE_MASKS.get(opened.tile[0].args[0]) if opened.format == "BMP" and opened.tile else None


def rgb(decoded: Image.Image, mask: Mask | None) -> Image.Image:
    """RGB with alpha dropped, never blended.

    Args:
        decoded: a loaded picture of Pillow's, still with its `format` and `info`.
        mask: from `coarse_mask`.

    Returns:
        A picture of mode RGB; the argument itself where it is one already.

    Raises:
        UnsupportedImage: pixels of a kind that OpenCV refuses too.
    """
    if mask:
        return decoded.convert("RGB").point([level & bits for bits in mask for level in range(256)])
    if decoded.mode == "RGB":
        return decoded
    if decoded.mode in UNREADABLE:
        found = f"the picture has {UNREADABLE[decoded.mode]} pixels"
        raise UnsupportedImage(f"{found}; wanted gray, palette, RGB or CMYK of up to 16 bits")
    if decoded.mode.startswith("I;16"):
        return Image.fromarray(_high_byte(decoded)).convert("RGB")
    if decoded.mode == "CMYK":
        return Image.fromarray(_without_inks(decoded))
    if decoded.format == "TIFF" and decoded.mode == "RGBA" and _has_alpha_of_8_bits(decoded):
        return Image.fromarray(np.ascontiguousarray(np.asarray(decoded.convert("RGBa"))[..., :3]))
    if decoded.format == "GIF" and "transparency" in decoded.info:
        return _on_white(decoded)
    decoded.info.pop("transparency", None)
    return decoded.convert("RGB")


def _high_byte(decoded: Image.Image) -> NDArray[np.uint8]:
    """16-bit gray; Pillow's own conversion clips it to white."""
    gray = (np.asarray(decoded) >> 8).astype(np.uint8)
    inverted = decoded.format == "TIFF" and _tiff_tag(decoded, PHOTOMETRIC) == WHITE_IS_ZERO
    return 255 - gray if inverted else gray


def _without_inks(decoded: Image.Image) -> NDArray[np.uint8]:
    """CMYK; OpenCV has one rounding for JPEG and libtiff another for TIFF."""
    inks = np.asarray(decoded)  # (H, W, 4), 255 is full ink
    mixed = np.empty((*inks.shape[:2], 3), dtype=np.uint8)
    for start in range(0, len(inks), BAND):
        band = slice(start, start + BAND)
        light = 255 - inks[band].astype(np.int32)
        colors, black = light[..., :3], light[..., 3:]
        if decoded.format == "TIFF":
            mixed[band] = colors * black // 255
        else:
            mixed[band] = black - (((255 - colors) * black) >> 8)
    return mixed


def _has_alpha_of_8_bits(decoded: Image.Image) -> bool:
    """Whether libtiff multiplies the colors by it."""
    extra, bits = _tiff_tag(decoded, EXTRA_SAMPLES), _tiff_tag(decoded, BITS_PER_SAMPLE)
    return bool(ALPHA & set(extra or ())) and bits is not None and bits[0] == 8


def _on_white(decoded: Image.Image) -> Image.Image:
    """A GIF is read as a film, and a film has no transparency."""
    white = Image.new("RGBA", decoded.size, (255, 255, 255, 255))
    white.alpha_composite(decoded.convert("RGBA"))
    return white.convert("RGB")


def _tiff_tag(decoded: Any, tag: int) -> Any:
    return decoded.tag_v2.get(tag)
