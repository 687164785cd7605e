"""Masks at the size of the model input; the polygons are those of the function."""

import numpy as np
import pytest

from function.arrays import Bools
from function.postprocess import polygons
from function.preprocess import letterbox
from function.preprocess.letterbox import Letterbox
from scripts.predictions import contours, input_masks

MODEL = {"imgsz": [160, 160], "stride": 32, "is_rectangular": True}
SIZES = [(100, 80), (333, 500), (900, 41), (160, 160), (64, 64)]


def response_polygons(mask: Bools, geometry: Letterbox) -> list[list[list[float]]]:
    """Return the polygons of a response, which has two decimals."""
    rings = polygons.trace(mask)
    return [np.round(letterbox.points_to_image(ring.astype(np.float32), geometry), 2).tolist() for ring in rings]


def random_mask(geometry: Letterbox, seed: int) -> Bools:
    """Return a mask within the image, with holes and parts of any shape."""
    mask = np.zeros((geometry.input_h, geometry.input_w), dtype=bool)
    back = letterbox.inverse(geometry)
    inside = np.random.default_rng(seed).random((back.resized_h, back.resized_w)) < 0.6
    mask[back.top : back.top + back.resized_h, back.left : back.left + back.resized_w] = inside
    return mask


@pytest.mark.parametrize("size_wh", SIZES)
@pytest.mark.parametrize("is_rectangular", [True, False])
def test_polygons_of_a_response_give_the_mask_again(size_wh: tuple[int, int], is_rectangular: bool) -> None:
    geometry = input_masks.geometry_of(size_wh, {**MODEL, "is_rectangular": is_rectangular})
    mask = random_mask(geometry, seed=1)
    assert (input_masks.fill(response_polygons(mask, geometry), geometry) == mask).all()


def test_no_polygon_is_an_empty_mask() -> None:
    assert not input_masks.fill([], input_masks.geometry_of((100, 80), MODEL)).any()


@pytest.mark.parametrize("bottom", [146, 152])
def test_rectangle_into_the_padding_reaches_the_border_of_the_image(bottom: int) -> None:
    geometry = input_masks.geometry_of((160, 130), MODEL)  # rows 15 to 144 of 160 have the image
    mask = np.zeros((160, 160), dtype=bool)
    mask[100:bottom, 20:40] = True
    (contour,) = contours.find(input_masks.fill(response_polygons(mask, geometry), geometry))
    points = input_masks.points_to_image(contour, geometry)
    assert points == [(20.0, 85.0), (20.0, 130.0), (39.0, 130.0), (39.0, 85.0)]


def test_diagonal_into_the_padding_gives_the_whole_mask() -> None:
    geometry = input_masks.geometry_of((160, 130), MODEL)
    rows, columns = np.mgrid[:160, :160]
    mask = (rows >= 120) & (rows < 155) & (columns >= rows - 100) & (columns < 100)
    assert (input_masks.fill(response_polygons(mask, geometry), geometry) == mask).all()


def test_manifest_without_a_stride_means_32() -> None:
    model = {name: value for name, value in MODEL.items() if name != "stride"}
    assert input_masks.geometry_of((100, 70), model) == letterbox.fit((100, 70), (160, 160), 32, True)
