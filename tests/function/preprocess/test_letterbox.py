from collections.abc import Callable

import numpy as np
import pytest

from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox
from function.preprocess.resize import resize

RNG = np.random.default_rng(7)


def noise(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size_wh", "rectangular", "expected"),
    [
        # Calculated by hand: (resized w, h, left, top, input w, h)
        ((640, 640), True, (640, 640, 0, 0, 640, 640)),
        ((810, 1080), True, (480, 640, 0, 0, 480, 640)),
        ((810, 1080), False, (480, 640, 80, 0, 640, 640)),
        ((1280, 720), True, (640, 360, 0, 12, 640, 384)),
        ((500, 375), True, (640, 480, 0, 0, 640, 480)),
        ((1000, 667), True, (640, 427, 0, 10, 640, 448)),
        ((1000, 667), False, (640, 427, 0, 106, 640, 640)),
        ((1, 1), True, (640, 640, 0, 0, 640, 640)),
        ((1, 5000), True, (1, 640, 15, 0, 32, 640)),
        ((5000, 1), False, (640, 1, 0, 319, 640, 640)),
    ],
)
def test_fit_centers_the_image(size_wh: tuple[int, int], rectangular: bool, expected: tuple[int, ...]) -> None:
    assert letterbox.fit(size_wh, (640, 640), 32, rectangular) == Letterbox(*size_wh, *expected)


def test_fit_supports_an_input_that_is_not_square() -> None:
    assert letterbox.fit((1280, 720), (384, 640), 32, rectangular=False)[2:8] == (640, 360, 0, 12, 640, 384)


def test_odd_pixel_of_padding_is_below_the_image() -> None:
    geometry = letterbox.fit((1000, 667), (640, 640), 32, rectangular=True)
    assert (geometry.top, geometry.input_h - geometry.top - geometry.resized_h) == (10, 11)


def test_tensor_has_the_unchanged_image_on_gray() -> None:
    pixels = noise(64, 32)
    tensor = letterbox.to_tensor(pixels, letterbox.fit((32, 64), (64, 64), 32, rectangular=False))
    assert tensor.shape == (1, 3, 64, 64)
    assert tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor[0, :, :, 16:48], pixels.transpose(2, 0, 1).astype(np.float32) / 255)
    assert np.unique(tensor[0, :, :, :16]).tolist() == [np.float32(114) / np.float32(255)]
    assert np.unique(tensor[0, :, :, 48:]).tolist() == [np.float32(114) / np.float32(255)]


@pytest.mark.parametrize("rectangular", [True, False])
@pytest.mark.parametrize("size_wh", [(810, 1080), (1280, 720), (333, 517), (31, 900), (4032, 3024)])
def test_boxes_to_image_reverses_fit(size_wh: tuple[int, int], rectangular: bool) -> None:
    geometry = letterbox.fit(size_wh, (640, 640), 32, rectangular)
    width, height = size_wh
    boxes = np.array([[0, 0, width, height], [width / 4, height / 3, width / 2, height / 1.5]], dtype=np.float32)
    gain = np.array([geometry.resized_w / width, geometry.resized_h / height] * 2)
    in_input = (boxes * gain + [geometry.left, geometry.top] * 2).astype(np.float32)
    np.testing.assert_allclose(letterbox.boxes_to_image(in_input, geometry), boxes, atol=1e-3)


@pytest.mark.parametrize(
    ("size_wh", "expected"),
    [
        # Calculated by hand: the resized width is 224 = 7 x 32, and 224 / 296 is a little less than 320 / 422.
        ((296, 422), (224, 319, 0, 0)),
        ((810, 1080), (240, 320, 8, 0)),
    ],
)
def test_inverse_depends_on_the_padded_input(size_wh: tuple[int, int], expected: tuple[int, ...]) -> None:
    assert letterbox.inverse(letterbox.fit(size_wh, (320, 320), 32, rectangular=True)) == expected


