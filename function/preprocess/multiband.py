"""Images for models of two, four or more channels: the bands of the file, as `yolo predict` reads them.

TIFF files of any number of bands, and PNG files with alpha for models of four channels. Loaded only for such a model.

Source: ultralytics 8.4.190 `imread`, utils/patches.py (OpenCV with IMREAD_UNCHANGED, pages of one band stacked).
"""

from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from function.arrays import Array
from function.errors import UnsupportedImage
from function.metadata import GRAY_CHANNELS, RGB_CHANNELS
from function.preprocess import file_limits, image, tiff_bands
from function.preprocess.memory_limit import MemoryLimit

STARTS = (b"II", b"MM")  # of TIFF files
PNG_START = b"\x89PNG"
ALPHA_MODES = ("LA", "PA", "RGBA", "RGBa")
PNG_BANDS, DEPTH_BYTES = 4, 2
COPIES = 2  # of the bands: as stored, and turned upright


class Header(NamedTuple):
    """Size and bands of an image, without its pixels."""

    size_wh: tuple[int, int]  # pixels, as stored
    bands: int


def is_color(channels: int) -> bool:
    """Return whether a model of so many channels takes gray or RGB images of any format."""
    return channels in (GRAY_CHANNELS, RGB_CHANNELS)


def read(data: bytes, channels: int, max_pixels: int, memory_mb: int | None = None) -> Array:
    """Return the bands of an image.

    Args:
        data: the encoded file.
        channels: of the model.
        max_pixels: limit on width x height, checked before decoding.
        memory_mb: of the function; None: not checked.

    Returns:
        (H, W, channels) uint8, in the order of the file; a color image with alpha is blue, green, red, alpha. A TIFF is
        upright by its orientation.

    Raises:
        UnsupportedImage: another number of bands, another format, or a broken file.
        TooLarge: more pixels than the limit, or than the memory has room for.
    """
    opened: Any = _open_tiff(data) if data.startswith(STARTS) else image.open_file(data, max_pixels)
    header = _describe(opened)
    image.check_size(header.size_wh, max_pixels)
    if header.bands != channels:
        raise UnsupportedImage(f"an image for this model must have {channels} bands, got {header.bands}")
    if not isinstance(opened, tiff_bands.BandFile) and opened.format != "PNG":
        raise UnsupportedImage(f"an image of {channels} bands must be a TIFF or a PNG file, got {opened.format}")
    if memory_mb is not None:
        MemoryLimit(memory_mb).check_bands(header.size_wh, COPIES * channels + DEPTH_BYTES * channels)
    try:
        return tiff_bands.read(opened) if isinstance(opened, tiff_bands.BandFile) else _bgra(opened)
    except image.DECODE_ERRORS as error:
        raise UnsupportedImage("the image is broken or cut short") from error


def header(data: bytes, max_pixels: int) -> Header:
    """Return the size and the bands of an image; arguments and errors as for `read`."""
    described = _describe(_open_tiff(data) if data.startswith(STARTS) else image.open_file(data, max_pixels))
    image.check_size(described.size_wh, max_pixels)
    return described


def drawable(data: bytes, body: dict[str, Any], max_pixels: int, memory_mb: int | None = None) -> Image.Image:
    """Return an RGB image to draw a result on; `body` is the result as JSON, the others as for `as_rgb`."""
    return as_rgb(data, body.get("model", {}).get("channels", RGB_CHANNELS), max_pixels, memory_mb)


def as_rgb(data: bytes, channels: int, max_pixels: int, memory_mb: int | None = None) -> Image.Image:
    """Return an RGB image of what can be seen: of several bands the first three, as blue, green and red.

    Arguments and errors as for `read`.

    Source: ultralytics 8.4.190 `Annotator`, utils/plotting.py.
    """
    if is_color(channels):
        return image.read(data, max_pixels, memory_mb)
    bands = read(data, channels, max_pixels, memory_mb)
    shown = bands[..., 2::-1] if channels >= 3 else bands[..., :1].repeat(3, axis=2)
    return Image.fromarray(np.ascontiguousarray(shown))


def _open_tiff(data: bytes) -> tiff_bands.BandFile:
    file_limits.check(data, "TIFF", 0)
    return tiff_bands.open_file(data)


def _describe(opened: Any) -> Header:
    if isinstance(opened, tiff_bands.BandFile):
        return Header(opened.size_wh, opened.bands)
    has_alpha = opened.mode in ALPHA_MODES or "transparency" in opened.info
    if opened.mode in ("1", "L", "I", "I;16", "F") and not has_alpha:
        return Header(opened.size, 1)
    return Header(opened.size, PNG_BANDS if has_alpha else 3)


def _bgra(opened: Any) -> Array:
    """Return a PNG file with alpha as OpenCV reads it, (H, W, 4)."""
    opened.load()
    return np.ascontiguousarray(np.asarray(opened.convert("RGBA"))[..., tiff_bands.BGRA])
