"""Files with more parts than the limits are refused before they are decoded; files of real programs are not."""

import io
import struct
import zlib
from pathlib import Path
from time import process_time

import pytest
from PIL import Image

from function.errors import TooLarge, UnsupportedImage
from function.preprocess import file_limits, image
from tests.conftest import ROOT, encode

MAX_PIXELS = 50_000_000
DRAWN = Image.new("RGB", (64, 48), (200, 10, 10))
JPEG, PNG, GIF, WEBP = (encode(DRAWN, kind) for kind in ("JPEG", "PNG", "GIF", "WEBP"))
AVIF, BMP = encode(DRAWN, "AVIF"), encode(DRAWN.quantize(16), "BMP")
SAMPLES = sorted(path for path in (ROOT / "tests/golden").iterdir() if path.suffix in (".jpg", ".png", ".webp", ".gif"))


def segment(marker: int, data: bytes = b"") -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def in_jpeg(parts: bytes) -> bytes:
    return JPEG[:2] + parts + JPEG[2:]


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def in_png(parts: bytes) -> bytes:
    return PNG[:33] + parts + PNG[33:]


def in_gif(parts: bytes) -> bytes:
    first = GIF.index(b",\0\0\0\0")
    return GIF[:first] + parts + GIF[first:]


def in_webp(parts: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(WEBP) - 8 + len(parts)) + WEBP[8:] + parts


def progressive(side: int, scans: int, marker: int = 0xC2, layers: int = 1) -> bytes:
    """A gray JPEG whose scans have no data: the decoder fills in zeros, and visits all pixels for each."""
    header = struct.pack(">BHHB", 8, side, side, layers) + b"".join(bytes((i + 1, 0x11, 0)) for i in range(layers))
    tables = segment(0xDB, b"\0" + b"\1" * 64) + b"".join(
        segment(0xC4, bytes([kind, 1, *[0] * 15]) + value) for kind, value in ((0, b"\0"), (16, b"\0"))
    )
    scan = segment(0xDA, b"\1\1\0\0\0\0") + segment(0xDA, b"\1\1\0\1\x3f\0") * (scans - 1)
    return b"\xff\xd8" + tables + segment(marker, header) + scan + b"\xff\xd9"


def big_tiff(tags: int) -> bytes:
    return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, tags) + struct.pack("<HHQQ", 65001, 4, 1, 1) * tags + bytes(8)


def _tiff(tag: int, count: int) -> bytes:
    """A TIFF directory with one tag of many values."""
    return b"II*\0" + struct.pack("<IHHHII", 8, 1, tag, 4, count, 26) + bytes(4) + bytes(4 * count)


def rle_bmp(side: int, data: bytes) -> bytes:
    palette = bytes(1024)
    start = 54 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


def avif_box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


TOO_MANY = {
    "scans of a progressive JPEG": progressive(6000, 80),
    "scans of an arithmetic progressive JPEG": progressive(6000, 80, 0xCA),
    "scans of a sequential JPEG of three layers": progressive(6000, 80, 0xC0, layers=3),
    "empty comments": in_jpeg(segment(0xFE) * 11_000),
    "empty application segments": in_jpeg(segment(0xE7) * 11_000),
    "empty Huffman tables": in_jpeg(segment(0xC4) * 11_000),
    "padding before a marker": in_jpeg(b"\xff" * 11_000),
    "bytes between markers": JPEG[:20] + b"\0" * 11_000 + JPEG[20:],
    "restart markers in the header": in_jpeg(b"\xff\xd0" * 11_000),
    "EXIF segments": in_jpeg(segment(0xE1, b"Exif\0\0" + bytes(100)) * 17),
    "quantization tables": in_jpeg(segment(0xDB, b"\0" + bytes(64)) * 101),
    "Photoshop segments": in_jpeg(segment(0xED, b"Photoshop 3.0\0") * 101),
    "PNG chunks of pixels": in_png(chunk(b"IDAT") * 100_001),
    "PNG texts": in_png(chunk(b"tEXt", b"a\0b") * 1001),
    "PNG private chunks": in_png(chunk(b"abCd") * 1001),
    "PNG color profiles": in_png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1000))) * 1001),
    "PNG texts behind the pixels": PNG[:-12] + chunk(b"zTXt", b"a\0\0") * 1001 + PNG[-12:],
    "GIF comments": in_gif(b"\x21\xfe\1a\0" * 50_001),
    "GIF blocks of a comment": in_gif(b"\x21\xfe" + b"\1a" * 100_001 + b"\0"),
    "GIF blocks of an application": in_gif(b"\x21\xff" + b"\1a" * 100_001 + b"\0"),
    "GIF padding": in_gif(b"\0" * 100_001),
    "WebP chunks": in_webp(b"ABCD\0\0\0\0" * 20_001),
    "pixels of a compressed BMP": rle_bmp(3500, b"\1\5\0\0" * 3500),
    "bytes of a compressed BMP": rle_bmp(20, b"\0\2\0\0" * 2_500_001),
    "tags of a BigTIFF": big_tiff(4097),
    "strips of a TIFF": _tiff(273, 400_001),
    "fractions of a TIFF": _tiff(282, 400_001),
    "AVIF boxes": AVIF + avif_box(b"free") * 10_001,
    "AVIF boxes in a box": AVIF + avif_box(b"moov", avif_box(b"free") * 10_001),
    "AVIF items": AVIF + avif_box(b"meta", bytes(4) + avif_box(b"iinf", bytes(65_537))),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_file_with_too_many_parts_is_refused_at_once(name: str) -> None:
    started = process_time()
    with pytest.raises(TooLarge, match=r"must have at most \d+ .*, got"):
        image.read(TOO_MANY[name], MAX_PIXELS)
    assert process_time() - started < 0.5


