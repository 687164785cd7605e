"""Crops of detections."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from function.readings import crops
from tests.conftest import encode, image_with_box

SIDE = st.floats(-50, 400, width=32)


def test_crop_is_the_box_with_a_margin_of_a_tenth() -> None:
    (crop,) = crops.cut(encode(image_with_box()), np.array([[32, 64, 64, 96]], np.float32), 10**6, None)
    assert crop.size == (40, 40)  # 3.2 px more on each side, to whole pixels
    pixels = np.asarray(crop)
    assert (pixels[4:36, 4:36] == (255, 0, 0)).all()
    assert (pixels[:4] == 114).all()


def test_crop_is_upright_and_at_full_resolution() -> None:
    drawn = Image.new("RGB", (4000, 3000))
    drawn.paste((255, 255, 255), (0, 0, 400, 300))  # upper left as stored: upper right when upright
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(drawn, "JPEG", exif=exif, quality=95)
    (crop,) = crops.cut(data, np.array([[2700, 0, 3000, 400]], np.float32), 50_000_000, None)
    assert crop.size == (340, 440)
    assert np.asarray(crop)[:400, 40:].mean() > 250


def test_large_crop_is_reduced() -> None:
    (crop,) = crops.cut(encode(Image.new("RGB", (4000, 2000))), np.array([[0, 0, 4000, 2000]], np.float32), 10**7, None)
    assert crop.size == (crops.MAX_SIDE, crops.MAX_SIDE // 2)


def test_no_box_gives_no_crop() -> None:
    assert crops.cut(encode(image_with_box()), np.empty((0, 4), np.float32), 10**6, None) == []


@given(SIDE, SIDE, SIDE, SIDE, st.integers(1, 300), st.integers(1, 300))
def test_frame_is_within_the_image_and_not_empty(a: float, b: float, c: float, d: float, w: int, h: int) -> None:
    left, top, right, bottom = crops.frame([min(a, c), min(b, d), max(a, c), max(b, d)], (w, h))
    assert 0 <= left < right <= w
    assert 0 <= top < bottom <= h


def test_jpeg_keeps_the_color_of_a_thin_needle() -> None:
    drawn = Image.new("RGB", (64, 64), (255, 255, 255))
    drawn.paste((200, 0, 0), (31, 0, 32, 64))
    column = np.asarray(Image.open(io.BytesIO(crops.to_jpeg(drawn))))[:, 31].mean(axis=0)
    assert column[0] - column[1] > 120


@pytest.mark.parametrize("size", [(1, 1), (17, 3)])
def test_bmp_is_exact(size: tuple[int, int]) -> None:
    drawn = Image.effect_noise(size, 50).convert("RGB")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(crops.to_bmp(drawn)))), np.asarray(drawn))
