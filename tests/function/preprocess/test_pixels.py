"""Zero-copy access to the pixels of a Pillow image."""

import gc
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from function.preprocess import pixels

RNG = np.random.default_rng(5)


def noise(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def small_blocks() -> Iterator[None]:
    size = Image.core.get_block_size()
    Image.core.set_block_size(4096)
    yield
    Image.core.set_block_size(size)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 5000), (5000, 1), (333, 517), (1080, 1920)])
def test_array_has_the_pixels_of_the_image(size_hw: tuple[int, int]) -> None:
    expected = noise(*size_hw)
    array = pixels.as_array(Image.fromarray(expected))
    assert (array.shape, array.dtype) == ((*size_hw, 4), np.uint8)
    np.testing.assert_array_equal(array[..., :3], expected)


def test_image_in_several_memory_blocks_is_copied(small_blocks: None) -> None:
    expected = noise(100, 200)
    image = Image.fromarray(expected)
    with pytest.raises(ValueError, match="contiguous"):
        image.__arrow_c_array__()
    np.testing.assert_array_equal(pixels.as_array(image)[..., :3], expected)


def test_array_outlives_the_image() -> None:
    expected = noise(1080, 1920)
    arrays = [pixels.as_array(Image.fromarray(expected)) for _ in range(5)]
    gc.collect()
    for _ in range(5):
        Image.new("RGB", (1920, 1080), (1, 2, 3))
    for array in arrays:
        np.testing.assert_array_equal(array[..., :3], expected)


def test_memory_is_released(run_python: Callable[..., Any]) -> None:
    program = """
import json, resource
import function
from PIL import Image
from function.preprocess import pixels
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pixels.as_array(Image.new("RGB", (2000, 2000))).sum()
before = peak()
for _ in range(100):
    pixels.as_array(Image.new("RGB", (2000, 2000))).sum()
print(json.dumps(peak() - before))
"""
    assert run_python(program) < 40_000  # KiB; 1.6 million if no image is released


def test_array_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        pixels.as_array(Image.new("RGB", (2, 2)))[0, 0, 0] = 1


def test_array_shares_the_memory_of_the_image() -> None:
    image = Image.new("RGB", (4, 3))
    array = pixels.as_array(image)
    image.putpixel((2, 1), (7, 8, 9))
    assert array[1, 2, :3].tolist() == [7, 8, 9]


def jpeg(expected: np.ndarray) -> JpegImagePlugin.JpegImageFile:
    file = BytesIO()
    Image.fromarray(expected).save(file, "JPEG", quality=90)
    return JpegImagePlugin.JpegImageFile(BytesIO(file.getvalue()))


@pytest.mark.parametrize("size_hw", [(1, 1), (8, 5000), (333, 517), (1080, 1920)])
def test_decoding_into_an_array_equals_that_of_pillow(size_hw: tuple[int, int]) -> None:
    image = noise(*size_hw)
    opened, expected = jpeg(image), jpeg(image)
    pixels.decode_into_array(opened)
    opened.load()
    np.testing.assert_array_equal(pixels.as_array(opened)[..., :3], np.asarray(expected))
    np.testing.assert_array_equal(np.asarray(opened), np.asarray(expected))


def test_jpeg_without_a_scan_is_refused() -> None:
    data = jpeg(noise(30, 40)).fp.getvalue()  # type: ignore[union-attr]
    start_of_scan = data.index(b"\xff\xda")
    opened = JpegImagePlugin.JpegImageFile(BytesIO(data[:start_of_scan] + b"\xff\xd9"))
    pixels.decode_into_array(opened)
    with pytest.raises(OSError, match="cannot load"):
        opened.load()


def damaged(data: bytes) -> bytes:
    """Return a JPEG with a few changed, removed or missing bytes."""
    changed = bytearray(data)
    for _ in range(RNG.integers(1, 4)):
        at = int(RNG.integers(2, len(changed)))
        match RNG.integers(3):
            case 0:
                changed[at] = RNG.integers(256)
            case 1:
                del changed[at : at + int(RNG.integers(1, 40))]
            case _:
                changed[at:] = b"\xff\xd9"
        if len(changed) < 100:
            break
    return bytes(changed)


def decoded_pixels(data: bytes, into_array: bool) -> bytes | str:
    """Return the pixels of a JPEG, or the name of the exception."""
    try:
        opened = JpegImagePlugin.JpegImageFile(BytesIO(data))
        if opened.width * opened.height > 10_000_000:
            return "too large"
        if into_array and opened.mode == "RGB":
            pixels.decode_into_array(opened)
        opened.load()
        return opened.tobytes()
    except Exception as error:  # noqa: BLE001  (of any kind)
        return type(error).__name__


@pytest.mark.filterwarnings("ignore")  # of Pillow, about damaged files
@pytest.mark.parametrize("progressive", [False, True])
def test_damaged_jpeg_has_the_pixels_or_the_error_of_pillow(progressive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file, empty = BytesIO(), np.empty
    Image.fromarray(noise(45, 70)).save(file, "JPEG", progressive=progressive)
    monkeypatch.setattr(np, "empty", lambda shape, dtype=float: np.full_like(empty(shape, dtype), 165))
    results = set()
    for _ in range(400):
        data = damaged(file.getvalue())
        expected = decoded_pixels(data, into_array=False)
        assert decoded_pixels(data, into_array=True) == expected
        results.add(type(expected))
    assert results == {bytes, str}


def test_decoded_array_is_not_copied() -> None:
    opened = jpeg(noise(30, 40))
    pixels.decode_into_array(opened)
    opened.load()
    array = pixels.as_array(opened)
    opened.putpixel((2, 1), (7, 8, 9))
    assert array[1, 2, :3].tolist() == [7, 8, 9]
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 1


def test_decoded_array_outlives_the_image() -> None:
    opened = jpeg(noise(300, 400))
    pixels.decode_into_array(opened)
    opened.load()
    expected, array = np.asarray(opened).copy(), pixels.as_array(opened)
    del opened
    gc.collect()
    np.testing.assert_array_equal(array[..., :3], expected)


def test_image_whose_pixels_were_replaced_does_not_return_the_decoded_array() -> None:
    opened = jpeg(noise(30, 40))
    pixels.decode_into_array(opened)
    opened.load()
    replacement = noise(30, 40)
    opened.im = Image.fromarray(replacement).im
    np.testing.assert_array_equal(pixels.as_array(opened)[..., :3], replacement)


def test_image_of_the_default_limit_is_in_one_memory_block(run_python: Callable[..., Any]) -> None:
    program = """
import json
import function
from PIL import Image
from function.settings import MAX_IMAGE_PIXELS
Image.new("RGB", (10_000, MAX_IMAGE_PIXELS // 10_000)).__arrow_c_array__()
print(json.dumps(True))
"""
    assert run_python(program)
