"""Decoding of every kind of file that a client can send: an upright RGB image, or an error of the right type."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from function.errors import TooLarge, UnsupportedImage
from function.preprocess import image
from tests.conftest import encode
from tests.support.apng_files import OVER, SOURCE, Frame, apng, chunk

LIMIT = 1_000_000  # px
RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
RGB = Image.fromarray(PIXELS)
ALPHA = Image.fromarray(RNG.integers(0, 256, (20, 30), dtype=np.uint8))
# EXIF orientation -> the operation that makes the stored rows (H, W, 3) upright
UPRIGHT = {
    1: lambda rows: rows,
    2: lambda rows: rows[:, ::-1],
    3: lambda rows: rows[::-1, ::-1],
    4: lambda rows: rows[::-1],
    5: lambda rows: rows.transpose(1, 0, 2),
    6: lambda rows: np.rot90(rows, -1),
    7: lambda rows: rows[::-1, ::-1].transpose(1, 0, 2),
    8: lambda rows: np.rot90(rows),
}


def read(data: bytes) -> np.ndarray:
    decoded = image.read(data, LIMIT)
    assert decoded.mode == "RGB"
    return np.asarray(decoded)


def stored(kind: str, source: Image.Image = RGB, **options: object) -> bytes:
    return encode(source, kind, **options)


def with_orientation(kind: str, orientation: int, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return stored(kind, exif=exif, **options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
    ],
)
def test_lossless_formats_keep_every_pixel(kind: str, options: dict) -> None:
    np.testing.assert_array_equal(read(stored(kind, **options)), PIXELS)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("TIFF", {"compression": "jpeg"})],
)
def test_lossy_formats_equal_the_decoder_of_pillow(kind: str, options: dict) -> None:
    data = stored(kind, **options)
    np.testing.assert_array_equal(read(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    rows = np.asarray(Image.open(io.BytesIO(stored(kind, **options))).convert("RGB"))
    np.testing.assert_array_equal(read(with_orientation(kind, orientation, **options)), UPRIGHT[orientation](rows))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_orientation_is_applied_once(orientation: int) -> None:
    np.testing.assert_array_equal(read(with_orientation("TIFF", orientation)), UPRIGHT[orientation](PIXELS))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_invalid_orientation_is_ignored(orientation: int) -> None:
    np.testing.assert_array_equal(read(with_orientation("PNG", orientation)), PIXELS)


@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")  # Pillow warns about the damage
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"junk", b"Exif\0\0MM\0*\0\0\0\x08\0\x05"]
)
def test_damaged_exif_leaves_the_image_as_stored(exif: bytes) -> None:
    np.testing.assert_array_equal(read(stored("PNG", exif=exif)), PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_dropped_and_not_blended(kind: str) -> None:
    drawn = RGB.copy()
    drawn.putalpha(255 if kind == "TIFF" else ALPHA)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(read(stored(kind, drawn, **options)), PIXELS)


def test_tiff_alpha_is_multiplied_as_in_libtiff() -> None:
    drawn = RGB.copy()
    drawn.putalpha(ALPHA)
    alpha = np.asarray(ALPHA).astype(int)[..., None]
    np.testing.assert_array_equal(read(stored("TIFF", drawn)), (PIXELS.astype(int) * alpha + 127) // 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_keeps_its_upper_byte(kind: str) -> None:
    deep = RNG.integers(0, 65536, (20, 30), dtype=np.uint16)
    expected = np.repeat((deep >> 8).astype(np.uint8)[..., None], 3, axis=2)
    np.testing.assert_array_equal(read(stored(kind, Image.fromarray(deep))), expected)


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "JPEG"), ("L", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("1", "TIFF"), ("L", "BMP")]
)
def test_gray_becomes_three_equal_channels(mode: str, kind: str) -> None:
    rows = read(stored(kind, RGB.convert(mode)))
    assert rows.std() > 0
    np.testing.assert_array_equal(rows[..., 0], rows[..., 1])
    np.testing.assert_array_equal(rows[..., 0], rows[..., 2])


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(0, 128, 4))], ids=["none", "one", "each"])
def test_palette_colors_ignore_transparency(transparency: object) -> None:
    few = RGB.quantize(32)
    options = {} if transparency is None else {"transparency": transparency}
    np.testing.assert_array_equal(read(stored("PNG", few, **options)), np.asarray(few.convert("RGB")))


def test_transparent_pixels_of_a_gif_are_white() -> None:
    few = RGB.quantize(32)
    rows = read(stored("GIF", few, transparency=3))
    assert np.unique(rows[np.asarray(few) == 3]).tolist() == [255]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_first_of_several_frames_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (30, 20), color) for color in ("red", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    rows = read(stored(kind, frames[0], save_all=True, append_images=frames[1:], **options))
    assert np.unique(rows.reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]


SECOND = 255 - PIXELS
DEFAULT = PIXELS[::-1, ::-1].copy()


def test_first_image_of_an_apng_is_its_default_image() -> None:
    np.testing.assert_array_equal(read(apng([Frame(PIXELS), Frame(SECOND)])), PIXELS)


def test_default_image_outside_of_the_animation_is_skipped() -> None:
    np.testing.assert_array_equal(read(apng([Frame(PIXELS), Frame(SECOND)], DEFAULT)), PIXELS)


def test_default_image_beside_a_single_frame_is_read_as_in_opencv() -> None:
    np.testing.assert_array_equal(read(apng([Frame(PIXELS)], DEFAULT)), DEFAULT)


@pytest.mark.parametrize("blend", [SOURCE, OVER])
@pytest.mark.parametrize("channels", [3, 4])
def test_first_frame_is_drawn_on_an_empty_canvas(channels: int, blend: int) -> None:
    alpha = np.asarray(ALPHA)[..., None]
    first, default = (np.dstack([rows, alpha])[..., :channels] for rows in (PIXELS, DEFAULT))
    part = Frame(first[:9, :11], 3, 4, blend=blend)
    expected = np.zeros_like(PIXELS)
    expected[4:13, 3:14] = PIXELS[:9, :11]
    np.testing.assert_array_equal(read(apng([part, Frame(first)], default)), expected)


def test_apng_without_its_frames_is_rejected() -> None:
    data = apng([Frame(PIXELS), Frame(SECOND)], DEFAULT)
    with pytest.raises(UnsupportedImage):
        read(data[: data.index(b"fcTL") - 4] + chunk(b"IEND", b""))


def test_cmyk_jpeg_is_converted_as_in_opencv() -> None:
    data = stored("JPEG", RGB.convert("CMYK"), quality=95)
    ink = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    light = 255 - ink[..., 3:]
    np.testing.assert_array_equal(read(data), light - ((ink[..., :3] * light) >> 8))


def test_cmyk_is_converted_equally_in_every_band() -> None:
    drawn = RGB.resize((3, 600)).convert("CMYK")
    whole, part = read(stored("TIFF", drawn)), read(stored("TIFF", drawn.crop((0, 300, 3, 600))))
    np.testing.assert_array_equal(whole[300:], part)


def test_cmyk_tiff_is_converted_as_in_libtiff() -> None:
    drawn = RGB.convert("CMYK")
    light = 255 - np.asarray(drawn).astype(int)
    np.testing.assert_array_equal(read(stored("TIFF", drawn)), light[..., :3] * light[..., 3:] // 255)


@pytest.mark.parametrize("mode", ["F", "I", "LAB"])
def test_pixel_types_that_opencv_does_not_read_are_rejected(mode: str) -> None:
    drawn = RGB.convert("L").convert(mode) if mode != "LAB" else Image.merge("LAB", RGB.split())
    with pytest.raises(UnsupportedImage, match=r"^image pixels must be "):
        read(stored("TIFF", drawn))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_sizes_are_read(size: tuple[int, int]) -> None:
    assert read(encode(Image.new("RGB", size))).shape == (size[1], size[0], 3)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns about the damage
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_truncated_file_is_rejected(kind: str, share: float) -> None:
    data = stored(kind)
    with pytest.raises(UnsupportedImage):
        read(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello, I am a text renamed .jpg",
        b"\x00" * 64,
        b"%PDF-1.7",
        b"<svg/>",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"BM",
        b"GIF89a",
        b"II*\x00",
        b"MM\x00*",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"\x00\x00\x00\x18ftypavif",
        b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif",
    ],
)
def test_data_that_is_not_an_image_is_rejected(data: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        read(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0\x2f", "JPEG 2000"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
        (b"<svg/>", "SVG"),
    ],
)
def test_known_format_that_is_not_read_is_named(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=f"got {name}.*: convert it to JPEG or PNG"):
        read(data)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns about the damage
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_damaged_bytes_are_an_image_or_a_known_error(kind: str) -> None:
    data = bytearray(stored(kind))
    for _ in range(300):
        damaged = data.copy()
        for position in RNG.integers(0, len(data), 4):
            damaged[position] = RNG.integers(0, 256)
        with contextlib.suppress(UnsupportedImage, TooLarge):
            assert read(bytes(damaged)).shape[2] == 3


def test_more_pixels_than_the_limit_are_rejected_before_decoding() -> None:
    with pytest.raises(TooLarge, match="at most 1000000 pixels, got 1000 x 1001 = 1001000"):
        read(encode(Image.new("1", (1000, 1001))))


def test_side_above_the_limit_of_libjpeg_is_rejected() -> None:
    with pytest.raises(TooLarge, match="sides must be at most 65500 pixels, got 65501 x 1"):
        read(encode(Image.new("1", (65_501, 1))))


@pytest.mark.parametrize(
    ("masks", "bits"), [((0x7C00, 0x3E0, 0x1F), (5, 5, 5)), ((0xF800, 0x7E0, 0x1F), (5, 6, 5))], ids=["555", "565"]
)
def test_16_bit_bmp_has_zeros_below_its_stored_bits(masks: tuple[int, ...], bits: tuple[int, ...]) -> None:
    red, green, blue = (int(PIXELS[0, 0, channel]) >> (8 - count) for channel, count in enumerate(bits))
    pixel = red << (bits[1] + bits[2]) | green << bits[2] | blue
    info = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 16, 3, 4, 0, 0, 0, 0) + struct.pack("<III", *masks)
    data = b"BM" + struct.pack("<IHHI", 14 + len(info) + 4, 0, 0, 14 + len(info)) + info + struct.pack("<HH", pixel, 0)
    expected = [int(level) >> (8 - count) << (8 - count) for level, count in zip(PIXELS[0, 0], bits, strict=True)]
    assert read(data).tolist() == [[expected]]


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes whose header states any size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 4096))
        + chunk(b"IEND", b"")
    )


def test_decompression_bomb_is_rejected() -> None:
    with pytest.raises(TooLarge):
        image.read(bomb(60_000, 60_000), max_pixels=50_000_000)


def noisy_jpeg(size: tuple[int, int], orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    small = RNG.integers(0, 256, (size[1] // 16 + 1, size[0] // 16 + 1, 3), dtype=np.uint8)
    return encode(Image.fromarray(small).resize(size), "JPEG", quality=95, exif=exif)


@pytest.mark.parametrize(
    ("min_size", "decoded"),
    [
        # Divided by the largest of 8, 4, 2 and 1 that leaves at least the needed size on both sides, rounded up.
        ((803, 401), (803, 401)),
        ((402, 100), (803, 401)),
        ((401, 200), (402, 201)),
        ((201, 100), (402, 201)),
        ((200, 100), (201, 101)),
        ((100, 50), (101, 51)),
        ((1, 1), (101, 51)),
        ((2000, 2000), (803, 401)),
    ],
)
def test_jpeg_is_decoded_at_the_smallest_sufficient_size(min_size: tuple[int, int], decoded: tuple[int, int]) -> None:
    reduced = image.read_reduced(noisy_jpeg((803, 401)), LIMIT, lambda _: min_size)
    assert (reduced.image.size, reduced.size_wh) == (decoded, (803, 401))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_reduced_jpeg_is_upright_and_its_needed_size_depends_on_the_upright_size(orientation: int) -> None:
    data, passed = noisy_jpeg((640, 320), orientation), []
    full = image.read(data, LIMIT)

    def half(size_wh: tuple[int, int]) -> tuple[int, int]:
        passed.append(size_wh)
        return size_wh[0] // 2, size_wh[1] // 2

    reduced = image.read_reduced(data, LIMIT, half)
    assert passed == [full.size] == [reduced.size_wh]
    assert reduced.image.size == half(full.size)
    difference = np.asarray(full.reduce(2), dtype=int) - np.asarray(reduced.image, dtype=int)
    assert np.abs(difference).mean() < 2  # gray levels; 70 and more with another orientation


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_other_formats_are_decoded_at_full_size(kind: str) -> None:
    decoded = image.read_reduced(stored(kind), LIMIT, lambda _: (1, 1))
    assert decoded.image.size == decoded.size_wh == RGB.size


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_cmyk_are_reduced_too(mode: str) -> None:
    reduced = image.read_reduced(encode(Image.new(mode, (640, 320)), "JPEG"), LIMIT, lambda _: (80, 40))
    assert (reduced.image.mode, reduced.image.size, reduced.size_wh) == ("RGB", (80, 40), (640, 320))


def test_limit_counts_the_pixels_of_the_file_and_not_the_decoded_ones() -> None:
    with pytest.raises(TooLarge, match="1200 x 1000"):
        image.read_reduced(noisy_jpeg((1200, 1000)), LIMIT, lambda _: (100, 100))


def test_truncated_reduced_image_is_rejected() -> None:
    with pytest.raises(UnsupportedImage, match="broken or cut short"):
        image.read_reduced(noisy_jpeg((640, 320))[:-2000], LIMIT, lambda _: (80, 40))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xd8\xff", "the image header is broken (JPEG)"),
        (b"\x89PNG\r\n\x1a\n", "the image header is broken (PNG)"),
        (b"GIF89a", "the image header is broken (GIF)"),
        (b"II*\0", "the image header is broken (TIFF)"),
        (b"\x01\x02", "data that begins with the bytes 01 02"),
        (b"hello", "data that begins with 'hello'"),
    ],
)
def test_error_of_a_broken_image_has_no_words_of_a_library(data: bytes, problem: str) -> None:
    with pytest.raises(UnsupportedImage) as caught:
        image.read(data, 10**6)
    assert problem in str(caught.value)
    assert "PIL" not in str(caught.value)
