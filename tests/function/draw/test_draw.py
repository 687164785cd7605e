"""What is drawn on an image, and where, by the pixels."""

from time import perf_counter, process_time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function import draw
from function.draw import colors

GRAY = Image.new("RGB", (200, 200), (50, 50, 50))
WHITE = (255, 255, 255)


def detection(class_id: int, box: tuple[float, float, float, float], **fields: Any) -> dict[str, Any]:
    edges = dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True))
    return {"class_name": "x", "class_id": class_id, "confidence": 0.9, "box_2d": edges, **fields}


def drawn(*detections: dict[str, Any]) -> Image.Image:
    return draw.annotate(GRAY, {"detections": list(detections)})


def changed(image: Image.Image) -> np.ndarray:
    """(200, 200) bool."""
    return (np.asarray(image) != np.asarray(GRAY)).any(axis=2)


def test_no_detections_draw_nothing() -> None:
    assert not changed(drawn()).any()


def test_image_passed_in_is_not_changed() -> None:
    before = np.asarray(GRAY).copy()
    drawn(detection(0, (40, 60, 160, 180)))
    np.testing.assert_array_equal(np.asarray(GRAY), before)


def test_box_and_label_change_only_the_pixels_around_them() -> None:
    pixels = changed(drawn(detection(0, (40, 60, 160, 180))))
    assert pixels[60:180, 40].all()
    assert pixels[60, 40:160].all()
    assert not pixels[62:178, 42:158].any()
    assert not pixels[:, 160:].any()
    assert not pixels[180:].any()


@pytest.mark.parametrize("class_id", [0, 1, 15, 16, 79, 95, 96])
def test_box_has_the_color_of_its_class(class_id: int) -> None:
    assert drawn(detection(class_id, (40, 60, 160, 180))).getpixel((100, 179)) == colors.of_class(class_id)


def test_all_edges_of_a_box_that_fills_the_image_are_drawn() -> None:
    image = drawn(detection(0, (0, 0, 200, 200)))
    assert [image.getpixel(xy) for xy in ((0, 100), (199, 100), (150, 0), (100, 199))] == [colors.of_class(0)] * 4


def test_best_detection_is_drawn_on_top() -> None:
    best, other = detection(0, (40, 60, 160, 180)), detection(1, (40, 60, 160, 180))
    assert drawn(best, other).getpixel((100, 179)) == colors.of_class(0)
    assert drawn(other, best).getpixel((100, 179)) == colors.of_class(1)


