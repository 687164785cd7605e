"""Annotated images of every task against golden images that people looked at, at 64, 640 and 4,000 pixels.

The tolerances: the JPEG files differ from what is drawn by at most 1.8 on average, and by 5.6 in a block of 8 x 8 px.
Detections that move by a pixel change a block by 14 or more.
"""

import numpy as np
import pytest
from PIL import Image

from tests.golden import annotated

MEAN_MAX = 2.5  # of 255
BLOCK_MAX = 8.0
BLOCK = 8  # pixels, as those of JPEG


def blocks(image: Image.Image) -> np.ndarray:
    """(H / 8, W / 8, 3): the means of blocks."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64)
    height, width = (side // BLOCK * BLOCK for side in pixels.shape[:2])
    return pixels[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("side", annotated.SIDES)
@pytest.mark.parametrize("scene", annotated.SCENES)
def test_annotated_image_equals_the_golden_image(scene: str, side: int) -> None:
    drawn = annotated.image_of(scene, side)
    with Image.open(annotated.path_of(scene, side)) as golden:
        assert golden.size == drawn.size
        difference = np.abs(np.asarray(golden.convert("RGB"), np.float64) - np.asarray(drawn, np.float64))
        assert difference.mean() <= MEAN_MAX
        assert np.abs(blocks(golden) - blocks(drawn)).max() <= BLOCK_MAX


def test_golden_images_are_small_files() -> None:
    assert max(path.stat().st_size for path in annotated.FOLDER.iterdir()) <= 100_000
