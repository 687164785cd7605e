"""Gray images for models of one channel, with the pixels that `yolo predict` sees.

Each format has its own weights, because OpenCV leaves the conversion to the library that decodes the format. Loaded
only for a model of one channel.

Source: OpenCV 5.0 `imdecode` with IMREAD_GRAYSCALE, imgcodecs/src/grfmt_*.cpp and utils.cpp; libpng 1.6.58
`png_set_rgb_to_gray` and `png_build_gamma_table`; Pillow for AVIF, as in ultralytics 8.4.190 `_imread_pil`.
"""

from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from function.arrays import Array
from function.preprocess import color


class Weights(NamedTuple):
    """Integer weights of red, green and blue: (sum + rounding) >> bits."""

    rgb: tuple[int, int, int]
    rounding: int
    bits: int


DEFAULT = Weights((4899, 9617, 1868), 1 << 13, 14)  # BMP, TIFF, CMYK
BY_FORMAT = {
    "WEBP": Weights((9798, 19235, 3735), 1 << 14, 15),  # `cvtColor` of OpenCV
    "GIF": Weights((9798, 19235, 3735), 1 << 14, 15),
    "AVIF": Weights((19595, 38470, 7471), 1 << 15, 16),  # mode L of Pillow
    "PNG": Weights((9797, 19234, 3737), 0, 15),
}
LINEAR_PNG = BY_FORMAT["PNG"]._replace(rounding=1 << 14)  # of a file that states its gamma
SRGB_GAMMA = 45_455  # in 1/100,000, of libpng
SRGB_INTENTS = range(4)  # rendering intents
UNIT = 100_000  # gamma in a PNG
INSIGNIFICANT = 5_000  # a gamma so close to 1 changes nothing


def to_gray(decoded: Any, mask: color.Mask | None) -> Image.Image:
    """Return the image in mode L.

    Args:
        decoded: as for `color.to_rgb`; a JPEG file that libjpeg decodes to gray has mode L.
        mask: from `color.bmp16_mask`.
    """
    if decoded.format == "JPEG" and decoded.mode == "L":
        result: Image.Image = decoded
        return result
    weights = DEFAULT if decoded.mode == "CMYK" else BY_FORMAT.get(decoded.format, DEFAULT)
    gamma = _png_gamma(decoded.info) if decoded.format == "PNG" else None
    rgb = color.to_rgb(decoded, mask)
    result = Image.new("L", rgb.size)
    for box, band in color.bands(rgb):
        levels = np.asarray(band)
        gray = _mix(levels, weights) if gamma is None else _mix_linear(levels, gamma)
        result.paste(Image.fromarray(gray), box)
    return result


def _mix(rgb: Array, weights: Weights) -> Array:
    red, green, blue = (rgb[..., index].astype(np.uint32) * weight for index, weight in enumerate(weights.rgb))
    red += green
    red += blue
    red += weights.rounding
    return (red >> weights.bits).astype(np.uint8)


def _mix_linear(rgb: Array, gamma: int) -> Array:
    """Return the mix in linear light, as libpng does for a file with a gamma; gray pixels keep their level."""
    mixed = _table(gamma)[_mix(_table(_reciprocal(gamma))[rgb], LINEAR_PNG)]
    is_gray = (rgb[..., 0] == rgb[..., 1]) & (rgb[..., 0] == rgb[..., 2])
    return np.where(is_gray, rgb[..., 0], mixed)


def _png_gamma(info: dict[str, Any]) -> int | None:
    """Return the gamma of a PNG file in 1/100,000, or None if it states none that libpng uses."""
    gamma: int = round(info.get("gamma", 0) * UNIT)
    if info.get("srgb") in SRGB_INTENTS:
        gamma = SRGB_GAMMA
    if gamma <= 0 or not (_is_significant(gamma) or _is_significant(_reciprocal(gamma))):
        return None
    return gamma


def _reciprocal(gamma: int) -> int:
    return int(UNIT * UNIT / gamma + 0.5)


def _is_significant(gamma: int) -> bool:
    return abs(gamma - UNIT) > INSIGNIFICANT


def _table(gamma: int) -> Array:
    """Return the level for each of 256 levels, uint8."""
    levels = np.arange(256)
    if not _is_significant(gamma):
        return levels.astype(np.uint8)
    return np.floor(255 * (levels / 255) ** (gamma / UNIT) + 0.5).astype(np.uint8)
