"""Manifests: files that name objects of S3, one a line. Read as streams, also compressed with gzip and from S3.

Source: docs.aws.amazon.com/AmazonS3/latest/userguide, "Locating your inventory list".
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from scripts.aws.session import Aws
from scripts.batches import objects
from scripts.batches.errors import BatchError

EXPECTED = (
    "a manifest must be CSV with the columns bucket and key, CSV of an S3 inventory, JSONL with s3, source, or bucket "
    "and key, or lines of s3:// URIs"
)
GZIP_MAGIC = b"\x1f\x8b"
MANIFEST_COLUMNS = 3  # bucket, key and version, as for S3 Batch Operations; an inventory has more
URI = "s3://"
URI_COLUMNS = ("s3", "source", "uri", "s3_uri")
MAX_JSON = 64 * 1024 * 1024  # bytes of a manifest.json, which is read as a whole


class Entry(NamedTuple):
    """Object that a manifest names; `is_listed`: by an inventory, which has every object of a bucket."""

    bucket: str
    key: str
    is_listed: bool = False


def read(address: str, aws: Aws) -> Iterator[Entry]:
    """Yield the objects of a manifest.

    Args:
        address: a local path, or s3://bucket/key.
        aws: for a manifest in S3.

    Raises:
        BatchError: it cannot be read, or a line names no object.
    """
    name = address.lower().removesuffix(".gz")
    try:
        with _open(address, aws) as lines:
            if name.endswith(".json"):
                yield from _json(lines.read(MAX_JSON), address, aws)
            elif name.endswith((".jsonl", ".ndjson")):
                yield from _json_lines(lines, address)
            elif name.endswith(".csv"):
                yield from _csv(lines, address)
            else:
                yield from _guessed(lines, address)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise BatchError(f"{address} cannot be read: {error}") from error


def _guessed(lines: Any, address: str) -> Iterator[Entry]:
    """Read a file with another suffix by its first character: JSONL, URIs or CSV."""
    first = lines.readline()
    lines = itertools.chain([first], lines)
    if first.lstrip().startswith("{"):
        yield from _json_lines(lines, address)
    else:
        yield from _csv(lines, address)


@contextlib.contextmanager
def _open(address: str, aws: Aws) -> Iterator[Any]:
    """Yield a manifest as text, line by line."""
    with contextlib.ExitStack() as stack:
        if address.startswith("s3://"):
            stream: Any = objects.body(*objects.split(address, "SOURCE"), aws)
            stack.callback(stream.close)
            raw: Any = io.BufferedReader(_Readable(stream), 1 << 16)
        else:
            raw = stack.enter_context(Path(address).open("rb"))
        if raw.peek(2)[:2] == GZIP_MAGIC:
            raw = stack.enter_context(gzip.GzipFile(fileobj=raw))
        yield io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")


class _Readable(io.RawIOBase):
    """Body of an S3 response as a raw stream, for `io.BufferedReader`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _csv(lines: Any, address: str) -> Iterator[Entry]:
    """Read CSV: with a header, of an inventory without one, or with one column of URIs; also lines of URIs."""
    lines = iter(lines)
    first = next(lines, "")
    lines = itertools.chain([first], lines)
    if first.lstrip().startswith(URI):
        yield from _uris(lines, address)
        return
    reader = csv.reader(lines)
    columns: dict[str, int] | None = None
    for row in reader:
        if not any(row):
            continue
        if columns is None:
            columns = _columns(row, address)
            if columns:
                continue
        yield _row(row, columns, f"{address}, line {reader.line_num}")


