import numpy as np
import pytest
from PIL import Image

from function.errors import TooLarge
from function.postprocess import classify, obb, pose, segment
from function.postprocess.bilinear import above_zero, interpolation, sample
from function.preprocess import center_crop, letterbox

GEOMETRY = letterbox.fit((200, 100), (64, 64), 32, rectangular=True)  # 64 x 32 in 64 x 32


def test_keypoints_are_in_image_pixels_and_clipped_to_the_image() -> None:
    extras = np.array([[32, 16, 0.5, 80, -4, 0.25]], dtype=np.float32)
    keypoints = pose.keypoints(extras, (2, 3), GEOMETRY)
    assert keypoints.tolist() == [[[100, 50, 0.5], [200, 0, 0.25]]]
    assert extras[0, 0] == 32


def test_no_detections_have_no_keypoints() -> None:
    assert pose.keypoints(np.zeros((0, 34), dtype=np.float32), (17, 2), GEOMETRY).shape == (0, 17, 2)


def test_rotated_box_is_scaled_and_keeps_its_rotation() -> None:
    boxes = np.array([[32, 16, 16, 8, 0.5]], dtype=np.float32)
    assert obb.boxes_to_image(boxes, GEOMETRY).tolist() == [[100, 50, 50, 25, 0.5]]
    assert boxes[0, 0] == 32


def test_corners_are_in_order_from_the_lower_right_one() -> None:
    (corners,) = obb.corners(np.array([[10, 20, 4, 2, 0]], dtype=np.float32))
    assert corners.tolist() == [[12, 21], [12, 19], [8, 19], [8, 21]]
    (rotated,) = obb.corners(np.array([[10, 20, 4, 2, np.pi / 2]], dtype=np.float32))
    np.testing.assert_allclose(rotated, [[9, 22], [11, 22], [11, 18], [9, 18]], atol=1e-5)
    assert obb.enclosing_boxes(corners[None]).tolist() == [[8, 19, 12, 21]]


@pytest.mark.parametrize(("size", "center"), [((300, 100), 150), ((100, 300), 50), ((100, 100), 50), ((10, 7), 5)])
def test_center_of_the_image_is_classified(size: tuple[int, int], center: int) -> None:
    drawn = Image.new("RGB", size, (0, 0, 255))
    drawn.paste((255, 0, 0), (center, 0, size[0], size[1]))
    tensor = center_crop.to_tensor(drawn, (32, 32))
    assert (tensor.shape, tensor.dtype) == ((1, 3, 32, 32), np.float32)
    assert tensor[0, 2, :, :12].min() == tensor[0, 0, :, -12:].min() == 1


def test_input_that_is_not_square_is_filled_by_stretching() -> None:
    assert center_crop.to_tensor(Image.new("RGB", (50, 50)), (32, 64)).shape == (1, 3, 32, 64)


def test_top_classes_are_sorted_and_at_most_all_classes() -> None:
    assert classify.top(np.array([0.1, 0.7, 0.2], dtype=np.float32)).tolist() == [1, 2, 0]
    assert classify.top(np.arange(9, dtype=np.float32)).tolist() == [8, 7, 6, 5, 4]


def disc(sides: int = 16) -> np.ndarray:
    """Logits of a disc, (1, sides, sides)."""
    y, x = np.mgrid[0:sides, 0:sides]
    return (sides * sides / 16 - (x - sides / 2 + 0.5) ** 2 - (y - sides / 2 + 0.5) ** 2).astype(np.float32)[None]


def test_no_detections_have_no_masks() -> None:
    none = np.zeros((0, 4), dtype=np.float32)
    masks = segment.instance_masks(np.zeros((0, 1), np.float32), none, none, disc(), GEOMETRY, "rle")
    assert (masks.rows.size, masks.polygons, masks.run_lengths) == (0, [], [])


def test_mask_ends_at_its_box() -> None:
    whole, half = segment.masks_at_input_size(
        disc().repeat(2, axis=0), np.array([[0, 0, 64, 64], [0, 0, 32, 64]], np.float32), (64, 64)
    )
    assert whole.pixels.shape == (64, 64)
    np.testing.assert_array_equal(half.pixels, whole.pixels[:, :32])


def test_mask_has_the_position_of_its_box() -> None:
    (mask,) = segment.masks_at_input_size(disc(), np.array([[20.5, 8.0, 40.2, 99.0]], np.float32), (64, 64))
    assert (mask.left, mask.top, mask.pixels.shape) == (21, 8, (56, 20))


