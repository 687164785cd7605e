"""Images that call.py takes: files, folders, patterns and S3."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from scripts import call
from scripts.aws.session import Aws
from scripts.client import NotCallable, images
from tests.scripts.client.conftest import Lambda, printed


def no_session() -> Aws:
    raise AssertionError("no session is needed")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="photos")
        for key in ("in/a.jpg", "in/sub/b.PNG", "in/notes.txt", "out/c.jpg", "in/"):
            s3.put_object(Bucket="photos", Key=key, Body=key.encode())
        yield "photos"


def session() -> Aws:
    return Aws("us-east-1")


def test_a_folder_is_its_images(red: Path) -> None:
    (red.parent / "notes.txt").write_text("no image")
    (red.parent / "b.heic").write_bytes(b"")
    found = images.find([str(red.parent)], no_session)
    assert found.images == [images.Image("red.png", str(red), "red", red)]
    assert found.left_out == "1 .heic (not supported)"


def test_a_pattern_is_its_images(red: Path) -> None:
    found = images.find([f"{red.parent}/*.png"], no_session)
    assert [image.path for image in found.images] == [red]


def test_a_file_that_is_named_twice_is_sent_twice(red: Path) -> None:
    assert len(images.find([str(red), str(red)], no_session).images) == 2


def test_an_object_is_sent_by_its_address(bucket: str) -> None:
    (image,) = images.find(["s3://photos/in/a.jpg"], no_session).images
    assert images.event(image, {"conf": "0.5"}) == {"conf": "0.5", "s3": "s3://photos/in/a.jpg"}
    assert (image.name, image.stem) == ("s3://photos/in/a.jpg", "a")
    assert images.read(image, session) == b"in/a.jpg"


def test_a_prefix_is_its_images(bucket: str) -> None:
    found = images.find(["s3://photos/in/"], session).images
    assert [image.source for image in found] == ["s3://photos/in/a.jpg", "s3://photos/in/sub/b.PNG"]
    assert len(images.find(["s3://photos"], session).images) == 3


def test_a_prefix_without_images_is_an_error(bucket: str) -> None:
    with pytest.raises(NotCallable, match=r"s3://photos/none/ must have images \(\.jpg, .*\), got none"):
        images.find(["s3://photos/none/"], session)


@pytest.mark.parametrize("address", ["s3://", "s3:///key"])
def test_an_address_without_a_bucket_is_an_error(address: str) -> None:
    with pytest.raises(NotCallable, match="IMAGE must be s3://bucket/key or s3://bucket/prefix/, got s3://"):
        images.find([address], no_session)


def test_an_image_is_read_when_it_is_sent(red: Path) -> None:
    (image,) = images.find([str(red)], no_session).images
    red.unlink()
    with pytest.raises(FileNotFoundError):
        images.event(image, {})


def test_an_image_above_the_event_limit_is_not_sent(
    served: Lambda, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large.jpg").write_bytes(bytes(4_800_000))
    assert call.main([str(tmp_path / "large.jpg")]) == 2
    assert "must be at most 6,291,456 bytes" in capsys.readouterr().err
    assert served.requests == []


def test_a_large_image_of_a_folder_does_not_stop_the_others(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (red.parent / "large.jpg").write_bytes(bytes(4_800_000))
    assert call.main([str(red.parent)]) == 1
    output = printed(capsys)
    assert "large.jpg   413 RequestTooLarge: the request must be at most 6,291,456 bytes" in output
    assert "red.png   200" in output
    assert len(served.requests) == 1


def test_a_missing_image_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main(["nothing.jpg", "--region", "us-east-1"]) == 2
    message = "call: IMAGE must be a file, a folder or s3://bucket/key, got nothing.jpg, which does not exist\n"
    assert capsys.readouterr().err == message
