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


def test_nothing_found_draws_nothing() -> None:
    np.testing.assert_array_equal(np.asarray(draw.annotate(GRAY, {"detections": []})), np.asarray(GRAY))


def test_a_box_and_its_label_change_the_picture_only_around_them() -> None:
    changed = (np.asarray(draw.annotate(GRAY, {"detections": [DETECTION]})) != np.asarray(GRAY)).any(axis=2)
    assert changed[30:91, 20].all()
    assert changed[30, 20:121].all()
    assert not changed[40:80, 40:110].any()
    assert not changed[:, 130:].any()


def test_the_picture_given_stays_as_it_was() -> None:
    before = np.asarray(GRAY).copy()
    draw.annotate(GRAY, {"detections": [DETECTION]})
    np.testing.assert_array_equal(np.asarray(GRAY), before)


def test_a_box_outside_and_a_name_in_another_script_are_drawn_without_error() -> None:
    outside = {"x_min": 190.0, "y_min": -5.0, "x_max": 190.0, "y_max": -5.0}
    draw.annotate(GRAY, {"detections": [DETECTION | {"class_name": "圧力計 ∅", "class_id": 99, "box_2d": outside}]})


def changed(detection: dict) -> np.ndarray:
    """(100, 200) bool."""
    return (np.asarray(draw.annotate(GRAY, {"detections": [detection]})) != np.asarray(GRAY)).any(axis=2)


def test_a_mask_is_a_veil_within_its_polygons() -> None:
    seen = changed(DETECTION | {"segments": [[[40, 50], [60, 50], [60, 70], [40, 70]]]})
    assert seen[50:70, 40:60].all()
    assert not seen[50:70, 70:110].any()


def test_keypoints_are_drawn_where_they_are() -> None:
    seen = changed(DETECTION | {"keypoints": [{"x": 70, "y": 60, "confidence": 0.9}, {"x": 90, "y": 60}]})
    assert seen[60, 70]
    assert seen[60, 90]
    assert not seen[60, 80]


def test_a_rotated_box_is_drawn_by_its_corners() -> None:
    corners = [{"x": 70, "y": 40}, {"x": 110, "y": 60}, {"x": 70, "y": 80}, {"x": 30, "y": 60}]
    seen = changed(DETECTION | {"corners": corners})
    assert seen[50, 90]
    assert not seen[40:90, 20].any()


def test_a_class_is_written_into_the_corner() -> None:
    body = {"class": "gauge", "class_id": 0, "confidence": 0.9, "top": []}
    seen = (np.asarray(draw.annotate(GRAY, body)) != np.asarray(GRAY)).any(axis=2)
    assert seen[:5, :5].all()
    assert not seen[50:].any()


def test_a_mask_beside_the_picture_is_drawn_without_error() -> None:
    draw.annotate(GRAY, {"detections": [DETECTION | {"segments": [[[-9, -9], [5, -9], [5, 5]], [[195, 5], [195, 5]]]}]})
