"""Colors, transparency and order of what is drawn on an image, by the pixels."""

from typing import Any

import pytest
from PIL import Image, ImageColor

from function import draw

GRAY = Image.new("RGB", (200, 200), (50, 50, 50))
WHITE = (255, 255, 255)
# Documented in docs/events.md: one color for each class id, again from the first after the last.
PALETTE = ("#e6194b", "#0082c8", "#f58231", "#3cb44b", "#911eb4", "#008080", "#9a6324", "#808000")


def detection(class_id: int, box: tuple[int, int, int, int], **fields: Any) -> dict[str, Any]:
    edges = dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True))
    return {"class_name": "x", "class_id": class_id, "confidence": 0.9, "box_2d": edges, **fields}


def drawn(*detections: dict[str, Any]) -> Image.Image:
    return draw.annotate(GRAY, {"detections": list(detections)})


def rgb(class_id: int) -> tuple[int, ...]:
    return ImageColor.getrgb(PALETTE[class_id % len(PALETTE)])


@pytest.mark.parametrize("class_id", [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 79])
def test_box_has_the_color_of_its_class(class_id: int) -> None:
    assert drawn(detection(class_id, (40, 60, 160, 180))).getpixel((100, 180)) == rgb(class_id)


@pytest.mark.parametrize("class_id", [0, 1, 9])
def test_label_of_a_classification_has_the_color_of_its_class(class_id: int) -> None:
    body = {"class": "gauge", "class_id": class_id, "confidence": 0.9, "top": []}
    assert draw.annotate(GRAY, body).getpixel((0, 0)) == rgb(class_id)


def test_label_is_white_on_the_color_of_the_class() -> None:
    labels = drawn(detection(1, (40, 60, 160, 180))).crop((40, 42, 70, 60))
    assert WHITE in (colors := {color for _, color in labels.getcolors(10_000) or []})
    assert rgb(1) in colors


@pytest.mark.parametrize(("y_min", "label_y"), [(60, 50), (4, 12)])
def test_label_is_above_its_box_or_below_the_edge_where_there_is_no_room(y_min: int, label_y: int) -> None:
    assert drawn(detection(1, (40, y_min, 160, 180))).getpixel((40, label_y)) == rgb(1)


def test_mask_lets_the_image_shine_through() -> None:
    square = [[60, 80], [140, 80], [140, 160], [60, 160]]
    pixel = drawn(detection(0, (40, 60, 160, 180), segments=[square])).getpixel((100, 120))
    opacity = 96 / 255
    expected = [50 + (color - 50) * opacity for color in rgb(0)]
    assert list(pixel) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("fields", "is_filled"),
    [({"confidence": 0.9}, True), ({"confidence": 0.5}, True), ({"confidence": 0.49}, False), ({}, True)],
)
def test_keypoint_below_half_confidence_is_hollow(fields: dict[str, float], is_filled: bool) -> None:
    image = drawn(detection(2, (40, 60, 160, 180), keypoints=[{"x": 100, "y": 120, **fields}]))
    assert image.getpixel((100, 120)) == (rgb(2) if is_filled else (50, 50, 50))
    assert image.getpixel((104, 120)) == WHITE  # the outline


def test_best_detection_is_drawn_on_top() -> None:
    best, other = detection(0, (40, 60, 160, 180)), detection(1, (40, 60, 160, 180))
    assert drawn(best, other).getpixel((100, 180)) == rgb(0)
    assert drawn(other, best).getpixel((100, 180)) == rgb(1)


@pytest.mark.parametrize(("size", "width"), [((320, 320), 2), ((960, 640), 3), ((1600, 400), 5)])
def test_line_is_a_320th_of_the_longer_side_and_at_least_two_pixels(size: tuple[int, int], width: int) -> None:
    image = draw.annotate(Image.new("RGB", size), {"detections": [detection(1, (40, 100, 300, 300))]})
    column = [image.getpixel((x, 200)) for x in range(30, 60)]
    assert column.count(rgb(1)) == width


def test_rotated_box_has_its_label_at_its_highest_corner() -> None:
    corners = [{"x": 100, "y": 60}, {"x": 140, "y": 120}, {"x": 100, "y": 180}, {"x": 60, "y": 120}]
    image = drawn(detection(3, (60, 60, 140, 180), corners=corners))
    assert image.getpixel((101, 46)) == rgb(3)
    assert image.getpixel((60, 60)) == (50, 50, 50)  # no upright box
    assert image.getpixel((120, 90)) == rgb(3)  # an edge
