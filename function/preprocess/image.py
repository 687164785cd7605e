"""Image decoding: encoded bytes to an upright RGB image, within limits, with the pixels that `yolo predict` sees.

The first bytes of the file select the Pillow plugin. `Image.open` would import every plugin for a format that is not
among its first five, and would try decoders of formats that are not supported here.
"""

import importlib
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image, ImageFile, JpegImagePlugin  # noqa: F401  (the most frequent format: loaded at init)

from function.errors import TooLarge, UnsupportedImage, shown
from function.preprocess import color, pixels

if TYPE_CHECKING:
    from function.preprocess.memory_limit import MemoryLimit

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
ORIENTATION, SHORT, LONG = 0x0112, 3, 4  # the tag, and the types of its number
CHECKED_PIXELS = 2_000_000  # from this number on, an image may not fit into the memory of the function
FIRST_SWAPPED = 5  # from this orientation on, the stored width is the height of the upright image
MAX_SIDE = 65_500  # px; the limit of libjpeg. Longer sides occur only in files that are made to take much time
SUPPORTED = "JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF"
FTYP = b"ftyp"  # ISO/IEC 14496-12: the first box of a HEIF file, which AVIF and HEIC are; at byte 4, with its brands
BRANDS_END = 256  # bytes; a file lists fewer than 20 brands of 4 bytes
AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
UNREAD = (  # the first bytes of formats that clients send and that are not read
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
)


class DecodedImage(NamedTuple):
    """A decoded image and its size in the file; the image is smaller if it was decoded at a reduced size."""

    image: Image.Image  # RGB or gray, upright
    size_wh: tuple[int, int]  # pixels, upright


class Format(NamedTuple):
    """An image format: the first bytes of its files, and the Pillow class that reads them."""

    start: bytes
    offset: int  # of `mark`
    mark: bytes
    module: str
    reader: str


FORMATS = (
    Format(b"\xff\xd8\xff", 0, b"", "PIL.JpegImagePlugin", "JpegImageFile"),
    Format(b"\x89PNG\r\n\x1a\n", 0, b"", "PIL.PngImagePlugin", "PngImageFile"),
    Format(b"RIFF", 8, b"WEBP", "function.preprocess.webp", "WebPImage"),
    Format(b"BM", 0, b"", "PIL.BmpImagePlugin", "BmpImageFile"),
    Format(b"GIF8", 0, b"", "PIL.GifImagePlugin", "GifImageFile"),
    Format(b"II*\0", 0, b"", "function.preprocess.tiff", "TiffImage"),
    Format(b"MM\0*", 0, b"", "function.preprocess.tiff", "TiffImage"),
    Format(b"II+\0", 0, b"", "function.preprocess.tiff", "TiffImage"),  # BigTIFF
    Format(b"MM\0+", 0, b"", "function.preprocess.tiff", "TiffImage"),
)
AVIF = Format(b"", 4, FTYP, "function.preprocess.avif", "AvifImage")


def read(data: bytes, max_pixels: int, memory_mb: int | None = None) -> Image.Image:
    """Decode an image with all of its pixels; arguments and errors as for `read_reduced`."""
    return read_reduced(data, max_pixels, None, memory_mb).image


def read_reduced(
    data: bytes,
    max_pixels: int,
    min_size: Callable[[tuple[int, int]], tuple[int, int]] | None,
    memory_mb: int | None = None,
    gray: bool = False,
) -> DecodedImage:
    """Decode an image; a large JPEG can be decoded at a half, a quarter or an eighth of its sides.

    The first image of an animation or a multi-page file is decoded. As with OpenCV's `imread`, alpha is dropped and
    not blended, and of 16 bits the upper 8 remain.

    Args:
        data: the encoded file.
        max_pixels: limit on width x height in the file, checked before decoding.
        min_size: returns the least size that is needed for an upright size; None: all pixels, exactly.
        memory_mb: of the function, checked before each step; None: not checked.
        gray: decode to gray, for a model of one channel.

    Returns:
        An RGB image, or one in mode L, upright by its EXIF orientation, at full size or at least of the needed size.
        The sides of a reduced image are rounded up.

    Raises:
        UnsupportedImage: another format, or a broken or truncated file.
        TooLarge: more pixels than the limit, or than the memory has room for.

    Source: ultralytics 8.4.190 `imread`, utils/patches.py (OpenCV's `imdecode` with IMREAD_COLOR).
    """
    opened = open_file(data, max_pixels)
    for size_wh in (opened.size, *getattr(opened, "coded_sizes_wh", ())):
        check_size(size_wh, max_pixels)
    stored_wh = opened.size
    try:
        mask = color.bmp16_mask(opened)
        _select_frame(opened)
        if gray:
            opened.draft("L", None)  # libjpeg leaves out the colors; other formats have no such option
        if min_size:
            _request_reduced_size(opened, min_size)
        limit = memory_limit(stored_wh, memory_mb)
        if limit:
            limit.check_decoding(opened, data)
        if opened.format == "JPEG" and opened.mode == "RGB":
            pixels.decode_into_array(opened)
        opened.load()
        orientation = _orientation(opened)
        if limit and (gray or opened.mode != "RGB"):
            limit.check_conversion(opened.size)
        decoded, is_jpeg = (_to_gray if gray else color.to_rgb)(opened, mask), opened.format == "JPEG"
    except DECODE_ERRORS as error:
        raise UnsupportedImage("the image is broken or cut short") from error
    del opened  # its pixels, before another copy is made
    transpose = UPRIGHT.get(orientation)
    if limit and transpose is not None:
        limit.check_copy(decoded.size)
    upright = decoded.transpose(transpose) if transpose is not None else decoded
    return DecodedImage(upright, _upright_wh(stored_wh, orientation) if is_jpeg else upright.size)