JUST_ALLOWED = {
    "comments": in_jpeg(segment(0xFE) * 9000),
    "EXIF segments": in_jpeg(segment(0xE1, b"Exif\0\0" + bytes(100)) * 16),
    "PNG chunks of pixels": in_png(chunk(b"IDAT") * 99_000),
    "PNG texts": in_png(chunk(b"tEXt", b"a\0b") * 900),
    "GIF comments": in_gif(b"\x21\xfe\1a\0" * 30_000),
    "WebP chunks": in_webp(b"ABCD\0\0\0\0" * 19_000),
    "AVIF boxes": AVIF + avif_box(b"free") * 9000,
    "scans of a small image": progressive(100, 3000),
    "comments between scans": progressive(100, 2)[:-2] + segment(0xFE) * 20_000 + b"\xff\xd9",
    "scans behind the end of the image": progressive(6000, 5) + segment(0xDA, b"\1\1\0\1\x3f\0") * 500,
    "scans in a comment": in_jpeg(segment(0xFE, b"\xff\xda" * 30_000) * 10),
}


@pytest.mark.parametrize("name", JUST_ALLOWED)
def test_file_within_the_limits_is_read_in_two_seconds(name: str) -> None:
    started = process_time()
    assert min(image.read(JUST_ALLOWED[name], MAX_PIXELS).size) >= 48
    assert process_time() - started < 2


def test_scans_at_the_limit_of_pixels_take_less_than_four_seconds() -> None:
    data = progressive(7000, file_limits.MAX_SCANS)
    started = process_time()
    assert image.read(data, MAX_PIXELS).size == (7000, 7000)
    assert process_time() - started < 4


def test_limit_of_scans_follows_the_limit_of_pixels() -> None:
    data = progressive(1000, 60)
    assert image.read(data, 2_000_000).size == (1000, 1000)
    with pytest.raises(TooLarge, match=r"60 scans of 1000000 pixels"):
        image.read(data, 1_000_000)


def test_end_of_image_in_a_comment_does_not_hide_the_scans_behind_it() -> None:
    data = progressive(6000, 2)[:-2] + segment(0xFE, b"\xff\xd9") + segment(0xDA, b"\1\1\0\1\x3f\0") * 80
    with pytest.raises(TooLarge, match="scans"):
        image.read(data, MAX_PIXELS)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_images_of_real_programs_are_within_a_tenth_of_the_limits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_SEGMENTS", "MAX_DATA_CHUNKS", "MAX_CHUNKS", "MAX_BLOCKS", "MAX_CHUNKS_WEBP"):
        monkeypatch.setattr(file_limits, name, getattr(file_limits, name) // 10)
    image.read(path.read_bytes(), MAX_PIXELS)


@pytest.mark.parametrize("side", [8000, 30_000])
def test_tiff_tile_of_more_pixels_than_the_limit_is_refused(side: int) -> None:
    packed = zlib.compress(bytes(1000))
    tags = [(256, 16), (257, 16), (258, 8), (259, 8), (262, 1), (277, 1), (322, side), (323, side), (324, 0), (325, 9)]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 324 else value) for tag, value in tags)
    data = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + packed
    with pytest.raises(TooLarge, match=f"{side} x {side}"):
        image.read(data, MAX_PIXELS)


@pytest.mark.parametrize("levels", [9, 3000])
def test_avif_boxes_in_too_many_levels_are_refused(levels: int) -> None:
    nested = b""
    for _ in range(levels):
        nested = avif_box(b"trak", nested)
    with pytest.raises(UnsupportedImage):
        image.read(AVIF + nested, MAX_PIXELS)


@pytest.mark.parametrize(
    "data",
    [JPEG, PNG, GIF, WEBP, BMP, AVIF, encode(DRAWN, "TIFF")],
    ids=["JPEG", "PNG", "GIF", "WebP", "BMP", "AVIF", "TIFF"],
)
def test_every_truncated_file_is_an_image_error(data: bytes) -> None:
    for length in range(4, len(data), max(len(data) // 60, 1)):
        try:
            image.read(data[:length], MAX_PIXELS)
        except (UnsupportedImage, TooLarge):
            continue


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_large_exif_data_are_not_copied(kind: str) -> None:
    count = 400_000
    entries = struct.pack("<HHII", 282, 5, count, 38) + struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    exif = b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + struct.pack("<II", 1, 1) * count
    buffer = io.BytesIO()
    DRAWN.save(buffer, kind, exif=exif)
    started = process_time()
    assert image.read(buffer.getvalue(), MAX_PIXELS).size == (48, 64)
    assert process_time() - started < 0.2


@pytest.mark.parametrize("kind", [b"IDAT", b"fdAT", b"fcTL"])
def test_frames_of_an_animation_count_as_chunks_of_pixels(kind: bytes) -> None:
    file = b"\x89PNG\r\n\x1a\n" + chunk(kind, b"") * (file_limits.MAX_CHUNKS + 1) + chunk(b"IEND", b"")
    file_limits.check(file, "PNG", 1)
    with pytest.raises(TooLarge, match="that hold no pixels"):
        file_limits.check(file.replace(kind, b"tEXt"), "PNG", 1)
