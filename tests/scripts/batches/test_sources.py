import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from scripts.aws.session import Aws
from scripts.batches import sources
from scripts.batches.errors import BatchError


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="photos")
        yield Aws("us-east-1")


def put(aws: Aws, *keys: str) -> None:
    for key in keys:
        aws.client("s3").put_object(Bucket="photos", Key=key, Body=b"x")


def test_prefix_has_every_image_of_all_pages(aws: Aws) -> None:
    keys = [f"in/{number:05}.jpg" for number in range(1001)]
    put(aws, *keys, "out/other.jpg")
    items = list(sources.open_source("s3://photos/in/", aws).items())
    assert [item.source for item in items] == [f"s3://photos/{key}" for key in keys]


def test_prefix_leaves_out_what_is_no_image_and_counts_it(aws: Aws) -> None:
    put(aws, "in/", "in/a.JPEG", "in/a.json", "in/b.json", "in/c.heic", "in/without-suffix")
    source = sources.open_source("s3://photos/in/", aws)
    assert [item.source for item in source.items()] == ["s3://photos/in/a.JPEG", "s3://photos/in/without-suffix"]
    assert source.left_out == {"folders": 1, ".json": 2, ".heic (not supported)": 1}


def test_missing_bucket_is_an_error_of_one_line(aws: Aws) -> None:
    with pytest.raises(BatchError, match=r"s3://none/ cannot be read.*NoSuchBucket"):
        list(sources.open_source("s3://none", aws).items())


def test_folder_has_the_images_of_all_folders_below_it(tmp_path: Path, aws: Aws) -> None:
    for name in ("b.jpg", "a/c.png", "a/d.txt", ".hidden/e.jpg", "a/.f.jpg", "README"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    source = sources.open_source(str(tmp_path), aws)
    assert [item.source for item in source.items()] == [f"{tmp_path}/a/c.png", f"{tmp_path}/b.jpg"]
    assert source.left_out == {".txt": 1, "without a suffix": 1}


def test_links_of_a_folder_are_followed_once_and_what_is_no_file_is_counted(tmp_path: Path, aws: Aws) -> None:
    photos, other = tmp_path / "photos", tmp_path / "other"
    (photos / "sub").mkdir(parents=True)
    other.mkdir()
    for path in (photos / "a.jpg", photos / "sub" / "b.jpg", other / "c.jpg"):
        path.write_bytes(b"x")
    (photos / "sub" / "up").symlink_to(photos)
    (photos / "other").symlink_to(other)
    (photos / "link.jpg").symlink_to("a.jpg")
    (photos / "gone.jpg").symlink_to("nowhere")
    (photos / "self.jpg").symlink_to("self.jpg")
    os.mkfifo(photos / "pipe.jpg")
    source = sources.open_source(str(photos), aws)
    names = ["a.jpg", "link.jpg", "other/c.jpg", "sub/b.jpg"]
    assert [item.source for item in source.items()] == [f"{photos}/{name}" for name in names]
    assert source.left_out == {"broken links": 2, "no files": 1, "links to a folder above": 1}


def test_file_name_that_is_not_text_has_a_path_and_a_source(tmp_path: Path, aws: Aws) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.jpg"
    Path(os.fsdecode(path)).write_bytes(b"x")
    assert list(sources.open_source(str(tmp_path), aws).items()) == [(f"{tmp_path}/\\xff.jpg", path)]


@pytest.mark.parametrize("source", ["nowhere", "s3://", "s3:///key", "photo.jpg"])
def test_source_of_another_form_is_refused(
    source: str, tmp_path: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(BatchError, match="SOURCE must be"):
        sources.open_source(source, aws)
