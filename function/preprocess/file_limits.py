"""Limits on the parts of an image file, checked before it is opened.

A file can have many more parts than any camera or program writes: scans that repeat all pixels of a JPEG, millions of
empty segments, chunks or boxes. Each part costs time or memory, so a small file could occupy the function for minutes.
Every function here reads the structure of the file as far as the decoder does, and stops at a limit.

Cost of each part with Pillow 13.0 on one core, measured with files that consist of this part; the limit is below 2 s:

| format | part | cost of one | limit |
|---|---|---|---|
| JPEG | scan of 50 megapixels | 38 ms | `MAX_SCANS` x the limit of pixels |
| JPEG | segment, padding byte | 1.2 us, 140 bytes of memory | `MAX_SEGMENTS` |
| JPEG | EXIF segment of 64 KB | 36 ms of 1,600: each copies those before it | `MAX_EXIF_SEGMENTS` |
| JPEG | Photoshop or quantization segment of 64 KB | 4 ms | `MAX_TABLES` |
| PNG | chunk of pixels | 0.6 us | `MAX_DATA_CHUNKS` |
| PNG | other chunk: 1 MB of decompressed data | 0.7 ms | `MAX_CHUNKS` |
| GIF | block before the first image | 0.2 us, 85 bytes of memory | `MAX_BLOCKS` |
| BMP | compressed byte, pixel | 0.12 us, 0.08 us | `MAX_RLE` |
| WebP | chunk | 0.08 us, 46 bytes of memory | `MAX_CHUNKS_WEBP` |
| TIFF | tag | 5 us | `MAX_TAGS` |
| TIFF | value: offset of a tile or strip | 4.6 us, 360 bytes of memory | `MAX_VALUES` |
"""

import re
import struct
from collections.abc import Callable, Iterator

import numpy as np

from function.errors import TooLarge

MAX_SCANS = 50  # at the limit of pixels; an encoder writes 10, optimizers up to 20
MAX_SEGMENTS = 10_000  # an object of 100 MB in segments of 64 KB has 1,600
MAX_EXIF_SEGMENTS = 16  # EXIF has one
MAX_TABLES = 100
MAX_DATA_CHUNKS = 100_000  # libpng writes chunks of 8 KB: 100 MB are 12,800
MAX_CHUNKS = 1_000
MAX_BLOCKS = 100_000
MAX_RLE = 10_000_000  # bytes and pixels together
MAX_CHUNKS_WEBP = 20_000
MAX_TAGS = 4_096  # of one directory; also the limit of libtiff
MAX_VALUES = 400_000  # 50 megapixels in tiles of 16 x 16 have 195,000 offsets and as many lengths

SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG markers: start of frame
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
SOS, EOI, DQT, APP1, APP13, FILL = 0xDA, 0xD9, 0xDB, 0xE1, 0xED, 0xFF
WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xDA)))
SOS_MARKER, SCAN_BLOCK = 0xFFDA, 1 << 18
NEXT_MARKER = rb"\xff+[^\x00\xff\xd0-\xd7]"  # behind the start of a scan; compiled when it is used
EXTENSION = 0x21  # of GIF: an introducer, a label, and blocks up to an empty one
BYTE_TYPES = {1, 2, 6, 7}  # of TIFF: one byte each
TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
BMP_COMPRESSED = {1, 2}  # RLE8 and RLE4


def check(data: bytes, kind: str, max_pixels: int) -> None:
    """Check a file; a broken one passes, because the decoder reports it.

    Args:
        data: the encoded file.
        kind: name of its format.
        max_pixels: the limit of pixels, which multiplies the limit of scans.

    Raises:
        TooLarge: the file has more parts of one kind than the limit.
    """
    try:
        if kind == "JPEG":
            _check_jpeg(data, max_pixels)
        elif kind in CHECKS:
            CHECKS[kind](data)
    except (struct.error, IndexError, OverflowError):
        pass  # cut short


def _refuse(kind: str, part: str, limit: int, got: str = "") -> TooLarge:
    return TooLarge(f"a {kind} file must have at most {limit} {part}, got {got or 'more'}")


def _check_jpeg(data: bytes, max_pixels: int) -> None:
    pixels, layers, progressive, exif_segments, tables = 0, 0, False, 0, 0
    for marker, at in _header_segments(data):
        if marker == SOS:
            if progressive or data[at + 4] < layers:  # otherwise the decoder stops behind the only scan
                _check_scans(data, at, pixels, max_pixels)
            return
        if marker in SOF:
            height, width, layers = struct.unpack_from(">HHB", data, at + 5)
            pixels, progressive = width * height, marker in PROGRESSIVE
        exif_segments += marker == APP1 and data.startswith(b"Exif\0\0", at + 4)
        tables += marker in (APP13, DQT)
        if exif_segments > MAX_EXIF_SEGMENTS:
            raise _refuse("JPEG", "EXIF segments", MAX_EXIF_SEGMENTS)
        if tables > MAX_TABLES:
            raise _refuse("JPEG", "quantization and Photoshop segments", MAX_TABLES)


