"""AVIF files: the sizes of the coded frames, which may differ from the size that the header states.

libavif decodes a frame at its own size and scales it to the stated one. A small stated size would therefore hide a
frame of up to 16,384 x 16,384 pixels from the limit of pixels.

Source: ISO/IEC 14496-12 (boxes), AV1 Bitstream & Decoding Process Specification 1.0.0 section 5 (OBUs).
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple

from PIL import AvifImagePlugin, ImageFile

from function.errors import TooLarge

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}  # of an image sequence, around the table of its chunks
NESTED = CONTAINERS | {b"meta", b"iprp", b"ipco"}  # whose boxes are counted
ITEM_TABLES = {b"iinf", b"iloc", b"iref", b"ipma"}
MAX_BOXES = 10_000
MAX_DEPTH = 8  # moov, trak, mdia, minf, stbl and the table have six levels
MAX_TABLE_BYTES = 65_536  # 256 tiles, the most of a grid, have 7 KB
SEQUENCE_HEADER = 1  # type of an OBU, the unit of an AV1 stream
MAX_EXTENTS, MAX_OBUS = 1_000, 100  # more occur only in files that are made to take much time
MAX_OBU_SIZE_BYTES = 8
LONG_SIZE = 1  # in the 32-bit size of a box: the size follows in 64 bits
IN_FILE, IN_META = 0, 1  # where the data of an item are


class Box(NamedTuple):
    """A box of the file: its type, and where its content begins and ends."""

    kind: bytes
    start: int
    end: int


class AvifImage(AvifImagePlugin.AvifImageFile):
    """An AVIF file, opened; `coded_sizes_wh` are the sizes of the frames that are decoded for it, in pixels."""

    coded_sizes_wh: tuple[tuple[int, int], ...] = ()

    def _open(self) -> None:
        assert self.fp is not None
        data = self.fp.read()
        _check_parts(data)
        self.fp.seek(0)
        _decode(super()._open)
        self.coded_sizes_wh = tuple(set(coded_sizes(data)))

    def load(self) -> Any:
        """Decode the frame.

        Raises:
            OSError: the frame is broken.
        """
        if self.tile:
            self.fp = BytesIO(_decode(self._decoder.get_frame, 0)[0])
            del self._decoder  # with the frame in its own colors, before the pixels are copied into an image
            if self.mode == "RGBA":
                self._mode, self.tile = "RGB", [ImageFile._Tile("raw", (0, 0, *self.size), 0, "RGBX")]
        return ImageFile.ImageFile.load(self)


def _decode(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a decoder of Pillow; raise OSError for its RuntimeError, which is an error of the function everywhere else.

    A context manager would be part of a cycle with the error, which keeps the frame until the garbage collector runs.
    """
    try:
        return function(*arguments)
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _check_parts(data: bytes) -> None:
    """Check the number of boxes, and the size of the tables that libavif searches once for each item.

    Measured: libavif 1.4 reads a box in 0.4 us, and 60 KB of items in 0.1 s.

    Raises:
        TooLarge: more than an encoder writes.
        ValueError: too many levels of boxes.
    """
    pending, boxes = [(Box(b"", 0, len(data)), 0)], 0
    while pending:
        outer, depth = pending.pop()
        for box in _boxes(data, outer.start, outer.end):
            boxes += 1
            if boxes > MAX_BOXES:
                raise TooLarge(f"an AVIF file must have at most {MAX_BOXES} boxes, got more")
            if box.kind in ITEM_TABLES and box.end - box.start > MAX_TABLE_BYTES:
                raise TooLarge(
                    f"an AVIF file must have at most {MAX_TABLE_BYTES} bytes in a table of items, "
                    f"got {box.end - box.start}"
                )
            if box.kind in NESTED:
                if depth == MAX_DEPTH:
                    raise ValueError(f"boxes in more than {MAX_DEPTH} levels")
                pending.append((box._replace(start=box.start + 4 * (box.kind == b"meta")), depth + 1))


