"""Encoded bytes to an upright RGB picture, within limits: the pixels that `yolo predict` sees in the same file.

Pillow's plugins are called by the format's own signature: `Image.open` would import every plugin that it has for a
format outside its first five, and would try decoders that nobody asked for.
"""

import importlib
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from PIL import ExifTags, Image, ImageFile, JpegImagePlugin  # noqa: F401  (the common one: loaded at init)

from function.errors import TooLarge, UnsupportedImage
from function.preprocess import color

# Pillow decodes by trying, so a broken file shows itself in any of these.
BROKEN = (
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
TURNS = {  # EXIF orientation -> what makes it upright; EXIF 2.32, tag 0x0112
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
FIRST_SIDEWAYS = 5  # from this orientation on, what is stored as width is seen as height
MAX_SIDE = 65_500  # px; libjpeg's limit. Longer sides are made to cost time, not seen in pictures
READABLE = "JPEG, PNG, WebP, BMP, GIF, TIFF"


class Read(NamedTuple):
    """A decoded picture, and how large it is in the file: more than what was decoded, where less was enough."""

    picture: Image.Image  # RGB, upright
    size_wh: tuple[int, int]  # pixels, upright


class Format(NamedTuple):
    """A picture format: how its files begin, and the class of Pillow that reads it."""

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
    """Decode a picture as it is: `read_enough` for whoever needs all of its pixels."""
    return read_enough(data, max_pixels, None).picture


def read_enough(data: bytes, max_pixels: int, enough: Callable[[tuple[int, int]], tuple[int, int]] | None) -> Read:
    """Decode a picture, a large JPEG maybe to a half, a quarter or an eighth of its sides.

    Of an animation or a multi-page file it is the first picture. Alpha is dropped and not blended, 16 bits become
    the upper 8, as OpenCV's `imread` does.

    Args:
        data: the encoded file.
        max_pixels: the limit on width x height in the file, checked before anything is decoded.
        enough: from the upright size to the least size that is wanted; None: all pixels, exactly.

    Returns:
        An RGB picture, upright by its EXIF orientation, in full or of at least the wanted size. A scaled one has
        sides that are rounded up.

    Raises:
        UnsupportedImage: another format, or a file that is broken or cut short.
        TooLarge: more pixels than the limit.

    Source: ultralytics 8.4.190 `imread`, utils/patches.py (OpenCV's `imdecode` with IMREAD_COLOR).
    """
    opened = _open(data)
    width, height = opened.size
    if max(width, height) > MAX_SIDE:
        raise TooLarge(f"the picture has {width} x {height} pixels; wanted at most {MAX_SIDE} on a side")
    if width * height > max_pixels:
        raise TooLarge(f"the picture has {width} x {height} = {width * height} pixels; wanted at most {max_pixels}")
    try:
        mask = color.coarse_mask(opened)
        if enough:
            _scale(opened, enough)
        opened.load()
        orientation = _orientation(opened)
        picture = color.rgb(opened, mask)
    except BROKEN as error:
        raise UnsupportedImage(f"the picture is broken or cut short: {error}") from error
    turn = TURNS.get(orientation)
    upright = picture.transpose(turn) if turn is not None else picture
    return Read(upright, _turned((width, height), orientation) if opened.format == "JPEG" else upright.size)


def _scale(opened: ImageFile.ImageFile, enough: Callable[[tuple[int, int]], tuple[int, int]]) -> None:
    """Tell libjpeg to leave out frequencies that are not needed; other formats cannot."""
    if opened.format == "JPEG":
        orientation = _orientation(opened)
        opened.draft(None, _turned(enough(_turned(opened.size, orientation)), orientation))


def _turned(size_wh: tuple[int, int], orientation: int) -> tuple[int, int]:
    """From stored to upright size, and back."""
    return size_wh[::-1] if orientation >= FIRST_SIDEWAYS else size_wh


def load_readers() -> None:
    """Import Pillow's plugin of every format; otherwise the first picture of a rare one does that."""
    for one in FORMATS:
        importlib.import_module(f"PIL.{one.plugin}")


def _open(data: bytes) -> ImageFile.ImageFile:
    """The header is read, the pixels are not."""
    for one in FORMATS:
        if data.startswith(one.start) and data.startswith(one.mark, one.offset):
            break
    else:
        found = f"the data begins with {data[:12]!r}" if data else "there is no data"
        raise UnsupportedImage(f"{found}; wanted a picture: {READABLE}")
    reader = getattr(importlib.import_module(f"PIL.{one.plugin}"), one.reader)
    try:
        opened: ImageFile.ImageFile = reader(BytesIO(data))
    except BROKEN as error:
        raise UnsupportedImage(f"the picture's header is broken ({one.plugin}: {error})") from error
    return opened


def _orientation(opened: Image.Image) -> int:
    """1 to 8; 1 where nothing, or nothing readable, is said. Pillow has turned a TIFF already."""
    data = opened.info.get("exif")
    if not data or opened.format == "TIFF":
        return 1
    exif = Image.Exif()
    try:
        exif.load(data)
        return int(exif.get(ExifTags.Base.Orientation, 1))
    except BROKEN:  # a picture with a damaged tag is still a picture
        return 1