def _header_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the markers and the positions of the segments up to the first scan, as Pillow finds them."""
    at, steps = 2, 0
    while True:
        found = data.find(b"\xff", at)
        if found < 0:
            return
        steps += 1 + found - at
        if steps > MAX_SEGMENTS:
            raise _refuse("JPEG", "segments and bytes of padding before its pixels", MAX_SEGMENTS)
        marker = data[found + 1]
        if marker == FILL:
            at = found + 1
        elif not marker or marker in WITHOUT_LENGTH:
            at = found + 2
        else:
            yield marker, found
            at = found + 2 + max(_number(data, found + 2, ">H"), 2)


def _check_scans(data: bytes, first: int, pixels: int, max_pixels: int) -> None:
    """Check scans x pixels: each scan visits the coefficients of all pixels, even one that changes nothing."""
    limit = MAX_SCANS * max_pixels
    if _possible_scans(data, first) * pixels <= limit:
        return
    scans = sum(1 for marker in _markers_of_scans(data, first) if marker == SOS)
    if scans * pixels > limit:
        raise TooLarge(
            f"a JPEG file must have at most {limit} pixels in all scans ({MAX_SCANS} x MAX_IMAGE_PIXELS), "
            f"got {scans} scans of {pixels} pixels"
        )


def _possible_scans(data: bytes, first: int) -> int:
    """Return how often the bytes of the marker occur, also by chance; with NumPy in half the time of `bytes.count`."""
    count = 0
    for start in range(first, len(data) - 1, SCAN_BLOCK):
        for offset in (start, start + 1):
            pairs = min(SCAN_BLOCK, len(data) - offset) // 2
            count += int(np.count_nonzero(np.frombuffer(data, ">u2", pairs, offset) == SOS_MARKER))
    return count


def _markers_of_scans(data: bytes, at: int) -> Iterator[int]:
    """Yield the markers from the first scan to the end of the image."""
    next_marker = re.compile(NEXT_MARKER)
    for _ in range(MAX_SEGMENTS):
        found = next_marker.search(data, at)
        if not found:
            return
        marker = data[found.end() - 1]
        if marker == EOI:
            return
        yield marker
        at = found.end()
        if marker not in WITHOUT_LENGTH:
            at += max(int.from_bytes(data[at : at + 2], "big"), 2)
    raise _refuse("JPEG", "segments from its first scan on", MAX_SEGMENTS)


def _check_png(data: bytes) -> None:
    at, data_chunks, chunks = 8, 0, 0
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return
        if kind in (b"IDAT", b"fdAT", b"fcTL"):  # the last one belongs to a frame of an animation
            data_chunks += 1
        else:
            chunks += 1
        if data_chunks > MAX_DATA_CHUNKS:
            raise _refuse("PNG", "chunks of pixels", MAX_DATA_CHUNKS)
        if chunks > MAX_CHUNKS:
            raise _refuse("PNG", "chunks that hold no pixels", MAX_CHUNKS)
        at += 12 + length


def _check_gif(data: bytes) -> None:
    flags = data[10]
    at, in_extension = 13 + (6 << (flags & 7) if flags & 128 else 0), False
    for _ in range(MAX_BLOCKS):
        if in_extension:
            size = data[at]
            in_extension, at = size > 0, at + 1 + size
        elif data[at] in b",;":  # the first image, or the end
            return
        else:
            in_extension = data[at] == EXTENSION
            at += 2 if in_extension else 1  # Pillow skips other bytes
    raise _refuse("GIF", "blocks and bytes of padding before its first image", MAX_BLOCKS)


def _check_bmp(data: bytes) -> None:
    width, height, _, _, compression = struct.unpack_from("<iiHHI", data, 18)
    if _number(data, 14, "<I") >= 40 and compression in BMP_COMPRESSED:
        total = len(data) + abs(width * height)
        if total > MAX_RLE:
            raise _refuse("compressed (RLE) BMP", "pixels and bytes together", MAX_RLE, str(total))


def _check_webp(data: bytes) -> None:
    at = 12
    for _ in range(MAX_CHUNKS_WEBP):
        if at >= len(data):
            return
        size = _number(data, at + 4, "<I")
        at += 8 + size + size % 2
    raise _refuse("WebP", "chunks", MAX_CHUNKS_WEBP)


def _check_tiff(data: bytes) -> None:
    """Check the directory of the first image."""
    order = "<" if data[:2] == b"II" else ">"
    big = _number(data, 2, f"{order}H") == 43
    start = _number(data, 8, f"{order}Q") if big else _number(data, 4, f"{order}I")
    count, size = (_number(data, start, f"{order}Q"), 20) if big else (_number(data, start, f"{order}H"), 12)
    if count > MAX_TAGS:
        raise _refuse("TIFF", "tags", MAX_TAGS, str(count))
    first, values = start + (8 if big else 2), 0
    for at in range(first, first + size * count, size):
        _tag, kind, length = struct.unpack_from(f"{order}HH{'Q' if big else 'I'}", data, at)
        # Pillow skips values that do not fit into the file.
        if kind not in BYTE_TYPES and length * TIFF_SIZES.get(kind, len(data)) <= len(data):
            values += length
    if values > MAX_VALUES:
        raise _refuse("TIFF", "values in its tags, such as offsets of tiles and strips", MAX_VALUES, str(values))


def _number(data: bytes, at: int, form: str) -> int:
    value: int = struct.unpack_from(form, data, at)[0]
    return value


CHECKS: dict[str, Callable[[bytes], None]] = {
    "PNG": _check_png,
    "GIF": _check_gif,
    "BMP": _check_bmp,
    "WEBP": _check_webp,
    "TIFF": _check_tiff,
}
