"""AVIF files: the pixels of Pillow's decoder, upright, and the limit of pixels for the coded frames."""

import contextlib
import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function.errors import TooLarge, UnsupportedImage
from function.preprocess import avif, image
from tests.conftest import encode

LIMIT = 1_000_000  # px
RNG = np.random.default_rng(12)
DRAWN = Image.fromarray(np.kron(RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8)))
DATA = encode(DRAWN, "AVIF")


def read(data: bytes) -> np.ndarray:
    decoded = image.read(data, LIMIT)
    assert decoded.mode == "RGB"
    return np.asarray(decoded)


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
@pytest.mark.parametrize("options", [{}, {"subsampling": "4:4:4"}, {"range": "limited"}, {"quality": 100}])
def test_pixels_equal_those_of_pillow(mode: str, options: dict) -> None:
    drawn = DRAWN.convert(mode)
    if mode == "RGBA":
        drawn.putalpha(Image.linear_gradient("L").resize(DRAWN.size))
    data = encode(drawn, "AVIF", **options)
    np.testing.assert_array_equal(read(data), by_pillow(data))


def test_colors_are_those_that_were_written() -> None:
    difference = read(encode(DRAWN, "AVIF", quality=100, subsampling="4:4:4")).astype(int) - np.asarray(DRAWN)
    assert np.abs(difference).max() <= 4  # gray levels; measured: 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    rows = by_pillow(DATA)
    upright = [
        rows,
        rows[:, ::-1],
        rows[::-1, ::-1],
        rows[::-1],
        rows.transpose(1, 0, 2),
        np.rot90(rows, -1),
        rows[::-1, ::-1].transpose(1, 0, 2),
        np.rot90(rows),
    ]
    np.testing.assert_array_equal(read(encode(DRAWN, "AVIF", exif=exif)), upright[orientation - 1])


def test_first_frame_of_a_sequence_is_read() -> None:
    frames = [Image.new("RGB", (64, 48), color) for color in ("white", "black")]
    assert read(encode(frames[0], "AVIF", save_all=True, append_images=frames[1:])).min() > 250


@pytest.mark.parametrize("brand", [b"mif1", b"msf1"])
def test_other_major_brand_with_the_compatible_brand_avif_is_read(brand: bytes) -> None:
    np.testing.assert_array_equal(read(DATA[:8] + brand + DATA[12:]), by_pillow(DATA))


def test_more_pixels_than_the_limit_are_rejected_before_decoding() -> None:
    with pytest.raises(TooLarge, match="at most 1000000 pixels, got 1000 x 1001 = 1001000"):
        read(encode(Image.new("RGB", (1000, 1001)), "AVIF", speed=10))


def with_stated_size(data: bytes, width: int, height: int) -> bytes:
    """The same frame with another size in the box `ispe`."""
    start = data.index(b"ispe") + 8
    return data[:start] + struct.pack(">II", width, height) + data[start + 8 :]


@pytest.mark.parametrize("stated", [(1, 1), (100, 80), (999, 1001)])
def test_frame_larger_than_the_stated_size_is_rejected_before_decoding(stated: tuple[int, int]) -> None:
    data = encode(Image.new("RGB", (2000, 1500)), "AVIF", speed=10)
    with pytest.raises(TooLarge, match="got 2000 x 1500 = 3000000"):
        read(with_stated_size(data, *stated))


def test_stated_size_above_the_limit_is_rejected() -> None:
    with pytest.raises(TooLarge, match="got 6000 x 5000"):
        read(with_stated_size(DATA, 6000, 5000))


def test_large_frames_of_a_sequence_are_found() -> None:
    frames = [Image.new("RGB", (2000, 1500)), Image.new("RGB", (2000, 1500), "red")]
    data = encode(frames[0], "AVIF", save_all=True, append_images=frames[1:], speed=10)
    assert set(avif.coded_sizes(data)) == {(2000, 1500)}


@pytest.mark.parametrize("size_wh", [(1, 1), (7, 5), (96, 72), (300, 1)])
def test_coded_size_is_that_of_the_image(size_wh: tuple[int, int]) -> None:
    assert set(avif.coded_sizes(encode(Image.new("RGB", size_wh), "AVIF"))) == {size_wh}


