import numpy as np
import pytest
from PIL import Image

from function.errors import TooLarge
from function.postprocess import classify, obb, pose, segment
from function.postprocess.bilinear import above, sample, taps
from function.preprocess import center_crop, letterbox

BOX = letterbox.fit((200, 100), (64, 64), 32, rectangular=True)  # 64 x 32 in 64 x 32


def test_keypoints_are_in_pixels_of_the_picture_and_clipped_to_it() -> None:
    extras = np.array([[32, 16, 0.5, 80, -4, 0.25]], dtype=np.float32)
    found = pose.keypoints(extras, (2, 3), BOX)
    assert found.tolist() == [[[100, 50, 0.5], [200, 0, 0.25]]]
    assert extras[0, 0] == 32


def test_no_instance_has_no_keypoints() -> None:
    assert pose.keypoints(np.zeros((0, 34), dtype=np.float32), (17, 2), BOX).shape == (0, 17, 2)


def test_a_rotated_box_is_scaled_and_keeps_its_rotation() -> None:
    turned = np.array([[32, 16, 16, 8, 0.5]], dtype=np.float32)
    assert obb.undo(turned, BOX).tolist() == [[100, 50, 50, 25, 0.5]]
    assert turned[0, 0] == 32


def test_corners_go_around_the_box_from_the_lower_right_one() -> None:
    (corners,) = obb.corners(np.array([[10, 20, 4, 2, 0]], dtype=np.float32))
    assert corners.tolist() == [[12, 21], [12, 19], [8, 19], [8, 21]]
    (turned,) = obb.corners(np.array([[10, 20, 4, 2, np.pi / 2]], dtype=np.float32))
    np.testing.assert_allclose(turned, [[9, 22], [11, 22], [11, 18], [9, 18]], atol=1e-5)
    assert obb.enclosing(corners[None]).tolist() == [[8, 19, 12, 21]]


@pytest.mark.parametrize(("size", "center"), [((300, 100), 150), ((100, 300), 50), ((100, 100), 50), ((10, 7), 5)])
def test_the_center_of_a_picture_is_classified(size: tuple[int, int], center: int) -> None:
    drawn = Image.new("RGB", size, (0, 0, 255))
    drawn.paste((255, 0, 0), (center, 0, size[0], size[1]))
    tensor = center_crop.paint(drawn, (32, 32))
    assert (tensor.shape, tensor.dtype) == ((1, 3, 32, 32), np.float32)
    assert tensor[0, 2, :, :12].min() == tensor[0, 0, :, -12:].min() == 1


def test_sides_that_differ_are_reached_by_stretching() -> None:
    assert center_crop.paint(Image.new("RGB", (50, 50)), (32, 64)).shape == (1, 3, 32, 64)


def test_the_best_classes_come_first_and_no_more_than_there_are() -> None:
    assert classify.top(np.array([0.1, 0.7, 0.2], dtype=np.float32)).tolist() == [1, 2, 0]
    assert classify.top(np.arange(9, dtype=np.float32)).tolist() == [8, 7, 6, 5, 4]


def disc(sides: int = 16) -> np.ndarray:
    """Logits of a disc, (1, sides, sides)."""
    y, x = np.mgrid[0:sides, 0:sides]
    return (sides * sides / 16 - (x - sides / 2 + 0.5) ** 2 - (y - sides / 2 + 0.5) ** 2).astype(np.float32)[None]


def test_no_instance_has_no_mask() -> None:
    none = np.zeros((0, 4), dtype=np.float32)
    found = segment.find(np.zeros((0, 1), np.float32), none, none, disc(), BOX, "rle")
    assert (found.rows.size, found.polygons, found.run_lengths) == (0, [], [])


def test_a_mask_ends_at_its_box() -> None:
    whole, half = segment.masks(
        disc().repeat(2, axis=0), np.array([[0, 0, 64, 64], [0, 0, 32, 64]], np.float32), (64, 64)
    )
    assert whole.pixels.shape == (64, 64)
    np.testing.assert_array_equal(half.pixels, whole.pixels[:, :32])