@pytest.mark.parametrize(("size", "width"), [((64, 64), 1), ((200, 150), 2), ((960, 640), 3), ((4000, 3000), 12)])
def test_lines_grow_with_the_image(size: tuple[int, int], width: int) -> None:
    box = (0.25 * size[0], 0.25 * size[1], 0.75 * size[0], 0.75 * size[1])
    image = draw.annotate(Image.new("RGB", size), {"detections": [detection(1, box)]})
    row = np.asarray(image.crop((0, size[1] // 2, size[0] // 2, size[1] // 2 + 1)))[0]
    assert (row == colors.of_class(1)).all(axis=1).sum() == width


def test_mask_lets_the_image_shine_through() -> None:
    square = [[60, 80], [140, 80], [140, 160], [60, 160]]
    pixel = drawn(detection(0, (40, 60, 160, 180), segments=[square])).getpixel((100, 120))
    expected = [50 + (color - 50) * 96 / 255 for color in colors.of_class(0)]
    assert list(pixel) == pytest.approx(expected, abs=1)


def test_mask_has_an_edge_and_changes_nothing_outside() -> None:
    image = drawn(detection(0, (40, 60, 160, 180), segments=[[[60, 80], [140, 80], [140, 160], [60, 160]]]))
    edge, inside = image.getpixel((60, 120)), image.getpixel((100, 120))
    assert isinstance(edge, tuple)
    assert isinstance(inside, tuple)
    assert edge[0] > inside[0] + 20
    assert not changed(image)[82:158, 42:58].any()
    assert not changed(image)[82:158, 143:158].any()


@pytest.mark.parametrize("count", [4, 5000])
def test_mask_of_any_number_of_points_is_filled(count: int) -> None:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    points = np.stack((100 + 40 * np.cos(angles), 120 + 40 * np.sin(angles)), axis=1).tolist()
    assert changed(drawn(detection(0, (40, 60, 160, 180), segments=[points])))[100:140, 95:105].all()


@pytest.mark.parametrize(
    ("fields", "is_filled"),
    [({"confidence": 0.9}, True), ({"confidence": 0.5}, True), ({"confidence": 0.49}, False), ({}, True)],
)
def test_keypoint_below_half_confidence_is_hollow(fields: dict[str, float], is_filled: bool) -> None:
    large = Image.new("RGB", (1000, 1000), (50, 50, 50))
    body = {"detections": [detection(2, (40, 60, 900, 900), keypoints=[{"x": 500.5, "y": 500.5, **fields}])]}
    image = draw.annotate(large, body)
    assert image.getpixel((500, 500)) == (colors.of_class(0) if is_filled else (50, 50, 50))
    assert WHITE in {image.getpixel((500 + x, 500)) for x in range(4, 9)}  # the border


def test_keypoint_without_confidence_at_the_origin_was_not_found() -> None:
    plain = drawn(detection(2, (40, 60, 160, 180)))
    with_missing = drawn(detection(2, (40, 60, 160, 180), keypoints=[{"x": 0.0, "y": 0.0}]))
    assert plain.tobytes() == with_missing.tobytes()


def person(**confidences: float) -> dict[str, Any]:
    """Return a person with all keypoints outside of the image except the left knee (13) and ankle (15), from 0."""
    keypoints = [{"x": -500.0, "y": -500.0, "confidence": 0.1} for _ in range(17)]
    keypoints[13] = {"x": 100.0, "y": 90.0, "confidence": confidences.get("knee", 0.9)}
    keypoints[15] = {"x": 100.0, "y": 150.0, "confidence": 0.9}
    return detection(2, (40, 60, 160, 180), keypoints=keypoints)


def test_visible_keypoints_of_a_person_are_joined() -> None:
    assert drawn(person()).getpixel((100, 120)) == colors.of_class(2)


def test_keypoint_with_a_low_confidence_has_no_line() -> None:
    assert drawn(person(knee=0.4)).getpixel((100, 120)) == (50, 50, 50)


def test_keypoints_of_another_number_have_colors_of_their_own_and_no_lines() -> None:
    points = [{"x": 80.5, "y": 90.5, "confidence": 0.9}, {"x": 120.5, "y": 90.5, "confidence": 0.9}]
    image = drawn(detection(5, (40, 60, 160, 180), keypoints=points))
    assert (image.getpixel((80, 90)), image.getpixel((120, 90))) == (colors.of_class(0), colors.of_class(1))
    assert image.getpixel((100, 90)) == (50, 50, 50)


def test_rotated_box_is_drawn_by_its_corners_with_smooth_edges() -> None:
    corners = [{"x": 100, "y": 60}, {"x": 140, "y": 120}, {"x": 100, "y": 180}, {"x": 60, "y": 120}]
    image = drawn(detection(3, (60, 60, 140, 180), corners=corners))
    assert image.getpixel((60, 60)) == (50, 50, 50)  # no upright box
    assert image.getpixel((120, 90)) == pytest.approx(colors.of_class(3), abs=60)  # an edge
    shades = {image.getpixel((x, 90)) for x in range(115, 126)}
    assert len(shades) >= 4


def test_label_of_a_box_is_above_it() -> None:
    image = drawn(detection(1, (40, 60, 160, 180)))
    assert image.getpixel((41, 58)) == colors.of_class(1)
    assert WHITE in {color for _, color in image.crop((40, 45, 90, 60)).getcolors(10_000) or []}


def test_label_of_a_rotated_box_is_above_its_highest_corner() -> None:
    corners = [{"x": 100, "y": 60}, {"x": 140, "y": 120}, {"x": 100, "y": 180}, {"x": 60, "y": 120}]
    assert drawn(detection(3, (60, 60, 140, 180), corners=corners)).getpixel((101, 57)) == colors.of_class(3)


def test_class_of_the_image_is_written_into_the_corner() -> None:
    image = draw.annotate(GRAY, {"class": "gauge", "class_id": 9, "confidence": 0.9, "top": []})
    assert image.getpixel((0, 0)) == colors.of_class(9)
    assert not changed(image)[30:].any()


def test_reading_of_a_detection_is_in_its_label() -> None:
    read = drawn(detection(0, (10, 60, 160, 180), reading={"text": "4.2 bar"}))
    failed = drawn(detection(0, (10, 60, 160, 180), reading={"error": "no time", "type": "DeadlineExceeded"}))
    assert (
        changed(read)[50:59].sum()
        > changed(failed)[50:59].sum()
        == changed(drawn(detection(0, (10, 60, 160, 180))))[50:59].sum()
    )


@pytest.mark.parametrize("box", [(190, -5, 190, -5), (-900, -900, -800, -800), (0, 0, 1e6, 1e6), (50, 50, 50, 50)])
@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 200)])
def test_box_of_any_place_and_size_is_drawn_without_error(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    left, top, right, bottom = box
    corners = [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    segments = [[[left, top], [right, top], [right, bottom]], [[left, top], [left, top]]]
    keypoints = [{"x": left, "y": top, "confidence": 0.9}] * 17
    shapes: list[dict[str, Any]] = [{}, {"corners": corners}, {"segments": segments}, {"keypoints": keypoints}]
    body = {"detections": [detection(99, box, class_name="圧力計 ∅", **shape) for shape in shapes]}
    draw.annotate(Image.new("RGB", size), body)


@pytest.mark.parametrize("far", [1e10, 1e300, float("inf"), float("nan")])
def test_coordinates_far_outside_are_drawn_at_once(far: float) -> None:
    edge = {"x": -far, "y": far, "confidence": 0.9}
    shapes: list[dict[str, Any]] = [
        {},
        {"corners": [edge, {"x": far, "y": far}, {"x": far, "y": -far}, {"x": 20, "y": 20}]},
        {"segments": [[[-far, -far], [far, -far], [far, far], [50, 50]]]},
        {"keypoints": [edge, {"x": 50.0, "y": 50.0, "confidence": 0.9}] * 8 + [edge]},
    ]
    started = perf_counter()
    drawn(*(detection(0, (-far, -far, far, far), **shape) for shape in shapes))
    assert perf_counter() - started < 5  # not clipped, one box takes minutes


def test_box_far_outside_is_drawn_where_it_crosses_the_image() -> None:
    assert drawn(detection(0, (-1e10, 60, 1e10, 180))).getpixel((100, 179)) == colors.of_class(0)


def test_drawn_image_has_no_metadata_of_the_file() -> None:
    source = GRAY.copy()
    source.info = {"comment": b"x" * 70_000, "icc_profile": b"p", "transparency": (50, 50, 50), "dpi": (72, 72)}
    assert draw.annotate(source, {"detections": []}).info == {}
    assert set(source.info) == {"comment", "icc_profile", "transparency", "dpi"}


def test_large_masks_take_little_time() -> None:
    angles = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    radii = 1400 + 90 * np.random.default_rng(1).random(600)
    points = np.stack((1500 + radii * np.cos(angles), 1500 + radii * np.sin(angles)), axis=1)
    large, body = Image.new("RGB", (3000, 3000)), {"detections": [detection(0, (0, 0, 3000, 3000))]}
    draw.draw(large, body)  # the font is loaded
    body["detections"][0]["segments"] = [points.tolist()]
    started = process_time()
    draw.draw(large, body)
    assert process_time() - started < 0.8  # 0.3 s; with all lines in all parts of the image several times that
    pixel = large.getpixel((1500, 1500))
    assert list(pixel) == pytest.approx([color * 96 / 255 for color in colors.of_class(0)], abs=1)
