"""TIFF files of many bands: the colors that were written, or an error that describes the bands."""

import contextlib
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from function.errors import TooLarge, UnsupportedImage
from function.preprocess import image
from tests.support.tiff_files import BLACK_IS_ZERO, DEFLATE, NO_COMPRESSION, PLANAR, RGB, tiff

WHITE_IS_ZERO, CMYK, YCBCR, LAB = 0, 5, 6, 8
ASSOCIATED, UNASSOCIATED = 1, 2  # alpha, TIFF 6.0 section 18
LIMIT = 1_000_000  # px
RNG = np.random.default_rng(8)
COLORS = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)
INFRARED = RNG.integers(0, 256, (37, 53, 1), dtype=np.uint8)


def read(data: bytes) -> np.ndarray:
    decoded = image.read(data, LIMIT)
    assert decoded.mode == "RGB"
    return np.asarray(decoded)


def deep(pixels: np.ndarray) -> np.ndarray:
    """16 bits with the given upper byte and a noisy lower one."""
    return (pixels.astype(np.uint16) << 8) | RNG.integers(0, 256, pixels.shape, dtype=np.uint16)


def samples(bits: int, bands: int) -> np.ndarray:
    pixels = np.concatenate([COLORS, *([INFRARED] * (bands - 3))], axis=2)
    return deep(pixels) if bits == 16 else pixels


every_storage = pytest.mark.parametrize(
    "storage",
    [
        {},
        {"big_endian": True},
        {"planar": PLANAR},
        {"planar": PLANAR, "big_endian": True},
        {"planar": PLANAR, "rows": 5},
        {"planar": PLANAR, "compression": DEFLATE},
        {"compression": DEFLATE, "big_endian": True, "rows": 7},
        {"planar": PLANAR, "tile": 16},
        {"planar": PLANAR, "tile": 16, "compression": DEFLATE},
    ],
    ids=lambda storage: ",".join(f"{name}={value}" for name, value in storage.items()) or "plain",
)


@every_storage
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("photometric", [BLACK_IS_ZERO, RGB])
def test_first_three_bands_are_red_green_and_blue(storage: dict, bits: int, bands: int, photometric: int) -> None:
    extra = (0,) * (bands - (3 if photometric == RGB else 1))
    data = tiff(samples(bits, bands), photometric, extra, **storage)
    np.testing.assert_array_equal(read(data), COLORS)


@every_storage
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("extra", [(), (ASSOCIATED,)], ids=["no extra samples", "associated alpha"])
def test_fourth_band_is_dropped(storage: dict, bits: int, extra: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(read(tiff(samples(bits, 4), RGB, extra, **storage)), COLORS)


@every_storage
def test_16_bit_alpha_is_dropped(storage: dict) -> None:
    np.testing.assert_array_equal(read(tiff(samples(16, 4), RGB, (UNASSOCIATED,), **storage)), COLORS)


@every_storage
def test_8_bit_alpha_is_multiplied_as_in_libtiff(storage: dict) -> None:
    expected = (COLORS.astype(int) * INFRARED + 127) // 255
    np.testing.assert_array_equal(read(tiff(samples(8, 4), RGB, (UNASSOCIATED,), **storage)), expected)


@pytest.mark.parametrize("bands", [5, 6])
@pytest.mark.parametrize("planar", [1, PLANAR])
def test_8_bit_rgb_with_more_bands_is_read(bands: int, planar: int) -> None:
    np.testing.assert_array_equal(read(tiff(samples(8, bands), RGB, (0,) * (bands - 3), planar)), COLORS)


@pytest.mark.parametrize("extra", [(), (0,), (ASSOCIATED,), (UNASSOCIATED,)])
@pytest.mark.parametrize("storage", [{}, {"compression": DEFLATE}, {"planar": PLANAR}])
def test_gray_with_a_second_band_is_gray(extra: tuple[int, ...], storage: dict) -> None:
    gray = np.repeat(COLORS[..., :1], 3, axis=2)
    np.testing.assert_array_equal(read(tiff(COLORS[..., :2], BLACK_IS_ZERO, extra, **storage)), gray)


def test_gray_with_a_second_band_is_inverted_where_white_is_zero() -> None:
    expected = 255 - np.repeat(COLORS[..., :1], 3, axis=2)
    np.testing.assert_array_equal(read(tiff(COLORS[..., :2], WHITE_IS_ZERO, (UNASSOCIATED,))), expected)


@pytest.mark.parametrize("compression", [NO_COMPRESSION, DEFLATE])
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO])
def test_16_bit_gray_of_either_byte_order_keeps_its_upper_byte(
    photometric: int, big_endian: bool, compression: int
) -> None:
    data = tiff(deep(COLORS[..., :1]), photometric, big_endian=big_endian, compression=compression)
    expected = np.repeat(COLORS[..., :1], 3, axis=2)
    np.testing.assert_array_equal(read(data), 255 - expected if photometric == WHITE_IS_ZERO else expected)


def test_12_bit_gray_keeps_its_upper_byte() -> None:
    levels = RNG.integers(0, 4096, (4, 6), dtype=np.uint16)
    bits = np.unpackbits(levels.astype(">u2").view(np.uint8).reshape(4, 6, 2), axis=2)[..., 4:]
    packed = np.packbits(bits.reshape(4, -1), axis=1)
    data = tiff(packed[..., None], BLACK_IS_ZERO, t256=6, t258=12)
    np.testing.assert_array_equal(read(data), np.repeat((levels >> 4).astype(np.uint8)[..., None], 3, axis=2))


