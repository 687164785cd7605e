"""Pillow's memory as an array."""

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
def test_the_pixels_are_those_of_the_picture(size_hw: tuple[int, int]) -> None:
    wanted = noise(*size_hw)
    found = pixels.pixels(Image.fromarray(wanted))
    assert (found.shape, found.dtype) == ((*size_hw, 4), np.uint8)
    np.testing.assert_array_equal(found[..., :3], wanted)


def test_a_picture_in_several_pieces_is_packed(small_blocks: None) -> None:
    wanted = noise(100, 200)
    picture = Image.fromarray(wanted)
    with pytest.raises(ValueError, match="contiguous"):
        picture.__arrow_c_array__()
    np.testing.assert_array_equal(pixels.pixels(picture)[..., :3], wanted)


def test_pixels_outlive_the_picture() -> None:
    wanted = noise(1080, 1920)
    arrays = [pixels.pixels(Image.fromarray(wanted)) for _ in range(5)]
    gc.collect()
    for _ in range(5):
        Image.new("RGB", (1920, 1080), (1, 2, 3))
    for array in arrays:
        np.testing.assert_array_equal(array[..., :3], wanted)


def test_memory_is_given_back(run_python: Callable[..., Any]) -> None:
    program = """
import json, resource
import function
from PIL import Image
from function.preprocess import pixels
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pixels.pixels(Image.new("RGB", (2000, 2000))).sum()
before = peak()
for _ in range(100):
    pixels.pixels(Image.new("RGB", (2000, 2000))).sum()
print(json.dumps(peak() - before))
"""
    assert run_python(program) < 40_000  # KiB; 1.6 million where each picture stays


def test_pixels_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        pixels.pixels(Image.new("RGB", (2, 2)))[0, 0, 0] = 1


def test_nothing_is_copied() -> None:
    picture = Image.new("RGB", (4, 3))
    seen = pixels.pixels(picture)
    picture.putpixel((2, 1), (7, 8, 9))
    assert seen[1, 2, :3].tolist() == [7, 8, 9]


def test_pictures_of_the_default_limit_lie_in_one_piece(run_python: Callable[..., Any]) -> None:
    program = """
import json
import function
from PIL import Image
from function.settings import MAX_IMAGE_PIXELS
Image.new("RGB", (10_000, MAX_IMAGE_PIXELS // 10_000)).__arrow_c_array__()
print(json.dumps(True))
"""
    assert run_python(program)
