"""Options of a request: values, ranges and error messages."""

from typing import Any

import pytest

from function.errors import InvalidOption
from function.request import Options, read_options


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, Options()),
        ({"image_data": "x", "anything": 1}, Options()),
        ({"conf": 0.4, "iou": 1, "max_det": 5}, Options(conf=0.4, iou=1, max_det=5)),
        ({"conf": "0.4", "iou": "0", "max_det": "5"}, Options(conf=0.4, iou=0, max_det=5)),
        ({"conf": None, "classes": None}, Options()),
        ({"classes": [0, "gauge"]}, Options(classes=(0, "gauge"))),
        ({"classes": "0, gauge,wall clock"}, Options(classes=(0, "gauge", "wall clock"))),
        ({"classes": 1}, Options(classes=(1,))),
        ({"classes": ""}, Options()),
        ({"conf": "", "iou": "", "max_det": ""}, Options()),
        ({"classes": "9" * 5000}, Options(classes=("9" * 5000,))),
        ({"max_det": 3000}, Options(max_det=3000)),
    ],
)
def test_options_mean_the_same_in_json_and_in_a_query_string(fields: dict[str, Any], options: Options) -> None:
    assert read_options(fields) == options


@pytest.mark.parametrize("name", ["conf", "iou"])
@pytest.mark.parametrize("value", [-0.01, 1.01, "x", "nan", float("nan"), float("inf"), True, [0.5], {}])
def test_fraction_out_of_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidOption, match=f"{name} must be between 0 and 1, got "):
        read_options({name: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, "x", "inf", True, 10**400, 3001])
def test_count_out_of_range_is_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match="max_det must be an integer between 1 and 3000, got "):
        read_options({"max_det": value})


@pytest.mark.parametrize("value", [[], {}, [None], [1.5], [True], "a,,b", [[0]], " "])
def test_classes_of_another_type_are_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match="classes"):
        read_options({"classes": value})


def test_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidOption) as caught:
        read_options({"conf": "x" * 5_000_000})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", ["x", 2, [], "yes"])
def test_flag_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match="agnostic must be true or false, got "):
        read_options({"agnostic": value})


@pytest.mark.parametrize("value", ["x", 2, [], "RLE"])
def test_unknown_masks_are_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match="masks must be polygons, rle or none, got "):
        read_options({"masks": value})
