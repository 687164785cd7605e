"""Bands of a TIFF file, as stored: pages of one band each, or one page of several bands.

Pillow has no mode for more than four bands. But a plane of any file, whose samples are taken for bytes, is a gray image
of 8 bits: libtiff decompresses it, and NumPy undoes what depends on the samples (byte order, differences). Each plane
is handed over as a file of its own, so that nothing else of the file is read again.

Source: TIFF 6.0; BigTIFF; OpenCV 5.0 imgcodecs/src/grfmt_tiff.cpp for the orientation and the meaning of white.
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import TiffImagePlugin

from function.arrays import Array
from function.errors import TooLarge, UnsupportedImage
from function.preprocess import file_limits, tiff

WIDTH, LENGTH, PREDICTOR, FILL_ORDER, JPEG_TABLES = 256, 257, 317, 266, 347
OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS = 273, 279, 324, 325
FORMS = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q"}  # types of TIFF that the tags here have
DIFFERENCES = 2  # predictor: each sample minus the one before it
DEPTHS = (8, 16)  # bits
LONG, BYTES = 4, 7  # types of the tags that are written
MAX_PAGES = 1_000
BGRA = (2, 1, 0, 3)
COMPRESSIONS = {1: "none", 5: "LZW", 7: "JPEG", 8: "deflate", 32946: "deflate", 32773: "PackBits", 50000: "Zstandard"}
HEADER = struct.pack("<2sHI", b"II", 42, 8)

Tags = dict[int, tuple[int, ...]]


class Page(NamedTuple):
    """One directory of a file."""

    size_wh: tuple[int, int]  # pixels, as stored
    bands: int
    bits: int  # of each sample
    tags: Tags


class BandFile(NamedTuple):
    """The pages that hold the bands of an image."""

    data: bytes
    order: str  # of the bytes, as struct writes it
    pages: list[Page]

    @property
    def bands(self) -> int:
        """Number of bands."""
        return sum(page.bands for page in self.pages)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height as stored, in pixels."""
        return self.pages[0].size_wh


def open_file(data: bytes) -> BandFile:
    """Return the pages with the bands: all pages if each has one band and the same size, otherwise the first one.

    Raises:
        TooLarge: more pages, tags or values than the limits.
        UnsupportedImage: a broken directory, or samples that are no unsigned integers of 8 or 16 bits.
    """
    order = "<" if data[:2] == b"II" else ">"
    try:
        pages = [_page(tags) for tags in _directories(data, order)]
        first = pages[0]
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise UnsupportedImage("the image header is broken (TIFF)") from error
    if first.bands > 1 or any((page.size_wh, page.bands, page.bits) != first[:3] for page in pages):
        pages = pages[:1]
    return BandFile(data, order, pages)


def read(file: BandFile) -> Array:
    """Return the bands, (H, W, C) uint8, upright: of 16 bits the upper 8 remain.

    Raises:
        UnsupportedImage: a compression that is not read.
        OSError, ValueError and others of image.DECODE_ERRORS: broken data.
    """
    width, height = file.size_wh
    result = np.empty((height, width, file.bands), np.uint8)
    band, left = 0, len(file.data)
    for page in file.pages:
        for segments in _planes(page):
            left -= sum(size for _, size in segments)
            if left < 0:  # strips that are used twice would take more time than the file can state
                raise UnsupportedImage("the image is broken or cut short")
            samples = _samples(file, page, segments)
            count = samples.shape[2]
            result[..., band : band + count] = _levels(samples, page)
            band += count
    upright = _upright(_order(result, file.pages[0]), file.pages[0].tags.get(tiff.ORIENTATION, (1,))[0])
    return np.ascontiguousarray(upright)


def _directories(data: bytes, order: str) -> Iterator[Tags]:
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    word, head, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    seen: set[int] = set()
    while at and at not in seen:
        seen.add(at)
        if len(seen) > MAX_PAGES:
            raise TooLarge(f"a TIFF file must have at most {MAX_PAGES} pages, got more")
        (count,) = struct.unpack_from(order + head, data, at)
        if count > file_limits.MAX_TAGS:
            raise TooLarge(f"a TIFF file must have at most {file_limits.MAX_TAGS} tags, got {count}")
        start = at + struct.calcsize(order + head)
        yield _tags(data, order, word, range(start, start + count * entry, entry))
        (at,) = struct.unpack_from(order + word, data, start + count * entry)


