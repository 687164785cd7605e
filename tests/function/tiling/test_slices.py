"""Tiles of an image."""

from itertools import pairwise

import numpy as np
import pytest

from function.errors import InvalidOption
from function.tiling.slices import MAX_TILES, cut

SAHI = {  # (width, height), side, overlap -> get_slice_bboxes of sahi 0.12.8
    ((1000, 700), 640, 0.2): [[0, 0, 640, 640], [360, 0, 1000, 640], [0, 60, 640, 700], [360, 60, 1000, 700]],
    ((640, 640), 640, 0.2): [[0, 0, 640, 640]],
    ((641, 100), 640, 0.0): [[0, 0, 640, 100], [1, 0, 641, 100]],
    ((300, 200), 640, 0.2): [[0, 0, 300, 200]],
    ((100, 45), 33, 0.33): [
        [0, 0, 33, 33], [23, 0, 56, 33], [46, 0, 79, 33], [67, 0, 100, 33],
        [0, 12, 33, 45], [23, 12, 56, 45], [46, 12, 79, 45], [67, 12, 100, 45],
    ],
}  # fmt: skip


@pytest.mark.parametrize(("size_wh", "side", "overlap"), SAHI)
def test_tiles_equal_those_of_sahi(size_wh: tuple[int, int], side: int, overlap: float) -> None:
    assert [list(tile) for tile in cut(size_wh, side, overlap)] == SAHI[size_wh, side, overlap]


def test_too_many_tiles_are_refused_with_their_number() -> None:
    with pytest.raises(InvalidOption, match=f"at most {MAX_TILES} tiles, got 47000 for 8000 x 6000 pixels"):
        cut((8000, 6000), 32, 0.0)


def test_photo_of_48_megapixels_fits_in_tiles_of_320() -> None:
    assert len(cut((8000, 6000), 320, 0.2)) <= MAX_TILES


@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.33, 0.8])
@pytest.mark.parametrize("side", [32, 33, 100, 640])
@pytest.mark.parametrize("size_wh", [(1, 1), (31, 200), (33, 33), (101, 64), (199, 237)])
def test_tiles_cover_the_image_and_neighbors_share_the_overlap(
    size_wh: tuple[int, int], side: int, overlap: float
) -> None:
    pixels = np.zeros(size_wh[::-1], dtype=bool)
    tiles = cut(size_wh, side, overlap)
    for tile in tiles:
        assert (tile.right - tile.left, tile.bottom - tile.top) == (min(side, size_wh[0]), min(side, size_wh[1]))
        pixels[tile.top : tile.bottom, tile.left : tile.right] = True
    assert pixels.all()
    assert len(set(tiles)) == len(tiles)
    lefts = sorted({tile.left for tile in tiles})
    assert all(left + side - right >= int(overlap * side) for left, right in pairwise(lefts))