def test_mask_of_a_box_outside_of_the_input_is_empty() -> None:
    (mask,) = segment.masks_at_input_size(disc(), np.array([[70, 70, 90, 90]], np.float32), (64, 64))
    assert mask.pixels.size == 0


def test_mask_without_pixels_is_left_out() -> None:
    boxes = np.array([[0, 0, 4, 4], [0, 0, 64, 64]], dtype=np.float32)
    geometry = letterbox.fit((128, 128), (64, 64), 32, rectangular=True)
    masks = segment.instance_masks(np.ones((2, 1), np.float32), boxes, boxes * 2, disc(), geometry, "polygons")
    assert masks.rows.tolist() == [1]
    assert masks.polygons is not None
    assert masks.run_lengths is None
    (polygon,) = masks.polygons[0]
    np.testing.assert_allclose([polygon.min(), polygon.max()], [32, 96], atol=1)  # px: the centers of edge pixels


def test_run_lengths_count_every_pixel_of_the_image() -> None:
    boxes = np.array([[0, 0, 64, 64]], dtype=np.float32)
    geometry = letterbox.fit((130, 128), (64, 64), 32, rectangular=False)
    masks = segment.instance_masks(np.ones((1, 1), np.float32), boxes, boxes * 2, disc(), geometry, "rle")
    assert masks.run_lengths is not None
    (runs,) = masks.run_lengths
    assert sum(runs) == 130 * 128
    assert sum(runs[1::2]) == pytest.approx(np.pi * 32**2, rel=0.015)  # 1.1 % measured: the edge is a polygon of pixels


def test_masks_none_returns_neither_polygons_nor_run_lengths() -> None:
    boxes = np.array([[0, 0, 64, 64]], dtype=np.float32)
    masks = segment.instance_masks(np.ones((1, 1), np.float32), boxes, boxes, disc(), GEOMETRY, "none")
    assert masks[1:] == (None, None)


@pytest.mark.parametrize("size", [(30_000, 1), (1, 30_000), (2000, 30), (30, 2000)])
def test_only_the_center_of_a_long_strip_is_scaled(size: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, max(size)).astype(np.uint8)
    drawn = Image.fromarray(np.broadcast_to(ramp if size[0] > size[1] else ramp[:, None], size[::-1]).copy()).convert(
        "RGB"
    )
    tensor = center_crop.to_tensor(drawn, (64, 64))
    assert tensor.shape == (1, 3, 64, 64)
    assert 0.47 < tensor.min() <= tensor.max() < 0.53


def test_scaled_center_of_a_strip_equals_that_of_the_whole_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 601, 3), dtype=np.uint8)
    whole = center_crop.to_tensor(Image.fromarray(noise), (96, 96))
    monkeypatch.setattr(center_crop, "MAX_SCALED", 1)
    assert np.abs(center_crop.to_tensor(Image.fromarray(noise), (96, 96)) - whole).max() <= 1 / 255 + 1e-6


def test_outlines_too_large_for_a_response_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "POINTS", (segment.POINTS[0], 10))
    boxes = np.array([[0, 0, 64, 64]], dtype=np.float32)
    with pytest.raises(TooLarge, match="masks=none"):
        segment.instance_masks(np.ones((1, 1), np.float32), boxes, boxes, disc(), GEOMETRY, "polygons")
    assert segment.instance_masks(np.ones((1, 1), np.float32), boxes, boxes, disc(), GEOMETRY, "none").rows.size == 1


@pytest.mark.parametrize("seed", range(8))
def test_above_zero_equals_the_sign_of_the_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = rng.normal(size=rng.integers(1, 12, 2)).astype(np.float32)
    height, width = (int(side) for side in rng.integers(1, 90, 2))
    rows = interpolation(plane.shape[0], height, int(rng.integers(0, height)), height)
    columns = interpolation(plane.shape[1], width, 0, int(rng.integers(0, width + 1)))
    np.testing.assert_array_equal(above_zero(plane, rows, columns), sample(plane, rows, columns) > 0)


def test_probabilities_of_large_logits_are_finite() -> None:
    probabilities = classify.softmax(np.array([200, 199, -200], np.float32))
    np.testing.assert_allclose(probabilities, [0.731059, 0.268941, 0], atol=1e-6)