def _tags(data: bytes, order: str, word: str, entries: range) -> Tags:
    """Return the numbers of a directory; tags of other types are left out."""
    tags: Tags = {}
    for at in entries:
        tag, kind, length = struct.unpack_from(f"{order}HH{word}", data, at)
        form, place = FORMS.get(kind), at + 4 + struct.calcsize(order + word)
        if form is None or not length:
            continue
        if length > file_limits.MAX_VALUES:
            raise TooLarge(f"a TIFF file must have at most {file_limits.MAX_VALUES} values in a tag, got {length}")
        if length * struct.calcsize(form) > struct.calcsize(order + word):
            (place,) = struct.unpack_from(order + word, data, place)
        if not 0 <= place <= len(data):
            raise ValueError("a value is outside of the file")
        tags[tag] = struct.unpack_from(f"{order}{length}{form}", data, place)
    return tags


def _page(tags: Tags) -> Page:
    bits = tags.get(tiff.BITS_PER_SAMPLE, (1,))
    bands = tags.get(tiff.SAMPLES_PER_PIXEL, (1,))[0]
    kinds = set(tags.get(tiff.SAMPLE_FORMAT, (tiff.UNSIGNED,)))
    if len(set(bits)) > 1 or bits[0] not in DEPTHS or kinds != {tiff.UNSIGNED}:
        kind = tiff.SAMPLE_FORMATS.get(min(kinds), "other") if kinds != {tiff.UNSIGNED} else "unsigned integer"
        found = f"{', '.join(map(str, sorted(set(bits))))}-bit {kind}"
        raise UnsupportedImage(f"bands of a TIFF must be 8-bit or 16-bit unsigned integers, got {found}")
    if WIDTH not in tags or LENGTH not in tags or not (tags[WIDTH][0] and tags[LENGTH][0] and bands):
        raise ValueError("a directory has no size")
    return Page((tags[WIDTH][0], tags[LENGTH][0]), bands, bits[0], tags)


def _planes(page: Page) -> Iterator[list[tuple[int, int]]]:
    """Yield the offset and the size of each strip or tile, for each plane of a page."""
    tiled = tiff.TILE_WIDTH in page.tags
    offsets, sizes = (page.tags.get(tag, ()) for tag in ((TILE_OFFSETS, TILE_COUNTS) if tiled else (OFFSETS, COUNTS)))
    planes = page.bands if _is_planar(page) else 1
    count = len(offsets) // planes
    if not count or len(offsets) != count * planes or len(sizes) != len(offsets):
        raise ValueError("strips do not fit the planes")
    for start in range(0, len(offsets), count):
        yield list(zip(offsets[start : start + count], sizes[start : start + count], strict=True))


def _is_planar(page: Page) -> bool:
    return page.bands > 1 and page.tags.get(tiff.PLANAR, (1,))[0] == tiff.SEPARATE


