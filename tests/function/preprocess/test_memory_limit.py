import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, JpegImagePlugin

from function.errors import TooLarge
from function.preprocess import image, memory_limit
from function.preprocess.memory_limit import MIB, RESERVE, MemoryLimit
from tests.conftest import encode
from tests.memory import images

SIDE = 2048  # px: 4 MiB for each byte per pixel
RESIDENT = 100 * MIB


@pytest.fixture(autouse=True)
def _resident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "_resident", lambda: RESIDENT)


def least_mb(read: Callable[[int], Any]) -> int:
    """Return the least memory in which the image is read, above what is resident and reserved, MB."""
    used = (RESIDENT + RESERVE) // MIB
    for more in range(1, 100):
        try:
            read(used + more)
        except TooLarge:
            continue
        return more
    raise AssertionError("refused with any memory")


@pytest.mark.parametrize(
    ("kind", "bytes_per_pixel"),
    [
        ("PNG", 4),
        ("PNG, palette", 6),
        ("JPEG", 4),
        ("JPEG, progressive", 10),
        ("JPEG, CMYK, progressive", 12),
        ("WebP", 12.5),
        ("AVIF", 16.5),
        ("AVIF, alpha, 4:4:4", 18.7),
        ("TIFF", 7),
        ("TIFF, planar", 6),
        ("TIFF, CMYK, 16 bits", 12),
    ],
)
def test_image_is_read_if_its_bytes_per_pixel_fit(kind: str, bytes_per_pixel: float) -> None:
    data = images.KINDS[kind](SIDE)
    least = least_mb(lambda memory_mb: image.read(data, 10**7, memory_mb))
    assert least == pytest.approx(4 * bytes_per_pixel, abs=2)


def test_small_image_is_not_checked() -> None:
    assert image.read(encode(Image.new("RGB", (1000, 1000))), 10**7, 1).size == (1000, 1000)


def test_memory_is_not_checked_outside_of_lambda() -> None:
    assert image.read(images.KINDS["PNG"](SIDE), 10**7).size == (SIDE, SIDE)


def test_message_names_the_memory_and_the_pixels() -> None:
    with pytest.raises(TooLarge, match=r"256 MB of the function, got 8000 x 6000 pixels, which need 192 MB"):
        MemoryLimit(256).check_copy((8000, 6000))


def jpeg_header(scan_layers: int) -> bytes:
    """Return a baseline JPEG of three layers up to its first scan, which has some of them."""
    frame = struct.pack(">BHHB", 8, SIDE, SIDE, 3) + b"".join(bytes((layer, 0x11, 0)) for layer in (1, 2, 3))
    scan = bytes((scan_layers,)) + b"".join(bytes((layer, 0)) for layer in range(1, scan_layers + 1)) + b"\0\x3f\0"
    segments = ((0xC0, frame), (0xDA, scan))
    return b"\xff\xd8" + b"".join(struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body for marker, body in segments)


@pytest.mark.parametrize(("scan_layers", "bytes_per_pixel"), [(1, 10), (2, 10), (3, 4)])
def test_coefficients_of_a_jpeg_in_several_scans_are_counted(scan_layers: int, bytes_per_pixel: int) -> None:
    data = jpeg_header(scan_layers)
    opened = JpegImagePlugin.JpegImageFile(BytesIO(data))
    least = least_mb(lambda memory_mb: MemoryLimit(memory_mb).check_decoding(opened, data))
    assert least == pytest.approx(4 * bytes_per_pixel, abs=2)


def test_coefficients_of_a_reduced_jpeg_are_those_of_the_full_size() -> None:
    data = images.KINDS["JPEG, progressive"](SIDE)
    opened = JpegImagePlugin.JpegImageFile(BytesIO(data))
    opened.draft(None, (SIDE // 4, SIDE // 4))
    least = least_mb(lambda memory_mb: MemoryLimit(memory_mb).check_decoding(opened, data))
    assert least == pytest.approx(4 * (6 + 4 / 16), abs=2)