@pytest.mark.torch
def test_boxes_to_image_equals_scale_boxes_for_any_size(in_export_environment: Callable[[str], str]) -> None:
    in_export_environment("""
        from export import ultralytics_setup
        ultralytics_setup.prepare()
        ultralytics_setup.patch_torchvision()
        import numpy as np, torch
        from ultralytics.utils.ops import scale_boxes
        from function.preprocess import letterbox
        rng = np.random.default_rng(0)
        for imgsz, rectangular in [((640, 640), True), ((640, 640), False), ((320, 320), True), ((384, 640), True)]:
            sizes = [(296, 422), (300, 1495), (2758, 280), (825, 2355), (1440, 865), (1, 5000), (1, 1)]
            for size in [*sizes, *rng.integers(1, 3000, (3000, 2)).tolist()]:
                geometry = letterbox.fit(tuple(size), imgsz, 32, rectangular)
                boxes = rng.uniform(0, 640, (5, 4)).astype(np.float32)
                shape = (geometry.input_h, geometry.input_w)
                expected = scale_boxes(shape, torch.from_numpy(boxes.copy()), (size[1], size[0])).numpy()
                scaled = letterbox.boxes_to_image(boxes, geometry)
                np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-4, err_msg=str(size))
    """)


def test_boxes_to_image_clips_to_the_image_and_accepts_no_boxes() -> None:
    geometry = letterbox.fit((100, 50), (64, 64), 32, rectangular=False)
    outside = np.array([[-50, -50, 500, 500]], dtype=np.float32)
    assert letterbox.boxes_to_image(outside, geometry).tolist() == [[0, 0, 100, 50]]
    assert letterbox.boxes_to_image(np.zeros((0, 4), dtype=np.float32), geometry).shape == (0, 4)


def test_boxes_to_image_does_not_change_its_argument() -> None:
    boxes_xyxy = np.array([[1, 2, 3, 4]], dtype=np.float32)
    letterbox.boxes_to_image(boxes_xyxy, letterbox.fit((100, 50), (64, 64), 32, rectangular=False))
    assert boxes_xyxy.tolist() == [[1, 2, 3, 4]]


def test_resize_to_the_same_size_returns_its_argument() -> None:
    pixels = noise(17, 23)
    assert resize(pixels, (23, 17)) is pixels


def test_resize_by_half_is_the_mean_of_four_pixels() -> None:
    pixels = noise(40, 60)
    four = pixels.astype(int).reshape(20, 2, 30, 2, 3).sum(axis=(1, 3))
    np.testing.assert_array_equal(resize(pixels, (30, 20)), (four + 2) >> 2)


def test_resize_uses_only_the_four_nearest_pixels() -> None:
    pixels = np.zeros((90, 90, 3), dtype=np.uint8)
    pixels[0::9] = pixels[:, 0::9] = 255  # lines that an antialiasing filter would spread to every pixel
    assert not resize(pixels, (10, 10)).any()


@pytest.mark.parametrize("size_wh", [(640, 1), (1, 640), (640, 640)])
def test_resize_of_one_pixel_repeats_it(size_wh: tuple[int, int]) -> None:
    resized = resize(np.full((1, 1, 3), 77, dtype=np.uint8), size_wh)
    assert resized.shape == (*size_wh[::-1], 3)
    assert np.unique(resized).tolist() == [77]


def test_resize_keeps_black_and_white() -> None:
    for level in (0, 255):
        flat = np.full((123, 77, 3), level, dtype=np.uint8)
        assert np.unique(resize(flat, (200, 99))).tolist() == [level]


@pytest.mark.torch
def test_resize_equals_opencv(in_export_environment) -> None:
    in_export_environment("""
        import cv2, numpy as np
        from function.preprocess.resize import resize
        rng = np.random.default_rng(0)
        for (h, w), (oh, ow) in [((1080, 1920), (360, 640)), ((1080, 810), (640, 480)), ((333, 517), (412, 640)),
                                 ((100, 150), (427, 640)), ((1, 5000), (1, 640)), ((641, 640), (640, 639)),
                                 ((2, 3), (427, 640)), ((3000, 1999), (320, 213))]:
            pixels = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
            expected = cv2.resize(pixels, (ow, oh), interpolation=cv2.INTER_LINEAR)
            np.testing.assert_array_equal(resize(pixels, (ow, oh)), expected)
    """)
