import numpy as np
from PIL import Image

from function import draw

GREY = Image.new("RGB", (200, 100), (50, 50, 50))
DETECTION = {
    "class_name": "gauge",
    "class_id": 0,
    "confidence": 0.9,
    "box_2d": {"x_min": 20.0, "y_min": 30.0, "x_max": 120.0, "y_max": 90.0},
}


def test_nothing_found_draws_nothing() -> None:
    np.testing.assert_array_equal(np.asarray(draw.annotate(GREY, [])), np.asarray(GREY))


def test_a_box_and_its_label_change_the_picture_only_around_them() -> None:
    changed = (np.asarray(draw.annotate(GREY, [DETECTION])) != np.asarray(GREY)).any(axis=2)
    assert changed[30:91, 20].all()
    assert changed[30, 20:121].all()
    assert not changed[40:80, 40:110].any()
    assert not changed[:, 130:].any()


def test_the_picture_given_stays_as_it_was() -> None:
    before = np.asarray(GREY).copy()
    draw.annotate(GREY, [DETECTION])
    np.testing.assert_array_equal(np.asarray(GREY), before)


def test_a_box_outside_and_a_name_in_another_script_are_drawn_without_error() -> None:
    outside = {"x_min": 190.0, "y_min": -5.0, "x_max": 190.0, "y_max": -5.0}
    draw.annotate(GREY, [DETECTION | {"class_name": "圧力計 ∅", "class_id": 99, "box_2d": outside}])
