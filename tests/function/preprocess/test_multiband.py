"""Bands of TIFF and PNG files for models of several channels, refused files, and what is drawn on."""

import struct

import numpy as np
import pytest
from PIL import Image

from function.errors import FunctionError, TooLarge, UnsupportedImage
from function.preprocess import decode_time, multiband
from tests.conftest import encode
from tests.support.tiff_files import BLACK_IS_ZERO, DEFLATE, PLANAR, RGB, pages, tiff

LIMIT = 1_000_000  # px
RNG = np.random.default_rng(5)
BANDS = RNG.integers(0, 256, (37, 53, 10), dtype=np.uint8)
DEEP = (BANDS.astype(np.uint16) << 8) | RNG.integers(0, 256, BANDS.shape, dtype=np.uint16)
STORAGE = [
    {},
    {"big_endian": True},
    {"planar": PLANAR},
    {"planar": PLANAR, "rows": 5, "compression": DEFLATE},
    {"rows": 7, "compression": DEFLATE, "big_endian": True},
    {"tile": 16},
    {"tile": 16, "planar": PLANAR, "compression": DEFLATE},
]


def differences(pixels: np.ndarray, step: int | None = None) -> np.ndarray:
    """Each sample minus the one on its left, in every tile."""
    result = pixels.copy()
    for left in range(0, pixels.shape[1], step or pixels.shape[1]):
        part = pixels[:, left : left + (step or pixels.shape[1])]
        result[:, left + 1 : left + part.shape[1]] = part[:, 1:] - part[:, :-1]
    return result


@pytest.mark.parametrize("storage", STORAGE, ids=str)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("bands", [2, 3, 4, 5, 7, 10])
def test_bands_of_one_page_are_in_the_order_of_the_file(storage: dict, bits: int, bands: int) -> None:
    pixels = (DEEP if bits == 16 else BANDS)[..., :bands]
    assert np.array_equal(multiband.read(tiff(pixels, **storage), bands, LIMIT), BANDS[..., :bands])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("options", [{}, {"big_endian": True}, {"planar": PLANAR}], ids=str)
def test_differences_are_added_up(bits: int, tile: int | None, options: dict) -> None:
    stored = differences(DEEP if bits == 16 else BANDS, tile)
    data = tiff(stored, tile=tile, compression=DEFLATE, t317=2, **options)
    assert np.array_equal(multiband.read(data, 10, LIMIT), BANDS)


def test_color_and_infrared_are_blue_green_red_infrared() -> None:
    read = multiband.read(tiff(BANDS[..., :4], RGB, (0,)), 4, LIMIT)
    assert np.array_equal(read, BANDS[..., [2, 1, 0, 3]])
    assert read.flags.c_contiguous  # as the resize needs it


def test_pages_of_other_sizes_are_no_bands() -> None:
    data = pages(BANDS)
    second = struct.unpack_from("<I", data, struct.unpack_from("<I", data, 4)[0] + 2 + 12 * 11)[0]
    assert struct.unpack_from("<HHI", data, second + 2) == (256, 3, 1)
    thumbnail = bytearray(data)
    struct.pack_into("<H", thumbnail, second + 2 + 8, 20)
    with pytest.raises(UnsupportedImage, match=r"must have 10 bands, got 1$"):
        multiband.read(bytes(thumbnail), 10, LIMIT)


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (encode(Image.new("RGB", (9, 7)), "PNG"), 3),
        (encode(Image.new("RGB", (9, 7)), "JPEG"), 3),
        (encode(Image.new("L", (9, 7)), "JPEG"), 1),
        (encode(Image.new("RGBA", (9, 7)), "PNG"), 4),
        (tiff(BANDS[..., :4], RGB, (0,)), 4),
        (tiff(BANDS[..., :1]), 1),
        (pages(BANDS[..., :9]), 9),
    ],
)
def test_image_of_other_bands_is_refused(data: bytes, got: int) -> None:
    with pytest.raises(UnsupportedImage, match=f"^an image for this model must have 10 bands, got {got}$"):
        multiband.read(data, 10, LIMIT)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiff(BANDS.astype(np.float32)), "8-bit or 16-bit unsigned integers, got 32-bit floating-point$"),
        (tiff(BANDS.astype(np.int16)), "unsigned integers, got 16-bit signed integer$"),
        (tiff(BANDS, compression=7), "compressed with one of none, LZW, JPEG, .*planes of 8 bits.*, got 7$"),
        (tiff(BANDS, compression=9), "compressed with one of .*, got 9$"),
        (tiff(BANDS, t317=3), "the predictor of a TIFF must be 1 or 2, got 3$"),
        (b"II*\0\xff\xff\xff\xff", "header is broken"),
        (b"II*\0\x04\0\0\0", "header is broken"),
    ],
)
def test_unreadable_file_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(UnsupportedImage, match=message):
        multiband.read(data, 10, LIMIT)


