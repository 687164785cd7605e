"""The resize against a simple form of OpenCV's steps; test_letterbox.py compares it with OpenCV itself."""

from itertools import pairwise

import numpy as np
import pytest

from function.preprocess import resize as module
from function.preprocess.resize import resize

RNG = np.random.default_rng(11)


def noise(height: int, width: int, channels: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


def simple_resize(pixels: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Resize in 64 bits, with every intermediate in full. Source: OpenCV 5.0, imgproc/src/resize.cpp."""

    def interpolation(source: int, target: int) -> tuple[np.ndarray, ...]:
        position = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
        first = np.floor(position)
        fraction = position - first
        shares = (np.float32(1) - fraction, fraction)
        weights = [np.rint(share * np.float32(2048)).astype(np.int64) for share in shares]
        return *(np.clip(first + i, 0, source - 1).astype(int) for i in (0, 1)), *weights

    wide = pixels.astype(np.int64)
    left, right, left_weight, right_weight = interpolation(pixels.shape[1], size_wh[0])
    mixed = (wide[:, left] * left_weight[:, None] + wide[:, right] * right_weight[:, None]) >> 4
    rows = interpolation(pixels.shape[0], size_wh[1])
    up, down, up_weight, down_weight = (values.reshape(-1, 1, 1) for values in rows)
    near, far = mixed[up.ravel()] * up_weight >> 16, mixed[down.ravel()] * down_weight >> 16
    return ((near + far + 2) >> 2).astype(np.uint8)


SIZES = [
    # (H, W) -> (w, h), and the bits that the weights need on both sides
    ((1080, 1920), (640, 360), (1, 1)),  # by 3: one pixel of each block
    ((35, 45), (9, 7), (1, 1)),  # by 5
    ((720, 1280), (640, 360), (1, 1)),  # by 2
    ((2160, 3840), (640, 360), (1, 1)),  # by 6
    ((60, 40), (20, 15), (1, 1)),  # by 2 and by 4
    ((54, 40), (20, 18), (1, 1)),  # by 2 and by 3: one side has no second row
    ((600, 800), (640, 480), (3, 3)),  # by 1.25
    ((600, 2064), (256, 480), (5, 3)),  # the largest sum for which 16 bits are sufficient
    ((540, 2064), (256, 480), (5, 4)),
    ((1000, 1500), (640, 427), (6, 11)),
    ((750, 1000), (640, 480), (5, 5)),  # the sums need more than 16 bits
    ((1080, 810), (480, 640), (5, 5)),
    ((160, 200), (160, 200), None),
    ((333, 517), (640, 412), None),
    ((3024, 4032), (64, 48), (1, 1)),
    ((1, 1), (3, 3), None),
    ((1, 700), (320, 1), None),
    ((700, 1), (1, 320), None),
]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("source_hw", "size_wh", "bits"), SIZES)
def test_every_branch_equals_the_simple_resize(
    source_hw: tuple[int, int], size_wh: tuple[int, int], bits: tuple[int, int] | None, channels: int
) -> None:
    pixels = noise(*source_hw, channels)
    np.testing.assert_array_equal(resize(pixels, size_wh), simple_resize(pixels, size_wh))
    if bits:
        needed = [module._interpolation(*sides).bits for sides in zip(source_hw[::-1], size_wh, strict=True)]
        assert tuple(needed) == bits


@pytest.mark.parametrize("level", [0, 1, 127, 254, 255])
@pytest.mark.parametrize("size_wh", [(16, 12), (20, 15), (13, 11), (8, 8), (100, 90)])
def test_extreme_levels_do_not_overflow(level: int, size_wh: tuple[int, int]) -> None:
    pixels = np.full((48, 64, 4), level, dtype=np.uint8)
    pixels[::2, 1::3] = 255 - level
    np.testing.assert_array_equal(resize(pixels, size_wh), simple_resize(pixels, size_wh))


def test_random_sizes_equal_the_simple_resize() -> None:
    for _ in range(150):
        height, width, h, w = RNG.integers(1, 120, 4).tolist()
        pixels = noise(height, width, 4)
        np.testing.assert_array_equal(
            resize(pixels, (w, h)), simple_resize(pixels, (w, h)), err_msg=str((height, width, h, w))
        )


def test_resize_does_not_change_its_argument() -> None:
    pixels = noise(100, 130, 4)
    before = pixels.copy()
    for size_wh in [(50, 40), (65, 50), (26, 20), (130, 100)]:
        resize(pixels, size_wh)
    np.testing.assert_array_equal(pixels, before)


def test_read_only_pixels_are_accepted() -> None:
    pixels = noise(40, 60, 4)
    pixels.flags.writeable = False
    for size_wh in [(30, 20), (20, 8), (12, 8), (37, 21)]:
        np.testing.assert_array_equal(resize(pixels, size_wh), simple_resize(pixels, size_wh))


def test_band_size_does_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, results = noise(200, 90, 4), []
    for band in (1, 7, 16, 1000):
        monkeypatch.setattr(module, "BAND", band)
        results.append(resize(pixels, (41, 83)))
    for first, second in pairwise(results):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("band", [1, 7, 64])
def test_band_size_does_not_change_means_of_four_pixels(band: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HALVES_BAND", band)
    monkeypatch.setattr(module, "_elements", None)  # of the other branches, which would need it
    pixels = noise(200, 96, 4)
    for size_wh in [(48, 100), (24, 50), (16, 100), (48, 25)]:
        np.testing.assert_array_equal(resize(pixels, size_wh), simple_resize(pixels, size_wh))


def test_part_of_an_image_is_resized_by_an_even_number() -> None:
    part = noise(100, 130, 4)[3:83, 5:101]
    np.testing.assert_array_equal(resize(part, (48, 40)), simple_resize(part, (48, 40)))
