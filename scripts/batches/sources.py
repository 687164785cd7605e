"""The images of a run: objects below an S3 prefix, the rows of a manifest, or the files of a folder.

Each source is read as a stream: a million keys need no more memory than one page of a listing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from scripts.aws.session import Aws
from scripts.batches import manifests, objects
from scripts.batches.errors import BatchError
from scripts.predictions.sources import OTHER_SUFFIXES, SUFFIXES

MANIFEST_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".txt", ".json", ".gz")


class Item(NamedTuple):
    """One image.

    Attributes:
        source: its name in the results: `s3://bucket/key`, or the path of a file.
        path: of a local file as bytes, which may not be text; None for an object.
    """

    source: str
    path: bytes | None = None


class Source(Protocol):
    """Images in an order of their own, which may repeat.

    Attributes:
        identity: names the source in the record of a run.
        left_out: reason -> number of objects or files that `items` did not yield.
    """

    identity: str
    left_out: Counter[str]

    def items(self) -> Iterator[Item]:
        """Yield the images.

        Raises:
            BatchError: the source cannot be read, or a row of a manifest names no object.
            DeployError: an error of AWS.
        """


def open_source(text: str, aws: Aws) -> Source:
    """Return the source that SOURCE names; nothing is read.

    Raises:
        BatchError: it is none of the forms.
    """
    if text.startswith("s3://"):
        bucket, key = objects.split(text, "SOURCE")
        if key.lower().endswith(MANIFEST_SUFFIXES):
            return Manifest(text, aws)
        return Prefix(bucket, key, aws)
    path = Path(text)
    if path.is_dir():
        return Folder(path)
    if path.is_file() and path.suffix.lower() in SUFFIXES + OTHER_SUFFIXES:
        raise BatchError(f"SOURCE must be a folder, a manifest or s3://bucket/prefix/, got the image {text}")
    if path.is_file():
        return Manifest(text, aws)
    raise BatchError(f"SOURCE must be s3://bucket/prefix/, a manifest or a folder, got {text}, which does not exist")


class Prefix:
    """Images below a prefix of a bucket, in the order of their keys."""

    def __init__(self, bucket: str, prefix: str, aws: Aws) -> None:
        self.identity = f"s3://{bucket}/{prefix}"
        self.left_out: Counter[str] = Counter()
        self._bucket, self._prefix, self._aws = bucket, prefix, aws

    def items(self) -> Iterator[Item]:
        for key in objects.keys(self._bucket, self._prefix, self._aws):
            reason = reason_to_leave_out(key)
            if reason:
                self.left_out[reason] += 1
            else:
                yield Item(f"s3://{self._bucket}/{key}")


class Manifest:
    """Objects that a manifest names, in its order. Of an inventory, which has every object, only the images."""

    def __init__(self, address: str, aws: Aws) -> None:
        self.identity = address if address.startswith("s3://") else str(Path(address).resolve())
        self.left_out: Counter[str] = Counter()
        self._address, self._aws = address, aws

    def items(self) -> Iterator[Item]:
        for entry in manifests.read(self._address, self._aws):
            reason = reason_to_leave_out(entry.key) if entry.is_listed else ""
            if reason:
                self.left_out[reason] += 1
            else:
                yield Item(f"s3://{entry.bucket}/{entry.key}")


class Folder:
    """Images of a folder and the folders below it, by name. Names that begin with a dot are left out."""

    def __init__(self, folder: Path) -> None:
        self.identity = str(folder.resolve())
        self.left_out: Counter[str] = Counter()
        self._folder = folder

    def items(self) -> Iterator[Item]:
        yield from self._below(os.fsencode(self._folder), ())

    def _below(self, folder: bytes, parents: tuple[tuple[int, int], ...]) -> Iterator[Item]:
        try:
            status = os.stat(folder)  # noqa: PTH116  (bytes)
            with os.scandir(folder) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            raise BatchError(f"{os.fsdecode(folder)!r} cannot be read: {error.strerror}") from error
        identity = status.st_dev, status.st_ino
        if identity in parents:
            self.left_out["links to a folder above"] += 1
            return
        for entry in entries:
            if entry.name.startswith(b"."):
                continue
            kind = _kind(entry)
            if kind == "folder":
                yield from self._below(entry.path, (*parents, identity))
                continue
            reason = _reason_of_file(os.fsdecode(entry.name)) or kind
            if reason:
                self.left_out[reason] += 1
            else:
                yield Item(entry.path.decode("utf-8", "backslashreplace"), entry.path)


def _kind(entry: os.DirEntry[bytes]) -> str:
    """Return `folder`, why an entry is no file, or "" for a file."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return ""
        return "broken links" if entry.is_symlink() else "no files"
    except OSError:  # a link to itself
        return "broken links"


def reason_to_leave_out(key: str) -> str:
    """Return why an object of a listing is no image to predict; "" if it is one, or has no suffix."""
    if key.endswith("/"):
        return "folders"
    suffix = Path(key).suffix.lower()
    if suffix in OTHER_SUFFIXES:
        return f"{suffix} (not supported)"
    return "" if suffix in SUFFIXES or not suffix else suffix


def _reason_of_file(name: str) -> str:
    return reason_to_leave_out(name) if Path(name).suffix else "without a suffix"