def coded_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the width and height of every AV1 sequence of a file, in pixels.

    Raises:
        ValueError: the file has too many parts.
        IndexError: a box or a header is cut short.
    """
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"meta":
            yield from _item_sizes(data, box)
        elif box.kind in CONTAINERS:
            for chunks in _descend(data, box):
                entry = 4 if chunks.kind == b"stco" else 8
                if _number(data, chunks.start + 4, 4):
                    yield from _stream_sizes(data, _number(data, chunks.start + 8, entry), len(data))


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    while start + 8 <= end:
        size, kind, content = _number(data, start, 4), data[start + 4 : start + 8], start + 8
        if size == LONG_SIZE:
            size, content = _number(data, content, 8), content + 8
        box_end = start + size if size else end
        if not content <= box_end <= end:
            return
        yield Box(kind, content, box_end)
        start = box_end


def _descend(data: bytes, box: Box) -> Iterator[Box]:
    """Yield the tables of chunks below a box."""
    for inner in _boxes(data, box.start, box.end):
        if inner.kind in CONTAINERS:
            yield from _descend(data, inner)
        elif inner.kind in {b"stco", b"co64"}:
            yield inner


def _item_sizes(data: bytes, meta: Box) -> Iterator[tuple[int, int]]:
    """Yield the sizes of the items; those that are no AV1 streams have none."""
    inner = {box.kind: box for box in _boxes(data, meta.start + 4, meta.end)}
    if b"iloc" not in inner:
        return
    idat = inner.get(b"idat", Box(b"idat", 0, 0))
    for method, extents in _items(data, inner[b"iloc"].start):
        base, end = (idat.start, idat.end) if method == IN_META else (0, len(data))
        ranges = [(base + start, min(base + start + length, end) if length else end) for start, length in extents]
        if len(ranges) == 1:
            yield from _stream_sizes(data, *ranges[0])
            continue
        if sum(stop - start for start, stop in ranges) > len(data):
            raise ValueError("an item is longer than the file")
        stream = b"".join(data[start:stop] for start, stop in ranges)
        yield from _stream_sizes(stream, 0, len(stream))


def _items(data: bytes, at: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield the construction method and the extents (offset, length) of each item in the box `iloc`."""
    version, sizes, more = data[at], data[at + 4], data[at + 5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    id_size = 4 if version == 2 else 2
    count, at, total = _number(data, at + 6, id_size), at + 6 + id_size, 0
    for _ in range(count):
        at += id_size
        method = data[at + 1] & 15 if version else IN_FILE
        at += 4 if version else 2
        base, at = _number(data, at, base_size), at + base_size
        extent_count, at = _number(data, at, 2), at + 2
        total += extent_count
        if total > MAX_EXTENTS:
            raise ValueError(f"more than {MAX_EXTENTS} extents")
        extents = []
        for _ in range(extent_count):
            at += index_size
            offset, length = _number(data, at, offset_size), _number(data, at + offset_size, length_size)
            at += offset_size + length_size
            extents.append((base + offset, length))
        if extents:
            yield method, extents


def _stream_sizes(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the frame sizes of the sequence headers in a stream of OBUs."""
    has_header = False
    for _ in range(MAX_OBUS):
        if at + 2 > end or data[at] & 0x82 != 2:  # a reserved bit, or an OBU without its size
            return
        kind, size_at = data[at] >> 3 & 15, at + 1 + (data[at] >> 2 & 1)
        size = 0
        for index in range(MAX_OBU_SIZE_BYTES):
            if size_at + index >= end:
                return
            size |= (data[size_at + index] & 127) << 7 * index
            if data[size_at + index] < 128:
                break
        start = size_at + index + 1
        if kind == SEQUENCE_HEADER:
            yield _Bits(data[start : min(start + size, end)]).frame_size()
            has_header = True
        at = start + size
    if not has_header:
        raise ValueError(f"no AV1 sequence header in the first {MAX_OBUS} units")


class _Bits:
    """The bits of a sequence header, read from the first to the last."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError("AV1 sequence header is cut short")
        return self._value >> self._left & ((1 << count) - 1)

    def frame_size(self) -> tuple[int, int]:
        """Return the largest width and height; the fields before them are read and not used."""
        self.read(4)  # profile, still picture
        if self.read(1):  # reduced header
            self.read(5)
        else:
            self._operating_points()
        width_bits, height_bits = self.read(4) + 1, self.read(4) + 1
        return self.read(width_bits) + 1, self.read(height_bits) + 1

    def _operating_points(self) -> None:
        delay_bits = 0
        if self.read(1):  # timing info
            self.read(64)
            if self.read(1):  # equal picture interval: a number in the uvlc code
                zeros = 0
                while not self.read(1):
                    zeros += 1
                self.read(zeros)
            if self.read(1):  # decoder model info
                delay_bits = self.read(5) + 1
                self.read(42)
        display_delay = self.read(1)
        for _ in range(self.read(5) + 1):
            self.read(12)
            if self.read(5) > 7:  # level, followed by the tier
                self.read(1)
            if delay_bits and self.read(1):
                self.read(2 * delay_bits + 1)
            if display_delay and self.read(1):
                self.read(4)


def _number(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise IndexError("a box is cut short")
    return int.from_bytes(data[at : at + size], "big")