@pytest.mark.parametrize("planar", [1, PLANAR])
@pytest.mark.parametrize("bits", [8, 16])
def test_planar_cmyk_equals_the_same_pixels_in_one_plane(bits: int, planar: int) -> None:
    inks = np.concatenate([COLORS, INFRARED], axis=2)
    light = 255 - inks.astype(int)
    expected = light[..., :3] * light[..., 3:] // 255
    np.testing.assert_array_equal(read(tiff(deep(inks) if bits == 16 else inks, CMYK, (), planar)), expected)


def test_uncompressed_ycbcr_is_converted_as_the_compressed_one() -> None:
    pixels = np.asarray(Image.fromarray(COLORS).convert("YCbCr"))
    subsampling = {"t530": 1}  # one value for both axes: 4:4:4
    plain, packed = (tiff(pixels, YCBCR, compression=kind, **subsampling) for kind in (NO_COMPRESSION, DEFLATE))
    np.testing.assert_array_equal(read(plain), read(packed))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_planar_file_is_made_upright(orientation: int) -> None:
    plain = tiff(samples(8, 3), RGB, t274=orientation)
    planar = tiff(samples(16, 3), RGB, (), PLANAR, t274=orientation)
    np.testing.assert_array_equal(read(planar), read(plain))


@pytest.mark.parametrize(
    ("pixels", "photometric", "extra", "bands"),
    [
        (samples(8, 5), BLACK_IS_ZERO, (0, 0, 0, 0), "5 bands of 8-bit unsigned integer (gray)"),
        (samples(16, 5), RGB, (0, 0), "5 bands of 16-bit unsigned integer (RGB)"),
        (samples(8, 7), RGB, (0, 0, 0, 0), "7 bands of 8-bit unsigned integer (RGB)"),
        (samples(8, 3), WHITE_IS_ZERO, (0, 0), "3 bands of 8-bit unsigned integer (gray)"),
        (samples(8, 3), BLACK_IS_ZERO, (UNASSOCIATED, 0), "3 bands of 8-bit unsigned integer (gray)"),
        (samples(8, 4), BLACK_IS_ZERO, (UNASSOCIATED, 0, 0), "4 bands of 8-bit unsigned integer (gray)"),
        (samples(16, 3)[..., :2], BLACK_IS_ZERO, (0,), "2 bands of 16-bit unsigned integer (gray)"),
        (samples(8, 3), LAB, (), "3 bands of 8-bit unsigned integer (CIE L*a*b*)"),
        (samples(16, 3).astype(np.int16), RGB, (), "3 bands of 16-bit signed integer (RGB)"),
        (samples(16, 3)[..., :1].astype(np.int16), BLACK_IS_ZERO, (), "1 band of 16-bit signed integer (gray)"),
        (COLORS.astype(np.float32), RGB, (), "3 bands of 32-bit floating-point (RGB)"),
        (COLORS[..., :1].astype(np.float64), BLACK_IS_ZERO, (), "1 band of 64-bit floating-point (gray)"),
        (samples(8, 3), 34892, (), "3 bands of 8-bit unsigned integer (photometric interpretation 34892)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("compression", [NO_COMPRESSION, DEFLATE])
def test_other_bands_are_refused_by_name(
    pixels: np.ndarray, photometric: int, extra: tuple[int, ...], bands: str, compression: int
) -> None:
    with pytest.raises(UnsupportedImage, match=re.escape(f"16 bits, got {bands}")):
        read(tiff(pixels, photometric, extra, compression=compression))


def test_planar_refusal_says_so() -> None:
    with pytest.raises(UnsupportedImage, match=re.escape("5 bands of 16-bit unsigned integer (gray, planar)")):
        read(tiff(samples(16, 5), BLACK_IS_ZERO, (0,) * 4, PLANAR))


def test_unknown_compression_is_refused_by_its_number() -> None:
    with pytest.raises(UnsupportedImage, match="TIFF compression must be one that libtiff reads, got 34712"):
        read(tiff(samples(8, 3), RGB, t259=34712))  # JPEG 2000


@pytest.mark.parametrize("bands", [65_535, 7])
def test_false_number_of_bands_is_refused(bands: int) -> None:
    with pytest.raises(UnsupportedImage, match=f"got {bands} bands"):
        read(tiff(samples(8, 3), RGB, t277=bands))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns about the damage
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("bits", [8, 16])
def test_truncated_planar_file_is_refused(bits: int, share: float) -> None:
    data = tiff(samples(bits, 3), RGB, (), PLANAR)
    with pytest.raises(UnsupportedImage):
        read(data[: int(len(data) * share)])


@pytest.mark.parametrize("compression", [NO_COMPRESSION, DEFLATE])
def test_plane_outside_of_the_file_is_refused(compression: int) -> None:
    flat = np.zeros((20, 30, 3), np.uint8)
    data = tiff(flat, RGB, (), PLANAR, compression=compression)
    plane = 600 if compression == NO_COMPRESSION else len(zlib.compress(bytes(600)))
    offsets = struct.pack("<3I", 8, 8 + plane, 8 + 2 * plane)
    assert offsets in data
    with pytest.raises(UnsupportedImage, match="broken or cut short"):
        read(data.replace(offsets, struct.pack("<3I", 8, 8 + plane, 1_000_000)))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns about the damage
@pytest.mark.parametrize("planar", [1, PLANAR])
def test_damaged_directory_is_an_image_or_a_known_error(planar: int) -> None:
    data = bytearray(tiff(samples(16, 4), BLACK_IS_ZERO, (0, 0, 0), planar))
    start = int.from_bytes(data[4:8], "little")
    for _ in range(2000):
        damaged = data.copy()
        for position in RNG.integers(start, len(data), 2):
            damaged[position] = RNG.integers(0, 256)
        with contextlib.suppress(UnsupportedImage, TooLarge):
            assert read(bytes(damaged)).shape[2] == 3
