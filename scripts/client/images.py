"""Images that call.py sends: files, folders, patterns and objects in S3; each is read when it is sent."""

from __future__ import annotations

import base64
import glob
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.aws.limits import EVENT_LIMIT
from scripts.client import NotCallable
from scripts.predictions import sources

if TYPE_CHECKING:
    from scripts.aws.session import Aws

S3 = "s3://"


class Image(NamedTuple):
    """An image to send.

    Attributes:
        name: in the output.
        source: path of the file, or `s3://bucket/key`.
        stem: name of a file that is written for the image, without its suffix.
        path: of the file; None: an object in S3, which the function reads.
    """

    name: str
    source: str
    stem: str
    path: Path | None


class Found(NamedTuple):
    """Images, and in one line why files of folders are not among them; "" if there are none."""

    images: list[Image]
    left_out: str


def find(named: Sequence[str], aws: Callable[[], Aws]) -> Found:
    """Return the images that a command line names, in its order.

    Args:
        named: files, folders, patterns such as `photos/**/*.jpg`, `s3://bucket/key` and `s3://bucket/prefix/`.
        aws: returns the session that lists prefixes; called only for a prefix.

    Raises:
        NotCallable: one does not exist, has no image, or is a file that is too large for Lambda.
        DeployError: a prefix cannot be listed.
    """
    images: list[Image] = []
    left_out: list[str] = []
    for source in named:
        if source.startswith(S3):
            images += _objects(source, aws)
        elif Path(source).is_file():
            images.append(_file(Path(source)))
        else:
            found = _files(source)
            images += [Image(image.name, str(image.path), image.stem, image.path) for image in found.images]
            left_out += [found.left_out] if found.left_out else []
    return Found(images, ", ".join(left_out))


def event(image: Image, request: dict[str, str]) -> dict[str, Any]:
    """Return the request for one image: its bytes, or its address in S3.

    Raises:
        OSError: the file cannot be read.
    """
    if image.path is None:
        return {**request, "s3": image.source}
    data = base64.b64encode(image.path.read_bytes()).decode()
    return {**request, "image_data": data, "image_name": image.path.name}


def read(image: Image, aws: Callable[[], Aws]) -> bytes:
    """Return the bytes of an image, to draw on it.

    Raises:
        OSError: the file cannot be read.
        DeployError: the object cannot be read.
    """
    if image.path is not None:
        return image.path.read_bytes()
    bucket, key = _split(image.source)
    found = aws().read("s3", "get_object", Bucket=bucket, Key=key)
    if found is None:
        raise NotCallable(f"{image.source} does not exist any more")
    data: bytes = found["Body"].read()
    return data


def _file(path: Path) -> Image:
    size = 4 * -(-path.stat().st_size // 3)  # as base64
    if size > EVENT_LIMIT:
        raise NotCallable(
            f"the request must be at most {EVENT_LIMIT:,} bytes (an image of about 4.5 MB), got {size:,} for {path}; "
            "an object in S3 may be larger: s3://bucket/key"
        )
    return Image(path.name, str(path), path.stem, path)


def _files(source: str) -> sources.Found:
    if not (Path(source).is_dir() or glob.has_magic(source)):
        raise NotCallable(f"IMAGE must be a file, a folder or s3://bucket/key, got {source}, which does not exist")
    try:
        return sources.find([source])
    except sources.NoImages as error:
        raise NotCallable(str(error)) from error


def _objects(source: str, aws: Callable[[], Aws]) -> Iterator[Image]:
    bucket, key = _split(source)
    if not bucket:
        raise NotCallable(f"IMAGE must be s3://bucket/key or s3://bucket/prefix/, got {source}")
    keys = [key]
    if not key or key.endswith("/"):
        listed = aws().pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=key)
        keys = [item["Key"] for item in listed if item["Key"].lower().endswith(sources.SUFFIXES)]
        if not keys:
            raise NotCallable(f"{source} must have images ({', '.join(sources.SUFFIXES)}), got none")
    for name in keys:
        address = f"{S3}{bucket}/{name}"
        yield Image(address, address, PurePosixPath(name).stem, None)


def _split(address: str) -> tuple[str, str]:
    bucket, _, key = address[len(S3) :].partition("/")
    return bucket, key
