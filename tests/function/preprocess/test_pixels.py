"""Zero-copy access to the pixels of a Pillow image."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

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
