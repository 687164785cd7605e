"""Thresholds of classes, sizes and polygons, as JSON values and as text."""

import json
from typing import Any

import pytest

from function.errors import InvalidOption
from function.request import MAX_POINTS, MAX_POLYGONS, Options, read_options

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]
POINTS = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))


@pytest.mark.parametrize(
    ("value", "thresholds"),
    [
        ({"gauge": 0.6, "*": 0.25}, {"gauge": 0.6, "*": 0.25}),
        ('{"gauge": 0.6, "1": 0}', {"gauge": 0.6, "1": 0.0}),
        ("0.25,gauge:0.6,clock:0.3", {"*": 0.25, "gauge": 0.6, "clock": 0.3}),
        (" gauge : .6 , 0.25 ", {"gauge": 0.6, "*": 0.25}),
        ("gauge:1", {"gauge": 1.0}),
        ("*:0.5", {"*": 0.5}),
        ("a:b:0.5", {"a:b": 0.5}),
        ("0.5,0.5", {"*": 0.5}),
    ],
)
def test_thresholds_of_classes_are_an_object_or_text(value: Any, thresholds: dict[str, float]) -> None:
    assert read_options({"conf": value}).conf == thresholds


@pytest.mark.parametrize(
    "value",
    [
        {}, {"gauge": 1.1}, {"gauge": -1}, {"gauge": "0.5"}, {"gauge": None}, {"gauge": True}, {"gauge": float("nan")},
        {"gauge": {}}, "gauge:", "gauge:x", "gauge:nan", "0.5,0.6", "gauge:0.1,gauge:0.2", ",", ":", "{", '{"a": 2}',
        "gauge:10", "[0.5,0.6]",
        "gauge:0_1", "gauge:٠.٥", "0_0,gauge:0.5",
    ],
)  # fmt: skip
def test_wrong_thresholds_are_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match="conf must "):
        read_options({"conf": value})


@pytest.mark.parametrize(
    ("value", "sides_hw"),
    [
        (1280, (1280, 1280)), ("1280", (1280, 1280)), (" 640 ", (640, 640)), (640.0, (640, 640)), ([640], (640, 640)),
        ([736, 1280], (736, 1280)), ("736,1280", (736, 1280)), ("[736, 1280]", (736, 1280)), (1, (1, 1)),
    ],
)  # fmt: skip
def test_size_is_one_side_or_height_and_width(value: Any, sides_hw: tuple[int, int]) -> None:
    assert read_options({"imgsz": value}).imgsz == sides_hw


@pytest.mark.parametrize(
    "value",
    [
        0, -1, 8193, 1.5, True, "a", "640x640", [], [1, 2, 3], [0, 640], ["640"], [[640, 640]], {"height": 1}, "[640",
        "1,2,3", "NaN", "1e999", "[" * 2000, 10**400,
    ],
)  # fmt: skip
def test_wrong_size_is_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match=r"imgsz must be an integer between 1 and 8192, or \[height, width\], got "):
        read_options({"imgsz": value})


@pytest.mark.parametrize("is_text", [False, True])
def test_region_is_one_polygon_or_several(is_text: bool) -> None:
    for value, polygons in ((SQUARE, (POINTS,)), ([SQUARE, SQUARE[:3]], (POINTS, POINTS[:3]))):
        assert read_options({"region": json.dumps(value) if is_text else value}).region == polygons


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "region must be a polygon"),
        ({}, "region must be a polygon"),
        (1, "region must be a polygon"),
        ("abc", "region must be JSON such as"),
        ("[[0,0],", "region must be JSON such as"),
        (SQUARE[:2], "at least 3 points, got 2"),
        ([SQUARE, SQUARE[:2]], "at least 3 points, got 2"),
        ([SQUARE, 1], "must be a list of points"),
        ([[0, 0, 0]] * 3, "must be \\[x, y\\], got 3 values"),
        ([1, 2, 3], "must be \\[x, y\\], got 1"),
        ([[0, 0], [1, "1"], [2, 2]], "must be a number from"),
        ([[0, 0], [1, True], [2, 2]], "must be a number from"),
        ([[0, 0], [1, float("nan")], [2, 2]], "must be a number from .* got nan"),
        ([[0, 0], [1, 1e7], [2, 2]], "must be a number from .* got 10000000"),
        ([[0, 0]] * (MAX_POINTS + 1), f"at most {MAX_POINTS} points, got {MAX_POINTS + 1}"),
        ([SQUARE] * (MAX_POLYGONS + 1), f"at most {MAX_POLYGONS} polygons, got {MAX_POLYGONS + 1}"),
    ],
)
def test_wrong_region_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        read_options({"region": value})


@pytest.mark.parametrize("name", ["conf", "imgsz", "region", "normalized"])
@pytest.mark.parametrize("value", [None, ""])
def test_empty_value_is_not_set(name: str, value: Any) -> None:
    assert read_options({name: value}) == Options()
