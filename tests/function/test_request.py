"""Options of a request: values, ranges and error messages."""

from typing import Any

import pytest

from function.errors import InvalidOption
from function.request import OPTIONS, Options, is_misspelled, is_option, read_options, unknown_fields


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, Options()),
        ({"image_data": "x", "anything": 1}, Options()),
        ({"conf": 0.4, "iou": 1, "max_det": 5}, Options(conf=0.4, iou=1, max_det=5)),
        ({"conf": "0.4", "iou": "0", "max_det": "5"}, Options(conf=0.4, iou=0, max_det=5)),
        ({"conf": None, "classes": None}, Options()),
        ({"classes": [0, "gauge"]}, Options(classes=(0, "gauge"))),
        ({"classes": "0, gauge,wall clock"}, Options(classes=("0", "gauge", "wall clock"))),
        ({"classes": ["", " a", "7"]}, Options(classes=("", " a", "7"))),
        ({"classes": '["", 7]'}, Options(classes=("", 7))),
        ({"classes": "[red], blue"}, Options(classes=("[red]", "blue"))),
        ({"classes[]": [1], "classes": "2"}, Options(classes=(1, "2"))),
        ({"classes[0]": "a", "classes[1]": "b"}, Options(classes=("a", "b"))),
        ({"conf[]": "0.4", "classes[x]": "1"}, Options(conf=0.4)),
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
@pytest.mark.parametrize("value", [-0.01, 1.01, "x", "nan", float("nan"), float("inf"), True, [0.5]])
def test_fraction_out_of_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidOption, match=f"{name} must be between 0 and 1, got "):
        read_options({name: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, "x", "inf", True, 10**400, 3001])
def test_count_out_of_range_is_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match="max_det must be an integer between 1 and 3000, got "):
        read_options({"max_det": value})


@pytest.mark.parametrize("value", [[], {}, [None], [1.5], [True], [[0]], "[[[0]]]", "[null]", "[0.5]"])
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


def test_table_has_every_option_in_the_order_of_the_fields() -> None:
    assert tuple(option.name for option in OPTIONS) == Options._fields


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("confidence", "conf", 0.4),
        ("conf_thres", "conf", "0.4"),
        ("score_threshold", "conf", 0),
        ("iou_thres", "iou", 0.5),
        ("overlap", "iou", 1),
        ("max_detections", "max_det", 7),
        ("agnostic_nms", "agnostic", True),
    ],
)
def test_name_of_another_tool_is_the_same_option(alias: str, name: str, value: Any) -> None:
    assert read_options({alias: value}) == read_options({name: value}) != Options()


@pytest.mark.parametrize(
    "fields",
    [{"conf": 0.4, "confidence": "0.4"}, {"max_det": "5", "max_detections": 5.0}, {"overlap": 0.5, "iou": None}],
)
def test_two_names_of_one_option_may_be_equal(fields: dict[str, Any]) -> None:
    assert read_options(fields) != Options()


@pytest.mark.parametrize(
    "fields",
    [
        {"conf": 0.4, "confidence": 0.5},
        {"iou_thres": 0, "overlap": 1},
        {"agnostic": True, "agnostic_nms": "0"},
        {"conf[0]": 0.4, "conf[1]": 0.5},
    ],
)
def test_two_names_of_one_option_with_different_values_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match="are the same option and must be equal, got "):
        read_options(fields)


def test_error_names_the_option_as_the_client_wrote_it() -> None:
    with pytest.raises(InvalidOption, match="score_threshold must be between 0 and 1, got 7"):
        read_options({"score_threshold": 7})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Conf", "conf"),
        ("IoU", "iou"),
        ("max-det", "max_det"),
        ("maxDet", "max_det"),
        ("max_dets", "max_det"),
        ("clases", "classes"),
        ("calsses[]", "classes"),
        ("agnostik", "agnostic"),
        ("mask", "masks"),
        ("conf-thres", "conf_thres"),
        ("confidance", "confidence"),
    ],
)
def test_near_miss_of_an_option_is_refused(name: str, meant: str) -> None:
    with pytest.raises(InvalidOption, match=rf"unknown option .*; did you mean {meant}\?"):
        unknown_fields([name], ())


@pytest.mark.parametrize("name", ["con", "conf2", "cnof", "io", "class", "img", "foo", "", "x" * 1000, "max_", "[]"])
def test_other_names_are_unknown_fields(name: str) -> None:
    assert unknown_fields(["image_data", "conf", name, "classes[0]", name], ("image_data",)) == (name,)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("content_type", False), ("content_typ", True), ("Content-Type", True), ("contnet_type", True), ("type", False)],
)
def test_misspelled_name_is_one_edit_or_a_case_away(name: str, expected: bool) -> None:
    assert is_misspelled(name, "content_type") is expected


def test_number_of_unknown_fields_is_limited() -> None:
    names = [f"field-{number}" for number in range(1000)]
    assert len(unknown_fields(names, ())) == 1000
    with pytest.raises(InvalidOption, match="at most 1000 unknown fields, got 1001"):
        unknown_fields([*names, "another"], ())


@pytest.mark.parametrize("text", ["0.5", ".5", "+0.5", "5e-1", " 0.50 ", "00.5"])
def test_decimal_numbers_are_read_from_text(text: str) -> None:
    assert read_options({"conf": text}).conf == 0.5


@pytest.mark.parametrize("text", ["0_1", "\u0660.\u0665", "1_0e-1", "0x1", "inf", "nan", "1e", ".", "\u00a00.5"])
@pytest.mark.parametrize("name", ["conf", "max_det"])
def test_text_that_is_no_decimal_number_is_an_error(name: str, text: str) -> None:
    with pytest.raises(InvalidOption, match=name):
        read_options({name: text})


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("5e-1", 0.5), ("1", 1.0), (" 0.25\n", 0.25), ("0", 0.0)])
def test_number_may_be_text(text: str, value: float) -> None:
    assert read_options({"conf": text}).conf == value


def test_index_in_brackets_has_ascii_digits() -> None:
    assert not is_option("classes[\u0660]")
    assert is_option("classes[0]")


@pytest.mark.parametrize(
    ("value", "shown"), [(True, "true"), ({"a": None}, '{"a": null}'), ([False], "[false]"), ("x", "'x'"), (7, "7")]
)
def test_error_shows_a_value_as_json(value: object, shown: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        read_options({"iou": value})
    assert str(caught.value).endswith(f"got {shown}")


def test_error_of_two_names_of_one_option_shows_both_values() -> None:
    with pytest.raises(InvalidOption, match=r"conf and confidence .* must be equal, got 0.4 and '0.5'"):
        read_options({"conf": 0.4, "confidence": "0.5"})


@pytest.mark.parametrize(
    "fields",
    [
        {"classes": [0] * 10_001},
        {"classes": ["gauge"] * 500_000},
        {"classes": ",".join(["0"] * 10_001)},
        {f"classes[{index}]": 0 for index in range(100_000)},
        {"classes": [1] * 6000, "classes[]": [2] * 6000},
    ],
    ids=["ids", "names", "text", "fields", "two fields"],
)
def test_more_classes_than_the_limit_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=r"classes must have at most 10000 items, got \d+ or more"):
        read_options(fields)


def test_as_many_classes_as_the_limit_are_read() -> None:
    assert read_options({"classes": [0] * 10_000}).classes == (0,) * 10_000