def test_a_mask_lies_where_its_box_lies() -> None:
    (mask,) = segment.masks(disc(), np.array([[20.5, 8.0, 40.2, 99.0]], np.float32), (64, 64))
    assert (mask.left, mask.top, mask.pixels.shape) == (21, 8, (56, 20))


def test_a_box_outside_of_the_input_has_no_pixel() -> None:
    (mask,) = segment.masks(disc(), np.array([[70, 70, 90, 90]], np.float32), (64, 64))
    assert mask.pixels.size == 0


def test_an_instance_without_a_pixel_is_left_out() -> None:
    boxes = np.array([[0, 0, 4, 4], [0, 0, 64, 64]], dtype=np.float32)
    box = letterbox.fit((128, 128), (64, 64), 32, rectangular=True)
    found = segment.find(np.ones((2, 1), np.float32), boxes, boxes * 2, disc(), box, "polygons")
    assert found.rows.tolist() == [1]
    assert found.polygons is not None
    assert found.run_lengths is None
    (polygon,) = found.polygons[0]
    np.testing.assert_allclose([polygon.min(), polygon.max()], [32, 96], atol=4)


def test_run_lengths_count_every_pixel_of_the_picture() -> None:
    boxes = np.array([[0, 0, 64, 64]], dtype=np.float32)
    box = letterbox.fit((130, 128), (64, 64), 32, rectangular=False)
    found = segment.find(np.ones((1, 1), np.float32), boxes, boxes * 2, disc(), box, "rle")
    assert found.run_lengths is not None
    (runs,) = found.run_lengths
    assert sum(runs) == 130 * 128
    assert sum(runs[1::2]) == pytest.approx(np.pi * 32**2, rel=0.05)


def test_none_asks_for_neither() -> None:
    boxes = np.array([[0, 0, 64, 64]], dtype=np.float32)
    found = segment.find(np.ones((1, 1), np.float32), boxes, boxes, disc(), BOX, "none")
    assert found[1:] == (None, None)


@pytest.mark.parametrize("size", [(30_000, 1), (1, 30_000), (2000, 30), (30, 2000)])
def test_of_a_long_strip_only_the_center_is_scaled(size: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, max(size)).astype(np.uint8)
    drawn = Image.fromarray(np.broadcast_to(ramp if size[0] > size[1] else ramp[:, None], size[::-1]).copy()).convert(
        "RGB"
    )
    tensor = center_crop.paint(drawn, (64, 64))
    assert tensor.shape == (1, 3, 64, 64)
    assert 0.47 < tensor.min() <= tensor.max() < 0.53


def test_the_center_of_a_strip_is_what_scaling_all_of_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 601, 3), dtype=np.uint8)
    whole = center_crop.paint(Image.fromarray(noise), (96, 96))
    monkeypatch.setattr(center_crop, "MOST_SCALED", 1)
    assert np.abs(center_crop.paint(Image.fromarray(noise), (96, 96)) - whole).max() <= 1 / 255 + 1e-6


def test_outlines_that_no_answer_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "MAX_POINTS", 10)
    boxes = np.array([[0, 0, 64, 64]], dtype=np.float32)
    with pytest.raises(TooLarge, match="masks=none"):
        segment.find(np.ones((1, 1), np.float32), boxes, boxes, disc(), BOX, "polygons")
    assert segment.find(np.ones((1, 1), np.float32), boxes, boxes, disc(), BOX, "none").rows.size == 1


@pytest.mark.parametrize("seed", range(8))
def test_a_mask_is_where_the_sampled_numbers_are_above_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = rng.normal(size=rng.integers(1, 12, 2)).astype(np.float32)
    height, width = (int(side) for side in rng.integers(1, 90, 2))
    rows = taps(plane.shape[0], height, int(rng.integers(0, height)), height)
    columns = taps(plane.shape[1], width, 0, int(rng.integers(0, width + 1)))
    np.testing.assert_array_equal(above(plane, rows, columns), sample(plane, rows, columns) > 0)