def _uris(lines: Iterator[str], address: str) -> Iterator[Entry]:
    """Read URIs, one a line: commas and quotation marks belong to the key, unless the line begins with the mark."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            text = next(csv.reader(itertools.chain([line], lines)))[0] if line.startswith('"') else line.strip()
            yield _of_uri(text, f"{address}, URI {number}")


def _columns(row: list[str], address: str) -> dict[str, int]:
    """Return the columns of a header that name an object; {} if the row is none."""
    names = {name.strip().lower(): number for number, name in enumerate(row)}
    if "bucket" in names and "key" in names:
        return {"bucket": names["bucket"], "key": names["key"]}
    uri = next((name for name in URI_COLUMNS if name in names), None)
    if uri is None and ("bucket" in names or "key" in names):
        raise BatchError(f"{EXPECTED}; got the columns {', '.join(row)[:100]} ({address})")
    return {"uri": names[uri]} if uri else {}


def _row(row: list[str], columns: dict[str, int] | None, place: str) -> Entry:
    try:
        if columns and "uri" in columns:
            return _of_uri(row[columns["uri"]], place)
        if columns:
            return _entry(row[columns["bucket"]], row[columns["key"]], place)
        if row[0].startswith(URI):  # behind a quoted one or an empty line; a key may have a comma
            return _of_uri(",".join(row), place)
        is_listed = len(row) > MANIFEST_COLUMNS
        return _entry(row[0], unquote_plus(row[1]), place)._replace(is_listed=is_listed)
    except IndexError:
        raise BatchError(f"{EXPECTED}; got {','.join(row)[:100]!r} ({place})") from None


def _json_lines(lines: Any, address: str) -> Iterator[Entry]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            place = f"{address}, line {number}"
            try:
                fields = json.loads(line)
            except ValueError:
                raise BatchError(f"{EXPECTED}; got {line.strip()[:100]!r} ({place})") from None
            yield _of_fields(fields, place)


def _of_fields(fields: Any, place: str) -> Entry:
    """Return the object that a JSON value names: `s3`, `source`, or `bucket` and `key`, in any case."""
    if isinstance(fields, str):
        return _of_uri(fields, place)
    if isinstance(fields, dict):
        lower = {str(name).lower(): value for name, value in fields.items()}
        uri = next((lower[name] for name in URI_COLUMNS if lower.get(name)), None)
        if isinstance(uri, dict):  # as in results of S3 events
            return _of_fields(uri, place)
        if isinstance(uri, str):
            return _of_uri(uri, place)
        if isinstance(lower.get("bucket"), str) and isinstance(lower.get("key"), str):
            return _entry(lower["bucket"], lower["key"], place)
    raise BatchError(f"{EXPECTED}; got {json.dumps(fields)[:100]} ({place})")


def _of_uri(text: str, place: str) -> Entry:
    bucket, _, key = text.removeprefix(URI).partition("/")  # of which a key may end with spaces
    if not text.startswith(URI):
        raise BatchError(f"{EXPECTED}; got {text[:100]!r} ({place})")
    return _entry(bucket, key, place)


def _entry(bucket: str, key: str, place: str) -> Entry:
    if not (bucket and key):
        raise BatchError(f"{EXPECTED}; got an empty bucket or key ({place})")
    if any("\ud800" <= letter <= "\udfff" for letter in bucket + key):  # JSON can spell it, S3 has no such key
        raise BatchError(f"{EXPECTED}; got half of a surrogate pair ({place})")
    return Entry(bucket, key)


def _json(text: str, address: str, aws: Aws) -> Iterator[Entry]:
    """Read the manifest.json of an inventory, and the files that it names."""
    try:
        document = json.loads(text)
        if isinstance(document, list):
            yield from (_of_fields(fields, address) for fields in document)
            return
        schema, files = document["fileSchema"], [file["key"] for file in document["files"]]
        bucket = document["destinationBucket"].rpartition(":")[2]
        kind = document["fileFormat"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BatchError(
            f"{address} must be the manifest.json of an S3 inventory, with fileFormat, fileSchema, destinationBucket "
            "and files; JSONL has the suffix .jsonl"
        ) from None
    if kind != "CSV":
        raise BatchError(f"{address}: the format of the inventory must be CSV, got {kind}")
    names = [name.strip().lower() for name in schema.split(",")]
    for file in files:
        yield from _inventory(f"s3://{bucket}/{file}", names, aws)


def _inventory(address: str, names: list[str], aws: Aws) -> Iterator[Entry]:
    """Read one file of an inventory: the latest versions, without delete markers; its keys are URL-encoded."""
    with _open(address, aws) as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            fields = dict(zip(names, row, strict=False))
            if fields.get("islatest") == "false" or fields.get("isdeletemarker") == "true":
                continue
            place = f"{address}, line {number}"
            entry = _entry(fields.get("bucket", ""), unquote_plus(fields.get("key", "")), place)
            yield entry._replace(is_listed=True)
