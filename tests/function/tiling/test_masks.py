"""Masks of objects in one tile and in several."""

import numpy as np
import pytest

from function.arrays import Floats
from function.detections import Detections
from function.errors import TooLarge
from function.postprocess import rle, segment
from function.postprocess.layouts import Candidates
from function.preprocess import letterbox
from function.tiling import masks
from function.tiling.slices import Tile

SIZE = (200, 120)
RNG = np.random.default_rng(5)
SMOOTH = np.kron(RNG.normal(size=(8, 8, 8)), np.ones((1, 4, 4))).astype(np.float32)  # (M, 32, 32)


def detected(tile_wh: tuple[int, int], boxes_input: Floats, coefficients: Floats, prototypes: Floats) -> Detections:
    geometry = letterbox.fit(tile_wh, (128, 128), 32, rectangular=False)
    scores, class_ids = np.ones(len(boxes_input), dtype=np.float32), np.zeros(len(boxes_input), dtype=np.int64)
    candidates = Candidates(boxes_input, scores, class_ids, coefficients)
    return Detections(candidates, letterbox.boxes_to_image(boxes_input, geometry), None, prototypes, geometry)


def boxes(count: int) -> Floats:
    corner = RNG.uniform(0, 90, (count, 2))
    return np.hstack((corner, corner + RNG.uniform(8, 60, (count, 2)))).clip(0, 128).astype(np.float32)


@pytest.mark.parametrize("tile_wh", [(128, 128), (100, 77), (200, 120), (61, 90)])
def test_masks_in_one_tile_equal_those_without_tiles(tile_wh: tuple[int, int]) -> None:
    found = detected(tile_wh, boxes(30), RNG.normal(size=(30, 8)).astype(np.float32), SMOOTH)
    assert found.prototypes is not None
    arguments = (found.candidates.extras, found.candidates.boxes, found.boxes_xyxy, found.prototypes, found.geometry)
    expected = segment.instance_masks(*arguments, "rle")
    visible = masks.parts(found, SMOOTH, Tile(0, 0, *tile_wh))
    assert list(visible) == expected.rows.tolist()
    result = masks.instance_masks([[part] for part in visible.values()], tile_wh, "rle")
    assert result.run_lengths == expected.run_lengths
    assert result.polygons is not None
    assert expected.polygons is not None
    for polygons, others in zip(result.polygons, expected.polygons, strict=True):
        for polygon, other in zip(polygons, others, strict=True):
            np.testing.assert_array_equal(polygon, other)


def whole_box(tile: Tile, box: list[float]) -> masks.Part:
    """A part whose mask fills its box; the tile has the size of the input."""
    found = detected((128, 128), np.array([box], dtype=np.float32), np.ones((1, 1), dtype=np.float32), FULL)
    return masks.parts(found, FULL, tile)[0]


FULL = np.ones((1, 32, 32), dtype=np.float32)


def test_mask_in_two_tiles_is_the_union() -> None:
    parts = [whole_box(Tile(0, 0, 128, 128), [100, 40, 128, 60]), whole_box(Tile(72, 0, 200, 128), [30, 44, 70, 64])]
    expected = np.zeros((140, 220), dtype=bool)
    expected[40:60, 100:128] = expected[44:64, 102:142] = True
    result = masks.instance_masks([parts], (220, 140), "rle")
    assert result.run_lengths == [rle.counts(0, 0, expected, (220, 140))]
    assert result.polygons is not None
    (outline,) = result.polygons[0]
    assert (outline.min(axis=0).tolist(), outline.max(axis=0).tolist()) == ([100, 40], [142, 64])


def test_parts_that_do_not_touch_are_several_polygons() -> None:
    parts = [whole_box(Tile(0, 0, 128, 128), [10, 10, 20, 20]), whole_box(Tile(72, 0, 200, 128), [30, 44, 70, 64])]
    result = masks.instance_masks([parts], (200, 128), "polygons")
    assert result.polygons is not None
    assert len(result.polygons[0]) == 2
    assert result.run_lengths is None


def test_no_objects_have_no_masks() -> None:
    result = masks.instance_masks([], SIZE, "rle")
    assert (result.rows.tolist(), result.polygons, result.run_lengths) == ([], [], [])


def test_empty_masks_are_left_out() -> None:
    found = detected((128, 128), boxes(3), np.full((3, 1), -1, dtype=np.float32), FULL)
    assert masks.parts(found, FULL, Tile(0, 0, 128, 128)) == {}


def test_logits_of_all_tiles_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [whole_box(Tile(0, 0, 128, 128), [10, 10, 20, 20])]
    count = parts[0].logits.size
    monkeypatch.setattr(masks, "MAX_LOGITS", count)
    assert masks.add_logits(0, [parts]) == count
    with pytest.raises(TooLarge, match=f"at most {count} logits, got {count + 1}"):
        masks.add_logits(1, [parts])


def test_pixels_of_all_masks_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    part = whole_box(Tile(0, 0, 128, 128), [10, 10, 20, 20])
    monkeypatch.setattr(segment, "MAX_PIXELS", 99)
    with pytest.raises(TooLarge, match="at most 99 pixels of the image together, got 100 in 1 objects"):
        masks.instance_masks([[part]], SIZE, "polygons")
