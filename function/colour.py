"""A decoded picture of any mode as RGB: the formulas of OpenCV's readers where Pillow's own differ.

Source: OpenCV 5.0 `imdecode` with IMREAD_COLOR, imgcodecs/src/grfmt_*.cpp, with libtiff under its TIFFs; each formula
is checked against it, pixel by pixel, by `tests/golden`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from function.errors import UnsupportedPicture

PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # TIFF 6.0, section 8
BITS_PER_SAMPLE, EXTRA_SAMPLES = 258, 338  # TIFF 6.0, sections 8 and 18
ALPHA = {1, 2}  # associated, unassociated: TIFF 6.0, section 18
UNREADABLE = {"I": "32-bit integer", "F": "floating-point", "LAB": "CIE L*a*b*"}


def rgb(decoded: Image.Image) -> Image.Image:
    """RGB with alpha dropped, never blended.

    Args:
        decoded: a loaded picture of Pillow's, still with its `format` and `info`.

    Returns:
        A picture of mode RGB; the argument itself where it is one already.

    Raises:
        UnsupportedPicture: pixels of a kind that OpenCV refuses too.
    """
    if decoded.mode == "RGB":
        return decoded
    if decoded.mode in UNREADABLE:
        found = f"the picture has {UNREADABLE[decoded.mode]} pixels"
        raise UnsupportedPicture(f"{found}; wanted grey, palette, RGB or CMYK of up to 16 bits")
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
    """16-bit grey; Pillow's own conversion clips it to white."""
    grey = (np.asarray(decoded) >> 8).astype(np.uint8)
    inverted = decoded.format == "TIFF" and _tiff_tag(decoded, PHOTOMETRIC) == WHITE_IS_ZERO
    return 255 - grey if inverted else grey


def _without_inks(decoded: Image.Image) -> NDArray[np.uint8]:
    """CMYK; OpenCV has one rounding for JPEG and libtiff another for TIFF."""
    light = 255 - np.asarray(decoded).astype(np.int32)  # (H, W, 4), 255 is no ink
    colours, black = light[..., :3], light[..., 3:]
    if decoded.format == "TIFF":
        return (colours * black // 255).astype(np.uint8)
    return (black - (((255 - colours) * black) >> 8)).astype(np.uint8)


def _has_alpha_of_8_bits(decoded: Image.Image) -> bool:
    """Whether libtiff multiplies the colours by it."""
    extra, bits = _tiff_tag(decoded, EXTRA_SAMPLES), _tiff_tag(decoded, BITS_PER_SAMPLE)
    return bool(ALPHA & set(extra or ())) and bits is not None and bits[0] == 8


def _on_white(decoded: Image.Image) -> Image.Image:
    """A GIF is read as a film, and a film has no transparency."""
    white = Image.new("RGBA", decoded.size, (255, 255, 255, 255))
    white.alpha_composite(decoded.convert("RGBA"))
    return white.convert("RGB")


def _tiff_tag(decoded: Any, tag: int) -> Any:
    return decoded.tag_v2.get(tag)
