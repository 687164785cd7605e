import numpy as np
from PIL import Image

from function import draw

GRAY = Image.new("RGB", (200, 100), (50, 50, 50))
DETECTION = {
    "class_name": "gauge",
    "class_id": 0,
    "confidence": 0.9,
    "box_2d": {"x_min": 20.0, "y_min": 30.0, "x_max": 120.0, "y_max": 90.0},
}


def changed_pixels(body: dict) -> np.ndarray:
    """(100, 200) bool."""
    return (np.asarray(draw.annotate(GRAY, body)) != np.asarray(GRAY)).any(axis=2)


def changed_by(detection: dict) -> np.ndarray:
    return changed_pixels({"detections": [detection]})


def test_no_detections_draw_nothing() -> None:
    np.testing.assert_array_equal(np.asarray(draw.annotate(GRAY, {"detections": []})), np.asarray(GRAY))


def test_box_and_label_change_only_the_pixels_around_them() -> None:
    changed = changed_by(DETECTION)
    assert changed[30:91, 20].all()
    assert changed[30, 20:121].all()
    assert not changed[40:80, 40:110].any()
    assert not changed[:, 130:].any()


def test_image_passed_in_is_not_changed() -> None:
    before = np.asarray(GRAY).copy()
    draw.annotate(GRAY, {"detections": [DETECTION]})
    np.testing.assert_array_equal(np.asarray(GRAY), before)


def test_box_outside_of_the_image_and_name_in_another_script_are_drawn_without_error() -> None:
    outside = {"x_min": 190.0, "y_min": -5.0, "x_max": 190.0, "y_max": -5.0}
    draw.annotate(GRAY, {"detections": [DETECTION | {"class_name": "圧力計 ∅", "class_id": 99, "box_2d": outside}]})


def test_mask_fills_only_its_polygons() -> None:
    changed = changed_by(DETECTION | {"segments": [[[40, 50], [60, 50], [60, 70], [40, 70]]]})
    assert changed[50:70, 40:60].all()
    assert not changed[50:70, 70:110].any()


def test_keypoints_are_drawn_at_their_coordinates() -> None:
    changed = changed_by(DETECTION | {"keypoints": [{"x": 70, "y": 60, "confidence": 0.9}, {"x": 90, "y": 60}]})
    assert changed[60, 70]
    assert changed[60, 90]
    assert not changed[60, 80]


def test_rotated_box_is_drawn_by_its_corners() -> None:
    corners = [{"x": 70, "y": 40}, {"x": 110, "y": 60}, {"x": 70, "y": 80}, {"x": 30, "y": 60}]
    changed = changed_by(DETECTION | {"corners": corners})
    assert changed[50, 90]
    assert not changed[40:90, 20].any()


def test_class_of_the_image_is_written_into_the_corner() -> None:
    changed = changed_pixels({"class": "gauge", "class_id": 0, "confidence": 0.9, "top": []})
    assert changed[:5, :5].all()
    assert not changed[50:].any()


def test_mask_outside_of_the_image_is_drawn_without_error() -> None:
    draw.annotate(GRAY, {"detections": [DETECTION | {"segments": [[[-9, -9], [5, -9], [5, 5]], [[195, 5], [195, 5]]]}]})
