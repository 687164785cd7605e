import numpy as np
import pytest

from function.postprocess import rle

# Seeds of `drawn`, and its masks as pycocotools 2.0.11, `mask.encode`, writes them.
KNOWN = [
    (0, "^8d5j2j2j2VMVM0X;VMbG"),
    (1, "d5d5j2VM0j20VMj2^8VMVM0\\J0"),
    (2, "0l`0j2nA0^8fc0bGT_O"),
]


def painted(counts: list[int], size_wh: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, by what COCO says that counts mean."""
    width, height = size_wh
    runs = [np.full(count, index % 2 == 1) for index, count in enumerate(counts)]
    return np.concatenate(runs).reshape(width, height).T


def test_an_empty_mask_is_one_run() -> None:
    assert rle.counts(0, 0, np.zeros((0, 0), dtype=bool), (4, 3)) == [12]
    assert rle.counts(1, 1, np.zeros((2, 2), dtype=bool), (4, 3)) == [12]


def test_a_full_mask_begins_with_no_pixel_outside() -> None:
    assert rle.counts(0, 0, np.ones((3, 4), dtype=bool), (4, 3)) == [0, 12]


@pytest.mark.parametrize("seed", range(40))
def test_counts_give_the_mask_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 20, 2)
    left, top, right, bottom = rng.integers(0, 4, 4) if seed % 4 else (0, 0, 0, 0)
    pixels = rng.random((height, width)) < rng.choice([0.1, 0.5, 0.9, 1])
    size_wh = (int(left + width + right), int(top + height + bottom))
    picture = np.zeros(size_wh[::-1], dtype=bool)
    picture[top : top + height, left : left + width] = pixels
    np.testing.assert_array_equal(painted(rle.counts(left, top, pixels, size_wh), size_wh), picture)


@pytest.mark.parametrize(("seed", "text"), KNOWN)
def test_the_text_is_what_the_coco_api_writes(seed: int, text: str) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.random((4, 6)).repeat(90, axis=0) < 0.5
    assert rle.text(rle.counts(0, 0, pixels, pixels.shape[::-1])) == text
