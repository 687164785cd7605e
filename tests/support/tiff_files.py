"""TIFF files of any layout of bands, written field by field: Pillow writes few of them."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLACK_IS_ZERO, RGB = 1, 2  # photometric interpretation, TIFF 6.0 section 8
CONTIGUOUS, PLANAR = 1, 2
NO_COMPRESSION, DEFLATE = 1, 8
SHORT, LONG = 3, 4
KINDS = {"u": 1, "i": 2, "f": 3}  # dtype.kind -> sample format, TIFF 6.0 section 19


def tiff(
    pixels: NDArray[Any],
    photometric: int = BLACK_IS_ZERO,
    extra: tuple[int, ...] = (),
    planar: int = CONTIGUOUS,
    big_endian: bool = False,
    compression: int = NO_COMPRESSION,
    rows: int | None = None,
    tile: int | None = None,
    **tags: int,
) -> bytes:
    """Return a file of (H, W, bands) pixels.

    Args:
        pixels: unsigned or signed integers, or floating-point numbers.
        photometric: tag 262.
        extra: tag 338; without values the file has no such tag.
        planar: tag 284.
        big_endian: byte order of the file.
        compression: tag 259.
        rows: in each strip; None: all.
        tile: side of a square tile, a multiple of 16; None: strips.
        tags: other tags, as `t274=6`.
    """
    order = ">" if big_endian else "<"
    height, width, bands = pixels.shape
    planes = [pixels] if planar == CONTIGUOUS else [pixels[..., band : band + 1] for band in range(bands)]
    steps = (tile, tile) if tile else (rows or height, width)
    blocks = [
        _block(plane[top : top + steps[0], left : left + steps[1]], steps if tile else None, order, compression)
        for plane in planes
        for top in range(0, height, steps[0])
        for left in range(0, width, steps[1])
    ]
    offsets = [8 + sum(map(len, blocks[:index])) for index in range(len(blocks))]
    sizes = [len(block) for block in blocks]
    fields = {
        256: (SHORT, [width]),
        257: (SHORT, [height]),
        258: (SHORT, [8 * pixels.dtype.itemsize] * bands),
        259: (SHORT, [compression]),
        262: (SHORT, [photometric]),
        277: (SHORT, [bands]),
        284: (SHORT, [planar]),
        339: (SHORT, [KINDS[pixels.dtype.kind]] * bands),
    }
    if tile:
        fields |= {322: (SHORT, [tile]), 323: (SHORT, [tile]), 324: (LONG, offsets), 325: (LONG, sizes)}
    else:
        fields |= {273: (LONG, offsets), 278: (SHORT, [rows or height]), 279: (LONG, sizes)}
    if extra:
        fields[338] = (SHORT, list(extra))
    fields |= {int(name[1:]): (SHORT, [value]) for name, value in tags.items()}
    body = b"".join(blocks)
    body += b"\0" * (len(body) % 2)
    start = 8 + len(body)
    return (
        (b"MM" if big_endian else b"II")
        + struct.pack(order + "HI", 42, start)
        + body
        + _directory(fields, start, order)
    )


def pages(pixels: NDArray[Any], photometric: int = BLACK_IS_ZERO, **options: Any) -> bytes:
    """Return a file with a page for each band of (H, W, bands) pixels; options as for `tiff`."""
    parts = [tiff(pixels[..., band : band + 1], photometric, **options) for band in range(pixels.shape[2])]
    order = ">" if options.get("big_endian") else "<"
    content, next_at = bytearray(), 4
    for part in parts:
        base, (start,) = len(content), struct.unpack_from(order + "I", part, 4)
        moved = bytearray(part)
        (count,) = struct.unpack_from(order + "H", part, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length = struct.unpack_from(order + "HHI", part, at)
            (value,) = struct.unpack_from(order + "I", part, at + 8)
            if {SHORT: 2, LONG: 4}[kind] * length > 4:
                if tag in (273, 324):
                    _move(moved, value, length, base, order)
                struct.pack_into(order + "I", moved, at + 8, value + base)
            elif tag in (273, 324):
                struct.pack_into(order + "I", moved, at + 8, value + base)
        content += moved
        struct.pack_into(order + "I", content, next_at, start + base)
        next_at = base + start + 2 + 12 * count
    return bytes(content)


def _move(content: bytearray, at: int, count: int, distance: int, order: str) -> None:
    """Add a distance to offsets in a table."""
    values = struct.unpack_from(f"{order}{count}I", content, at)
    struct.pack_into(f"{order}{count}I", content, at, *(value + distance for value in values))


def _block(pixels: NDArray[Any], tile: tuple[int, int] | None, order: str, compression: int) -> bytes:
    if tile:
        height, width, _ = pixels.shape
        pixels = np.pad(pixels, ((0, tile[0] - height), (0, tile[1] - width), (0, 0)))
    data = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder(order)).tobytes()
    return zlib.compress(data) if compression == DEFLATE else data


def _directory(fields: dict[int, tuple[int, list[int]]], start: int, order: str) -> bytes:
    entries, behind = b"", b""
    end = start + 2 + 12 * len(fields) + 4
    for tag, (kind, values) in sorted(fields.items()):
        data = struct.pack(order + {SHORT: "H", LONG: "I"}[kind] * len(values), *values)
        if len(data) > 4:
            data, behind = struct.pack(order + "I", end + len(behind)), behind + data + b"\0" * (len(data) % 2)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + data.ljust(4, b"\0")
    return struct.pack(order + "H", len(fields)) + entries + bytes(4) + behind
