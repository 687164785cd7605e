"""Small images of every format and mode, as seeds."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image

SIZE = (64, 48)
SMALL = (24, 16)  # of formats without compression
MODES = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "AVIF": ("RGB", "RGBA"),
    "BMP": ("RGB", "RGBA", "L", "P", "1"),
    "GIF": ("P", "L"),
    "TIFF": ("RGB", "RGBA", "L", "P", "1", "CMYK", "I;16", "LAB", "YCbCr"),
}
COMPRESSIONS = ("packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "jpeg", "group4", "zstd")
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "JPEG": ({"progressive": True}, {"quality": 20, "subsampling": 2}, {"restart_marker_blocks": 2}),
    "PNG": ({"compress_level": 0}, {"bits": 2}),
    "WEBP": ({"lossless": True},),
    "AVIF": ({"subsampling": "4:4:4"},),
    "GIF": ({"interlace": False}, {"transparency": 0}),
    "TIFF": (*({"compression": name} for name in COMPRESSIONS), {"big_tiff": True}),
}
ANIMATED = ("PNG", "GIF", "WEBP", "TIFF")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def drawing(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a gray image with a red and a blue box."""
    drawn = Image.new("RGB", size, (114, 114, 114))
    drawn.paste((255, 0, 0), (0, 0, 32, 32))
    drawn.paste((0, 0, 255), (32, 16, 64, 48))
    return drawn


def encode(drawn: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the bytes of an image file."""
    buffer = io.BytesIO()
    drawn.save(buffer, kind, **options)
    return buffer.getvalue()


def seeds(kind: str) -> Iterator[bytes]:
    """Yield small files of a format: every mode, every option, an EXIF orientation, an animation."""
    for mode in MODES[kind]:
        yield encode(_converted(mode, SMALL if kind in ("BMP", "TIFF") else SIZE), kind)
    for options in OPTIONS.get(kind, ()):
        mode = "1" if options.get("compression") == "group4" else "P" if kind == "GIF" or "bits" in options else "RGB"
        yield encode(_converted(mode), kind, **options)
    if kind not in ("BMP", "GIF"):
        exif = Image.Exif()
        exif[0x0112] = 6
        yield encode(drawing(), kind, exif=exif)
    if kind in ANIMATED:
        yield encode(drawing(), kind, save_all=True, append_images=[drawing().rotate(90), drawing().rotate(180)])


def with_checksums(data: bytes) -> bytes:
    """Return a PNG file with the checksums of its chunks made right, as far as its chunks can be read."""
    if not data.startswith(PNG_SIGNATURE):
        return data
    output, position = bytearray(data), len(PNG_SIGNATURE)
    while position + 12 <= len(output):
        (length,) = struct.unpack_from(">I", output, position)
        end = position + 8 + length
        if end + 4 > len(output):
            break
        struct.pack_into(">I", output, end, zlib.crc32(output[position + 4 : end]))
        position = end + 4
    return bytes(output)


def _converted(mode: str, size: tuple[int, int] = SIZE) -> Image.Image:
    drawn = drawing(size)
    if mode == "LAB":
        from PIL import ImageCms

        profile = ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(drawn, ImageCms.createProfile("sRGB"), profile, outputMode="LAB")
    if mode == "I;16":
        return drawn.convert("L").convert("I;16")
    if mode == "LA":
        return drawn.convert("RGBA").convert("LA")
    return drawn.convert(mode)