def test_coded_size_of_alpha_is_found() -> None:
    drawn = DRAWN.copy()
    drawn.putalpha(Image.linear_gradient("L").resize(DRAWN.size))
    assert list(avif.coded_sizes(encode(drawn, "AVIF"))) == [DRAWN.size] * 2


@pytest.mark.parametrize("extents", [2000, 65_535])
def test_more_extents_than_a_file_has_are_refused(extents: int) -> None:
    item = struct.pack(">HHH", 1, 0, extents)
    location = struct.pack(">IBBH", 0, 0, 0, 1) + item  # no bits for offsets and lengths
    boxes = struct.pack(">I4s", 8 + len(location), b"iloc") + location
    meta = struct.pack(">I4sI", 12 + len(boxes), b"meta", 0) + boxes
    with pytest.raises(ValueError, match="more than 1000 extents"):
        list(avif.coded_sizes(meta))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_truncated_file_is_rejected(share: float) -> None:
    with pytest.raises(UnsupportedImage):
        read(DATA[: int(len(DATA) * share)])


def test_damaged_bytes_are_an_image_or_a_known_error() -> None:
    data = bytearray(encode(DRAWN.convert("RGBA"), "AVIF"))
    for _ in range(500):
        damaged = data.copy()
        for position in RNG.integers(4, len(data), 4):
            damaged[position] = RNG.integers(0, 256)
        with contextlib.suppress(UnsupportedImage, TooLarge):
            assert read(bytes(damaged)).shape[2] == 3


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1", b"msf1"])
def test_heic_is_refused_by_name(brand: bytes) -> None:
    data = struct.pack(">I4s4sI", 24, b"ftyp", brand, 0) + b"mif1heic" + bytes(100)
    with pytest.raises(UnsupportedImage, match=r"got HEIC: convert it to JPEG$"):
        read(data)


def test_video_file_is_no_image() -> None:
    with pytest.raises(UnsupportedImage, match="data that begins with"):
        read(struct.pack(">I4s4sI", 24, b"ftyp", b"isom", 512) + b"isommp42" + bytes(100))


def test_codec_is_loaded_by_the_first_avif_only(run_python: Callable[..., Any]) -> None:
    program = f"""
import json, sys
import function
from function.preprocess import image
names = ("PIL._avif", "PIL.AvifImagePlugin", "function.preprocess.avif")
image.read({encode(DRAWN, "JPEG")!r}, 1000000)
before = [name in sys.modules for name in names]
image.read({DATA!r}, 1000000)
print(json.dumps([before, [name in sys.modules for name in names]]))
"""
    assert run_python(program) == [[False] * 3, [True] * 3]


def test_unit_with_an_extension_byte_is_passed_over() -> None:
    stream = DATA[DATA.index(b"mdat") + 4 :]
    sizes = list(avif._stream_sizes(stream, 0, len(stream)))
    delimiter = bytes([2 << 3 | 4 | 2, 0, 0])  # a temporal delimiter with an extension byte and without content
    assert sizes == [DRAWN.size]
    assert list(avif._stream_sizes(delimiter + stream, 0, len(stream) + 3)) == sizes


def bits(*fields: tuple[int, int]) -> bytes:
    """Return fields of (value, number of bits) as bytes."""
    text = "".join(f"{value:0{count}b}" for value, count in fields)
    return int(text.ljust(-8 * (-len(text) // 8), "0"), 2).to_bytes(-(-len(text) // 8))


def test_size_is_found_behind_every_optional_field_of_a_sequence_header() -> None:
    timing = [(1, 1), (1, 32), (25, 32), (1, 1), (0, 2), (1, 1), (1, 2)]  # equal intervals: 4 in the uvlc code
    decoder_model = [(1, 1), (9, 5), (7, 32), (3, 5), (4, 5)]  # delays of 10 bits
    with_tier = [(0, 12), (9, 5), (1, 1), (1, 1), (1023, 10), (1023, 10), (1, 1), (1, 1), (15, 4)]
    without_tier = [(0, 12), (7, 5), (0, 1), (0, 1)]
    points = [(1, 1), (1, 5), *with_tier, *without_tier]
    header = [(0, 3), (0, 1), (0, 1), *timing, *decoder_model, *points, (9, 4), (8, 4), (639, 10), (479, 9)]
    assert avif._Bits(bits(*header)).frame_size() == (640, 480)
