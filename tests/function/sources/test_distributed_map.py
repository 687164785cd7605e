"""Items of the readers of a distributed map: names in any spelling, encoded keys, options, and what is refused."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from function.errors import BadRequest, InvalidOption, TransientError
from tests.function.sources.conftest import Reply
from tests.support.fake_s3 import FakeS3

Invoke = Callable[..., Reply]
ROW = {"key": "in/wall.jpg", "detection_count": 1, "result": "s3://photos/results/in/wall.jpg.json"}


@pytest.mark.parametrize(
    "item",
    [
        {"bucket": "photos", "Key": "in/wall.jpg", "Etag": '"e1"', "Size": 7},
        {"Bucket": "photos", "Key": "in/wall.jpg", "Size": "7", "LastModifiedDate": "2026-11-27T10:00:00.000Z"},
        {"bucket": "photos", "key": "in/wall.jpg"},
        {"BUCKET": "photos", "KEY": "in/wall.jpg"},
        {"\ufeffbucket": "photos", "key ": "in/wall.jpg"},
        {"bucket": "photos", "key": "in/wall.jpg", "httpMethod": "GET", "path": "/"},
        {"bucket_name": "photos", "object_key": "in/wall.jpg", "label": "wall"},
        {"S3Bucket": "photos", "S3Key": "in/wall.jpg"},
        {"bucket": "photos", "Bucket": "photos", "key": "in%2Fwall.jpg"},
    ],
)
def test_item_of_any_reader_gets_its_row(item: dict[str, Any], invoke: Invoke) -> None:
    assert invoke(item).value == ROW
    assert invoke({"Items": [item]}).value == {"results": [ROW]}


@pytest.mark.parametrize("item", [{"key": "in/wall.jpg"}, {"s3": "s3://photos/in/wall.jpg"}, {"Key": "in/wall.jpg"}])
def test_item_of_a_batch_may_leave_out_its_bucket(item: dict[str, Any], invoke: Invoke) -> None:
    assert invoke({"BatchInput": {"Bucket": "photos"}, "Items": [item]}).value == {"results": [ROW]}


KEYS = [
    ("in/a+b.jpg", "in/a b.jpg"),
    ("in/a%20b.jpg", "in/a b.jpg"),
    ("in/%E5%A4%A7.jpg", "in/大.jpg"),
    ("in/a+b%2Bc.jpg", "in/a+b+c.jpg"),
    ("in/100%25.jpg", "in/100%.jpg"),
]


@pytest.mark.parametrize(("written", "stored"), KEYS)
def test_encoded_key_is_decoded_if_only_the_decoded_object_exists(
    written: str, stored: str, invoke: Invoke, photos: FakeS3, red_png: bytes
) -> None:
    photos.objects["photos", stored] = red_png
    assert invoke({"Bucket": "photos", "Key": written}).value["key"] == stored
    assert photos.written_keys == [f"results/{stored}.json"]


@pytest.mark.parametrize(("written", "stored"), KEYS)
def test_key_is_taken_literally_if_that_object_exists(
    written: str, stored: str, invoke: Invoke, photos: FakeS3, red_png: bytes
) -> None:
    photos.objects |= {("photos", written): red_png, ("photos", stored): b"another object"}
    assert invoke({"Bucket": "photos", "Key": written}).value["key"] == written


def test_encoded_key_of_a_result_is_skipped(invoke: Invoke, photos: FakeS3, red_png: bytes) -> None:
    photos.objects["photos", "results/in/wall.jpg.json"] = red_png
    assert "skipped" in invoke({"Bucket": "photos", "Key": "results%2Fin%2Fwall.jpg.json"}).value
    assert photos.written_keys == []


def test_error_while_the_key_is_looked_up_is_raised_and_counted(invoke: Invoke, photos: FakeS3) -> None:
    photos.errors["head", "photos", "in%2Fwall.jpg"] = TransientError("503")
    with pytest.raises(TransientError):
        invoke({"Bucket": "photos", "Key": "in%2Fwall.jpg"})


def test_version_of_an_inventory_is_read(invoke: Invoke, photos: FakeS3) -> None:
    invoke({"Bucket": "photos", "Key": "in/wall.jpg", "VersionId": "v3", "IsLatest": "true"})
    invoke({"Bucket": "photos", "Key": "in/wall.jpg", "VersionId": ""})
    assert photos.requested_versions == ["v3", None]


@pytest.mark.parametrize("item", [{"key": "in/wall.jpg", "conf": "0.999999"}, {"key": "in/wall.jpg"}])
def test_options_of_a_batch_and_of_an_item_count(item: dict[str, Any], invoke: Invoke) -> None:
    batch_input = {"bucket": "photos"} | ({} if "conf" in item else {"conf": 0.999999})
    (row,) = invoke({"BatchInput": batch_input, "Items": [item]}).value["results"]
    assert row["detection_count"] == 0


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        ({"path": "in/wall.jpg", "size": "7"}, "path, size"),
        ({"bucket": "photos", "file": "in/wall.jpg"}, "bucket, file"),
        ({"Key": "in/wall.jpg"}, "Key"),
    ],
)
def test_unknown_item_is_raised_with_its_fields(item: dict[str, Any], fields: str, invoke: Invoke) -> None:
    with pytest.raises(BadRequest, match=f"the fields are '{fields}'"):
        invoke({"Items": [item]})


@pytest.mark.parametrize(
    "item",
    [
        {"bucket": "photos", "key": "a", "Key": "b"},
        {"bucket": "photos", "Bucket": "others", "key": "a"},
        {"bucket": "photos", "key": "\ud800"},
        ["in/wall.jpg"],
    ],
)
def test_ambiguous_or_broken_item_is_raised(item: Any, invoke: Invoke) -> None:
    with pytest.raises(BadRequest):
        invoke({"Items": [item]})


def test_invalid_option_of_an_item_is_raised(invoke: Invoke) -> None:
    with pytest.raises(InvalidOption, match="conf"):
        invoke({"bucket": "photos", "key": "in/wall.jpg", "conf": "high"})


def test_direct_request_with_a_key_is_no_map_item(invoke: Invoke) -> None:
    assert invoke({"image_data": "!", "key": "abc", "bucket": "photos"}).value["statusCode"] == 400


COLUMNS: list[dict[str, Any]] = [
    {"url": "https://images.example/a.jpg"},
    {"url": ""},
    {"url": None},
    {"body": "text"},
    {"images": "3"},
    {"images": 3},
    {"inputs": "left, right"},
    {"image_data": ""},
    {"s3": ""},
    {"url": "x", "body": "", "images": None, "inputs": "1"},
]


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_other_columns_beside_bucket_and_key_are_ignored(
    columns: dict[str, Any], invoke: Invoke, photos: FakeS3
) -> None:
    item = {"bucket": "photos", "key": "in/wall.jpg"} | columns
    assert invoke(item).value == ROW
    assert invoke({"Items": [item]}).value == {"results": [ROW]}
    assert invoke({"BatchInput": {"bucket": "photos"}, "Items": [{"Key": "in/wall.jpg"} | columns]}).value == {
        "results": [ROW]
    }
    assert photos.written_keys


@pytest.mark.parametrize(
    "event",
    [
        {"bucket": "photos", "key": "in/wall.jpg", "s3": "s3://photos/in/wall.jpg"},
        {"bucket": "photos", "key": "in/wall.jpg", "images": [{"s3": "s3://photos/in/wall.jpg"}]},
        {"bucket": "photos", "key": "in/wall.jpg", "images": ["a"]},
        {"bucket": "photos", "key": "in/wall.jpg", "body": {"conf": 0.1}},
        {"bucket": "photos", "key": "in/wall.jpg", "inputs": [1]},
        {"bucket": "", "key": "", "url": "https://images.example/a.jpg"},
        {"bucket": None, "key": None},
        {"bucket": 7, "key": 5},
        {"bucket": {"name": "photos"}, "key": "in/wall.jpg"},
        {"Key": None, "Size": 7},
        {"bucket": "photos", "key": "in/wall.jpg", "versionId": 7},
        {"bucket": "photos", "key": "in/wall.jpg", "version_id": ["v1"]},
        {"bucket": "photos", "key": "in/wall.jpg", "VersionId": "\udcff"},
        {"s3": {"bucket": {"name": "photos"}, "object": {"key": "in/wall.jpg"}}},
        {"s3": {"bucket": {"name": "photos"}, "object": {"key": "in/wall.jpg"}}, "time": "2026"},
        {"BatchInput": ["photos"], "Items": [{"bucket": "photos", "key": "in/wall.jpg"}]},
    ],
    ids=str,
)
def test_contradictory_or_unreadable_item_is_raised_and_writes_nothing(
    event: dict[str, Any], invoke: Invoke, photos: FakeS3
) -> None:
    with pytest.raises(BadRequest) as raised:
        invoke(event)
    assert not re.search(r"[{}]|None|True|\b(dict|list|int|str)\b", str(raised.value))
    assert photos.written_keys == []


def test_encoded_key_with_a_version_is_looked_up_with_this_version(
    invoke: Invoke, photos: FakeS3, red_png: bytes
) -> None:
    photos.put("photos", "in/a%20b.jpg", b"another object", 2, "v2")
    photos.put("photos", "in/a b.jpg", red_png, 1, "v1")
    assert invoke({"Bucket": "photos", "Key": "in/a%20b.jpg", "VersionId": "v1"}).value["key"] == "in/a b.jpg"
    assert photos.requested_versions == ["v1"]


def test_bucket_beside_images_is_that_of_each_image(invoke: Invoke) -> None:
    assert invoke({"Items": [{"bucket": "photos", "images": [{"key": "in/wall.jpg"}]}]}).value == {"results": [ROW]}


@pytest.mark.parametrize(("batch_input", "kind"), [(["photos"], "an array"), ("photos", "text"), (5, "a number")])
def test_error_for_batch_input_names_its_kind(batch_input: Any, kind: str, invoke: Invoke) -> None:
    with pytest.raises(BadRequest, match=f"^BatchInput must be an object, got {kind}$"):
        invoke({"BatchInput": batch_input, "Items": [{"bucket": "photos", "key": "in/wall.jpg"}]})


@pytest.mark.parametrize(
    ("setting", "option", "is_written"), [("0", True, True), ("1", False, False), ("1", None, True), ("0", None, False)]
)
def test_annotate_of_a_request_has_priority_over_the_setting(
    setting: str, option: bool | None, is_written: bool, invoke: Invoke, photos: FakeS3
) -> None:
    fields = {} if option is None else {"annotate": option}
    invoke({"bucket": "photos", "key": "in/wall.jpg", **fields}, ANNOTATE=setting)
    assert ("results/in/wall.jpg.jpg" in photos.written_keys) == is_written
    assert "results/in/wall.jpg.json" in photos.written_keys
