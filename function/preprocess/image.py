"""Image decoding: encoded bytes to an upright RGB image, within limits, with the pixels that `yolo predict` sees.

The first bytes of the file select the Pillow plugin. `Image.open` would import every plugin for a format that is not
among its first five, and would try decoders of formats that are not supported here.
"""

import importlib
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from PIL import ExifTags, Image, ImageFile, JpegImagePlugin  # noqa: F401  (the most frequent format: loaded at init)

from function.errors import TooLarge, UnsupportedImage
from function.preprocess import color

# Pillow reports a broken file with any of these exceptions.
DECODE_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    OverflowError,
    AssertionError,
    NotImplementedError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
UPRIGHT = {  # EXIF orientation -> the operation that makes the image upright; EXIF 2.32, tag 0x0112
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
FIRST_SWAPPED = 5  # from this orientation on, the stored width is the height of the upright image
MAX_SIDE = 65_500  # px; the limit of libjpeg. Longer sides occur only in files that are made to take much time
SUPPORTED = "JPEG, PNG, WebP, BMP, GIF, TIFF"


class DecodedImage(NamedTuple):
    """A decoded image and its size in the file; the image is smaller if it was decoded at a reduced size."""

    image: Image.Image  # RGB, upright
    size_wh: tuple[int, int]  # pixels, upright


class Format(NamedTuple):
    """An image format: the first bytes of its files, and the Pillow class that reads them."""

    start: bytes
    offset: int  # of `mark`
    mark: bytes
    plugin: str
    reader: str


FORMATS = (
    Format(b"\xff\xd8\xff", 0, b"", "JpegImagePlugin", "JpegImageFile"),
    Format(b"\x89PNG\r\n\x1a\n", 0, b"", "PngImagePlugin", "PngImageFile"),
    Format(b"RIFF", 8, b"WEBP", "WebPImagePlugin", "WebPImageFile"),
    Format(b"BM", 0, b"", "BmpImagePlugin", "BmpImageFile"),
    Format(b"GIF8", 0, b"", "GifImagePlugin", "GifImageFile"),
    Format(b"II*\0", 0, b"", "TiffImagePlugin", "TiffImageFile"),
    Format(b"MM\0*", 0, b"", "TiffImagePlugin", "TiffImageFile"),
    Format(b"II+\0", 0, b"", "TiffImagePlugin", "TiffImageFile"),  # BigTIFF
    Format(b"MM\0+", 0, b"", "TiffImagePlugin", "TiffImageFile"),
)


def read(data: bytes, max_pixels: int) -> Image.Image:
    """Decode an image with all of its pixels; arguments and errors as for `read_reduced`."""
    return read_reduced(data, max_pixels, None).image


def read_reduced(
    data: bytes, max_pixels: int, min_size: Callable[[tuple[int, int]], tuple[int, int]] | None
) -> DecodedImage:
    """Decode an image; a large JPEG can be decoded at a half, a quarter or an eighth of its sides.

    The first image of an animation or a multi-page file is decoded. As with OpenCV's `imread`, alpha is dropped and
    not blended, and of 16 bits the upper 8 remain.

    Args:
        data: the encoded file.
        max_pixels: limit on width x height in the file, checked before decoding.
        min_size: returns the least size that is needed for an upright size; None: all pixels, exactly.

    Returns:
        An RGB image, upright by its EXIF orientation, at full size or at least of the needed size. The sides of a
        reduced image are rounded up.

    Raises:
        UnsupportedImage: another format, or a broken or truncated file.
        TooLarge: more pixels than the limit.

    Source: ultralytics 8.4.190 `imread`, utils/patches.py (OpenCV's `imdecode` with IMREAD_COLOR).
    """
    opened = _open(data)
    _check_size(opened.size, max_pixels)
    stored_wh = opened.size
    try:
        mask = color.bmp16_mask(opened)
        if min_size:
            _request_reduced_size(opened, min_size)
        opened.load()
        orientation = _orientation(opened)
        decoded = color.to_rgb(opened, mask)
    except DECODE_ERRORS as error:
        raise UnsupportedImage(f"the image is broken or cut short: {error}") from error
    transpose = UPRIGHT.get(orientation)
    upright = decoded.transpose(transpose) if transpose is not None else decoded
    return DecodedImage(upright, _upright_wh(stored_wh, orientation) if opened.format == "JPEG" else upright.size)


def _check_size(size_wh: tuple[int, int], max_pixels: int) -> None:
    width, height = size_wh
    if max(width, height) > MAX_SIDE:
        raise TooLarge(f"image sides must be at most {MAX_SIDE} pixels, got {width} x {height}")
    if width * height > max_pixels:
        raise TooLarge(f"the image must have at most {max_pixels} pixels, got {width} x {height} = {width * height}")


def _request_reduced_size(opened: ImageFile.ImageFile, min_size: Callable[[tuple[int, int]], tuple[int, int]]) -> None:
    """Tell libjpeg to leave out frequencies that are not needed; other formats have no such option."""
    if opened.format == "JPEG":
        orientation = _orientation(opened)
        opened.draft(None, _upright_wh(min_size(_upright_wh(opened.size, orientation)), orientation))


def _upright_wh(size_wh: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the upright size for a stored size; the same function converts back."""
    return size_wh[::-1] if orientation >= FIRST_SWAPPED else size_wh


def load_readers() -> None:
    """Import the Pillow plugin of every format; otherwise the first image of a rare format imports its plugin."""
    for known in FORMATS:
        importlib.import_module(f"PIL.{known.plugin}")


def _open(data: bytes) -> ImageFile.ImageFile:
    """Read the header, and no pixels."""
    for known in FORMATS:
        if data.startswith(known.start) and data.startswith(known.mark, known.offset):
            break
    else:
        content = f"data that begins with {data[:12]!r}" if data else "no data"
        raise UnsupportedImage(f"the image must be one of {SUPPORTED}, got {content}")
    reader = getattr(importlib.import_module(f"PIL.{known.plugin}"), known.reader)
    try:
        opened: ImageFile.ImageFile = reader(BytesIO(data))
    except DECODE_ERRORS as error:
        raise UnsupportedImage(f"the image header is broken ({known.plugin}: {error})") from error
    return opened


def _orientation(opened: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 for a missing or unreadable tag, and for a TIFF: Pillow applies it."""
    data = opened.info.get("exif")
    if not data or opened.format == "TIFF":
        return 1
    exif = Image.Exif()
    try:
        exif.load(data)
        return int(exif.get(ExifTags.Base.Orientation, 1))
    except DECODE_ERRORS:  # an image with a damaged tag can still be decoded
        return 1