def _samples(file: BandFile, page: Page, segments: list[tuple[int, int]]) -> Array:
    """Return the samples of a plane, (H, W, N) of 8 or 16 bits."""
    count = 1 if _is_planar(page) else page.bands
    width, height = page.size_wh
    plane = np.asarray(_decode(file, page, segments, count * page.bits // 8))
    samples = np.ascontiguousarray(plane).view(f"{file.order}u{page.bits // 8}").reshape(height, width, count)
    if page.tags.get(PREDICTOR, (1,))[0] == 1:
        return samples
    native = samples.astype(np.uint8 if page.bits == 8 else np.uint16)
    step = page.tags.get(tiff.TILE_WIDTH, (width,))[0] or width
    for left in range(0, width, step):
        np.cumsum(native[:, left : left + step], axis=1, dtype=native.dtype, out=native[:, left : left + step])
    return native


def _decode(file: BandFile, page: Page, segments: list[tuple[int, int]], sample_bytes: int) -> Any:
    """Return a plane as a gray image whose pixels are the bytes of its samples."""
    compression = page.tags.get(tiff.COMPRESSION, (1,))[0]
    if compression not in COMPRESSIONS or (compression == tiff.JPEG and sample_bytes > 1):
        names = ", ".join(dict.fromkeys(COMPRESSIONS.values()))
        raise UnsupportedImage(
            f"bands of a TIFF must be compressed with one of {names} (JPEG: planes of 8 bits), got {compression}"
        )
    if page.tags.get(PREDICTOR, (1,))[0] not in (1, DIFFERENCES):
        raise UnsupportedImage(f"the predictor of a TIFF must be 1 or 2, got {page.tags[PREDICTOR][0]}")
    width, height = page.size_wh
    tags: Tags = {WIDTH: (width * sample_bytes,), LENGTH: (height,), tiff.BITS_PER_SAMPLE: (8,)}
    tags |= {tiff.COMPRESSION: (compression,), tiff.PHOTOMETRIC: (tiff.BLACK_IS_ZERO,), tiff.SAMPLES_PER_PIXEL: (1,)}
    tags |= {tag: page.tags[tag] for tag in (FILL_ORDER, JPEG_TABLES, tiff.TILE_LENGTH) if tag in page.tags}
    if tiff.TILE_WIDTH in page.tags:
        tags[tiff.TILE_WIDTH] = (page.tags[tiff.TILE_WIDTH][0] * sample_bytes,)
    else:
        tags[tiff.ROWS_PER_STRIP] = (min(page.tags.get(tiff.ROWS_PER_STRIP, (height,))[0], height),)
    opened = TiffImagePlugin.TiffImageFile(BytesIO(_file(file.data, tags, segments)))
    opened.load()
    return opened


def _file(data: bytes, tags: Tags, segments: list[tuple[int, int]]) -> bytes:
    """Return a TIFF file of one gray plane with these strips or tiles."""
    places, sizes = (TILE_OFFSETS, TILE_COUNTS) if tiff.TILE_WIDTH in tags else (OFFSETS, COUNTS)
    parts = [data[offset : offset + size] for offset, size in segments]
    lengths = tuple(map(len, parts))
    behind = 8 + 6 + 12 * (len(tags) + 2)
    tables = tags.get(JPEG_TABLES, ())
    start = behind + 8 * len(parts) + len(tables)
    offsets = tuple(start + int(end) - length for end, length in zip(np.cumsum(lengths), lengths, strict=True))
    entries, values = b"", b""
    for tag, numbers in sorted({**tags, places: offsets, sizes: lengths}.items()):
        kind = BYTES if tag == JPEG_TABLES else LONG
        packed = struct.pack(f"<{len(numbers)}{FORMS[kind]}", *numbers)
        if len(packed) > 4:
            packed, values = struct.pack("<I", behind + len(values)), values + packed
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    directory = struct.pack("<H", len(tags) + 2) + entries + bytes(4)
    return b"".join((HEADER, directory, values.ljust(start - behind, b"\0"), *parts))


def _levels(samples: Array, page: Page) -> Array:
    """Return 8 bits of each sample."""
    levels = (samples >> 8).astype(np.uint8) if page.bits == 16 else samples
    is_white_zero = page.tags.get(tiff.PHOTOMETRIC, (tiff.BLACK_IS_ZERO,))[0] == tiff.WHITE_IS_ZERO
    return 255 - levels if is_white_zero and page.bits == 8 else levels  # OpenCV leaves 16 bits as stored


def _order(levels: Array, page: Page) -> Array:
    """Return the bands of a color image in the order and with the alpha of OpenCV: blue, green, red, and the fourth."""
    if page.bands != len(BGRA) or page.tags.get(tiff.PHOTOMETRIC, (0,))[0] != tiff.RGB:
        return levels
    ordered = levels[..., BGRA]
    if page.bits == 8 and page.tags.get(tiff.EXTRA_SAMPLES, (0,))[0] == tiff.UNASSOCIATED:
        alpha = ordered[..., 3:].astype(np.uint16)
        ordered[..., :3] = (ordered[..., :3] * alpha + 127) // 255
    return ordered


def _upright(levels: Array, orientation: int) -> Array:
    """Return the bands turned by the tag of the orientation, 1 to 8."""
    if orientation not in range(2, 9):
        return levels
    if orientation >= 5:
        levels = levels.transpose(1, 0, 2)
    flips = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation, ())
    return np.flip(levels, flips)