def _to_gray(opened: Any, mask: color.Mask | None) -> Image.Image:
    from function.preprocess import gray  # imported here: few models take gray images

    return gray.to_gray(opened, mask)


def header(data: bytes, max_pixels: int) -> tuple[str, tuple[int, int]]:
    """Return the format and the size of an image, without its pixels; arguments and errors as for `read_reduced`."""
    opened = open_file(data, max_pixels)
    check_size(opened.size, max_pixels)
    return str(opened.format), opened.size


def memory_limit(size_wh: tuple[int, int], memory_mb: int | None) -> "MemoryLimit | None":
    """Return the limit of memory for a large image, or None."""
    if memory_mb is None or size_wh[0] * size_wh[1] < CHECKED_PIXELS:
        return None
    from function.preprocess.memory_limit import MemoryLimit  # imported here: a start reads no image

    return MemoryLimit(memory_mb)


def check_size(size_wh: tuple[int, int], max_pixels: int) -> None:
    """Raise TooLarge for a size, in pixels, above the limits."""
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


def _select_frame(opened: Any) -> None:
    """Go to the first frame of an APNG file whose default image is not a part of the animation.

    OpenCV reads the default image if the animation has only one frame.
    """
    if opened.format == "PNG" and opened.default_image and opened.n_frames > 2:
        opened.dispose_op = 1  # APNG_DISPOSE_OP_BACKGROUND: clear the canvas, on which Pillow has the default image
        opened.dispose_extent = (0, 0, *opened.size)
        opened.seek(1)
        opened.blend_op = 0  # APNG_BLEND_OP_SOURCE: nothing to blend with on an empty canvas


def _upright_wh(size_wh: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the upright size for a stored size; the same function converts back."""
    return size_wh[::-1] if orientation >= FIRST_SWAPPED else size_wh


def load_readers() -> None:
    """Import the Pillow plugin of every format; otherwise the first image of a rare format imports its plugin."""
    for known in (*FORMATS, AVIF):
        importlib.import_module(known.module)
    importlib.import_module("function.preprocess.file_limits")


def open_file(data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header, and no pixels; arguments and errors as for `read_reduced`."""
    from function.preprocess import file_limits  # imported here: a start reads no image

    known = _format(data)
    if known is None:
        raise UnsupportedImage(f"the image must be one of {SUPPORTED}, got {_describe(data)}")
    reader = getattr(importlib.import_module(known.module), known.reader)
    name = known.reader.removesuffix("File").removesuffix("Image").upper()
    file_limits.check(data, name, max_pixels)
    try:
        opened: ImageFile.ImageFile = reader(BytesIO(data))
    except DECODE_ERRORS as error:
        raise UnsupportedImage(f"the image header is broken ({name})") from error
    return opened


def _format(data: bytes) -> Format | None:
    for known in FORMATS:
        if data.startswith(known.start) and data.startswith(known.mark, known.offset):
            return known
    return AVIF if AVIF_BRANDS & _brands(data) else None


def _brands(data: bytes) -> set[bytes]:
    """Return the brands of a HEIF file; none for other data."""
    if not data.startswith(FTYP, 4):
        return set()
    size = min(int.from_bytes(data[:4], "big"), BRANDS_END)
    return {data[start : start + 4] for start in (8, *range(16, size, 4))}  # major brand, version, compatible brands


def _describe(data: bytes) -> str:
    """Return the name of a format that is not read, or the first bytes."""
    if HEIF_BRANDS & _brands(data):
        return "HEIC: convert it to JPEG"
    for start, name in UNREAD:
        if data.startswith(start):
            return f"{name}: convert it to JPEG or PNG"
    if not data:
        return "no data"
    start = data[:12]
    is_text = start.isascii() and start.decode().isprintable()
    return f"data that begins with {shown(start.decode()) if is_text else f'the bytes {start.hex(chr(32))}'}"


def _orientation(opened: Any) -> int:
    """Return the EXIF orientation, 1 to 8; 1 for a missing or unreadable tag."""
    if opened.format == "TIFF":
        return int(opened.orientation)
    data = opened.info.get("exif")
    if not data:
        return 1
    try:
        return _orientation_tag(data)
    except (struct.error, KeyError):  # an image with a damaged tag can still be decoded
        return 1


def _orientation_tag(data: bytes) -> int:
    """Return the orientation in the first directory of EXIF data; nothing else is read, however large the data are.

    Source: EXIF 2.32, sections 4.5 and 4.6.4.
    """
    while data.startswith(b"Exif\0\0"):
        data = data[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}[data[:4]]
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, at)
        if tag == ORIENTATION:
            form = {SHORT: "H", LONG: "I"}[kind]
            return struct.unpack_from(order + form, data, at + 8)[0] if length == 1 else 1
    return 1
