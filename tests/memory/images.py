"""Images in every format that the function reads, which need as much memory as their format allows.

They have flat colors, so that their files are small. `KINDS` has a function of the side in pixels for each kind.
"""

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image

from tests.support.tiff_files import DEFLATE, LONG, PLANAR, RGB, SHORT, _directory

LARGEST = 7071  # px: a square of this side has just below 50,000,000 pixels, the default of MAX_IMAGE_PIXELS
ROTATED = 6  # EXIF orientation
GRAY, PALETTE, CMYK = 1, 3, 5  # photometric interpretation of a TIFF; 3 is a color type of a PNG too
PIXELS: dict[str, Any] = {
    "L": 90,
    "P": 1,
    "1": 1,
    "RGB": (200, 10, 10),
    "RGBA": (200, 10, 10, 128),
    "CMYK": (200, 10, 10, 128),
}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]  # of a PNG


def save(mode: str, kind: str, side: int, is_rotated: bool = True, **options: Any) -> bytes:
    """Return an image that Pillow writes."""
    buffer = io.BytesIO()
    if is_rotated:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = ROTATED
    Image.new(mode, (side, side), PIXELS[mode]).save(buffer, kind, **options)
    return buffer.getvalue()


def png(bits: int, color_type: int, side: int, interlaced: bool = False) -> bytes:
    """Return a PNG of zeros of any type; Pillow writes few of them."""
    channels = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}[color_type]
    packer = zlib.compressobj(9)
    data = []
    for left, top, step_x, step_y in PASSES if interlaced else [(0, 0, 1, 1)]:
        columns, rows = -(-(side - left) // step_x), -(-(side - top) // step_y)
        row = bytes(1 + -(-columns * channels * bits // 8))
        data += [packer.compress(row) for _ in range(rows)]
    data.append(packer.flush())
    header = struct.pack(">IIBBBBB", side, side, bits, color_type, 0, 0, interlaced)
    chunks = [(b"IHDR", header), (b"IDAT", b"".join(data)), (b"IEND", b"")]
    if color_type == PALETTE:
        chunks[1:1] = [(b"PLTE", bytes(range(6))), (b"tRNS", bytes(2))]
    packed = [struct.pack(">I", len(c)) + name + c + struct.pack(">I", zlib.crc32(name + c)) for name, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def tiff(
    bits: int, bands: int, photometric: int, side: int, extra: tuple[int, ...] = (), planar: int = 1, rotated: int = 1
) -> bytes:
    """Return a TIFF of zeros in one strip for each plane, which needs the most memory."""
    strips = bands if planar == PLANAR else 1
    block = zlib.compress(bytes(side * bits * bands // strips // 8 * side), 9)
    fields = {
        256: (SHORT, [side]), 257: (SHORT, [side]), 258: (SHORT, [bits] * bands), 259: (SHORT, [DEFLATE]),
        262: (SHORT, [photometric]), 273: (LONG, [8 + len(block) * index for index in range(strips)]),
        274: (SHORT, [rotated]), 277: (SHORT, [bands]), 278: (SHORT, [side]), 279: (LONG, [len(block)] * strips),
        284: (SHORT, [planar]),
    }  # fmt: skip
    if extra:
        fields[338] = (SHORT, list(extra))
    body = block * strips
    body += b"\0" * (len(body) % 2)
    return b"II" + struct.pack("<HI", 42, 8 + len(body)) + body + _directory(fields, 8 + len(body), "<")


KINDS: dict[str, Callable[[int], bytes]] = {
    "JPEG": partial(save, "RGB", "JPEG"),
    "JPEG, upright": partial(save, "RGB", "JPEG", is_rotated=False),
    "JPEG, progressive": partial(save, "RGB", "JPEG", subsampling=0, progressive=True),
    "JPEG, CMYK": partial(save, "CMYK", "JPEG"),
    "JPEG, CMYK, progressive": partial(save, "CMYK", "JPEG", subsampling=0, progressive=True),
    "JPEG, gray": partial(save, "L", "JPEG"),
    "PNG": partial(png, 8, 2),
    "PNG, alpha, rotated": partial(save, "RGBA", "PNG"),
    "PNG, alpha, 16 bits, interlaced": partial(png, 16, 6, interlaced=True),
    "PNG, gray, 16 bits": partial(png, 16, 0, interlaced=True),
    "PNG, gray and alpha": partial(png, 16, 4),
    "PNG, palette": partial(png, 8, PALETTE),
    "PNG, 1 bit": partial(png, 1, 0),
    "WebP": partial(save, "RGB", "WEBP", method=0),
    "WebP, alpha": partial(save, "RGBA", "WEBP", method=0),
    "WebP, lossless": partial(save, "RGBA", "WEBP", method=0, lossless=True),
    "AVIF": partial(save, "RGB", "AVIF", speed=10),
    "AVIF, alpha, 4:4:4": partial(save, "RGBA", "AVIF", speed=10, subsampling="4:4:4"),
    "BMP, palette": partial(save, "P", "BMP", is_rotated=False),
    "GIF": partial(save, "P", "GIF", is_rotated=False),
    "GIF, transparent": partial(save, "P", "GIF", is_rotated=False, transparency=1),
    "TIFF": partial(tiff, 8, 3, RGB),
    "TIFF, alpha, rotated": partial(tiff, 8, 4, RGB, extra=(2,), rotated=ROTATED),
    "TIFF, alpha, 16 bits": partial(tiff, 16, 4, RGB, extra=(2,), rotated=ROTATED),
    "TIFF, planar": partial(tiff, 16, 3, RGB, planar=PLANAR),
    "TIFF, CMYK": partial(tiff, 8, 4, CMYK, rotated=ROTATED),
    "TIFF, CMYK, 16 bits": partial(tiff, 16, 4, CMYK),
    "TIFF, gray, 16 bits": partial(tiff, 16, 1, GRAY, rotated=ROTATED),
    "TIFF, gray, inverted": partial(tiff, 8, 1, 0),
    "TIFF, LZW": partial(save, "RGB", "TIFF", is_rotated=False, compression="tiff_lzw"),
    "TIFF, JPEG": partial(save, "RGB", "TIFF", is_rotated=False, compression="jpeg"),
    "TIFF, 1 bit": partial(save, "1", "TIFF", is_rotated=False, compression="group4"),
}
