import numpy as np
import pytest

from function.postprocess import rle

# Seeds of random masks, and the text of pycocotools 2.0.11, `mask.encode`, for these masks.
KNOWN = [
    (0, "^8d5j2j2j2VMVM0X;VMbG"),
    (1, "d5d5j2VM0j20VMj2^8VMVM0\\J0"),
    (2, "0l`0j2nA0^8fc0bGT_O"),
]


def decoded(counts: list[int], size_wh: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, by the definition of counts in COCO."""
    width, height = size_wh
    runs = [np.full(count, index % 2 == 1) for index, count in enumerate(counts)]
    return np.concatenate(runs).reshape(width, height).T


def test_empty_mask_is_one_run() -> None:
    assert rle.counts(0, 0, np.zeros((0, 0), dtype=bool), (4, 3)) == [12]
    assert rle.counts(1, 1, np.zeros((2, 2), dtype=bool), (4, 3)) == [12]


def test_full_mask_starts_with_zero_pixels_outside() -> None:
    assert rle.counts(0, 0, np.ones((3, 4), dtype=bool), (4, 3)) == [0, 12]


@pytest.mark.parametrize("seed", range(40))
def test_decoded_counts_equal_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 20, 2)
    left, top, right, bottom = rng.integers(0, 4, 4) if seed % 4 else (0, 0, 0, 0)
    pixels = rng.random((height, width)) < rng.choice([0.1, 0.5, 0.9, 1])
    size_wh = (int(left + width + right), int(top + height + bottom))
    expected = np.zeros(size_wh[::-1], dtype=bool)
    expected[top : top + height, left : left + width] = pixels
    np.testing.assert_array_equal(decoded(rle.counts(left, top, pixels, size_wh), size_wh), expected)


@pytest.mark.parametrize(("seed", "text"), KNOWN)
def test_text_equals_that_of_the_coco_api(seed: int, text: str) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.random((4, 6)).repeat(90, axis=0) < 0.5
    assert rle.text(rle.counts(0, 0, pixels, pixels.shape[::-1])) == text