@pytest.mark.parametrize("data", [pages(BANDS, compression=DEFLATE), tiff(BANDS, rows=5), tiff(BANDS, tile=16)])
def test_damaged_file_is_refused(data: bytes) -> None:
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        for at in RNG.integers(0, len(data), 4):
            damaged[at] = RNG.integers(0, 256)
        for changed in (bytes(damaged), data[: RNG.integers(0, len(data))]):
            try:
                assert multiband.read(changed, 10, LIMIT).shape[2] == 10
            except FunctionError:
                refused += 1
    assert refused > 100


def test_strips_that_are_used_twice_are_refused() -> None:
    data = tiff(BANDS, planar=PLANAR)
    start = struct.unpack_from("<I", data, 4)[0]
    entries = {struct.unpack_from("<H", data, at)[0]: at for at in range(start + 2, start + 2 + 12 * 11, 12)}
    offsets, sizes = (struct.unpack_from("<I", data, entries[tag] + 8)[0] for tag in (273, 279))
    repeated = bytearray(data)
    struct.pack_into("<10I", repeated, offsets, *[8] * 10)
    struct.pack_into("<10I", repeated, sizes, *[len(data) // 2] * 10)
    with pytest.raises(UnsupportedImage, match="broken"):
        multiband.read(bytes(repeated), 10, LIMIT)


def test_limits_of_pixels_and_memory_are_checked_before_decoding() -> None:
    data = tiff(np.zeros((1000, 1000, 10), np.uint8), compression=DEFLATE)
    with pytest.raises(TooLarge, match="at most 999999 pixels"):
        multiband.read(data, 10, 999_999)
    with pytest.raises(TooLarge, match="which need 40 MB"):
        multiband.read(data, 10, LIMIT, memory_mb=1)
    assert multiband.read(data, 10, LIMIT, memory_mb=10_000).shape == (1000, 1000, 10)


def test_directory_that_repeats_itself_ends() -> None:
    data = bytearray(tiff(BANDS[..., :2]))
    start = struct.unpack_from("<I", data, 4)[0]
    struct.pack_into("<I", data, start + 2 + 12 * 11, start)
    assert multiband.header(bytes(data), LIMIT) == ((53, 37), 2)


def test_time_of_bands_grows_with_their_number() -> None:
    data = tiff(BANDS)
    three = decode_time.uninterrupted_s(tiff(BANDS[..., :3], BLACK_IS_ZERO), LIMIT, None, 4)
    assert decode_time.uninterrupted_s(data, LIMIT, None, 10) == pytest.approx(10 / 3 * three, rel=0.05)


@pytest.mark.parametrize(("channels", "shown"), [(10, [2, 1, 0]), (4, [2, 1, 0]), (2, [0, 0, 0])])
def test_first_three_bands_are_drawn_on_as_blue_green_red(channels: int, shown: list[int]) -> None:
    drawn = multiband.drawable(pages(BANDS[..., :channels]), {"model": {"channels": channels}}, LIMIT)
    assert np.array_equal(np.asarray(drawn), BANDS[..., shown])


@pytest.mark.parametrize("body", [{"model": {}}, {"model": {"channels": 1}}])
def test_other_images_are_drawn_on_as_they_are(body: dict) -> None:
    drawn = multiband.drawable(encode(Image.fromarray(BANDS[..., :3].copy()), "PNG"), body, LIMIT)
    assert np.array_equal(np.asarray(drawn), BANDS[..., :3])
