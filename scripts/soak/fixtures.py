"""Objects of the bucket: images under unusual keys, some broken, some with a fault, some with an older version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.soak.fault_proxy import KINDS, Fault

BUCKET = "images"
RESULT_PREFIX = "results/"
NAMES = ("plain", "with space", "a+b", "100% %2B", "\"x\" and 'y'", "صورة", "大きい", "ä&?#=;,@", "UPPER.v2")
EVERY = 50  # one of this many objects is broken, one has a fault, and one has an older version
BROKEN_AT, FAULT_AT, OLDER_AT = 7, 23, 31  # their positions in each fifty objects
MAX_SAMPLE_BYTES = 64 * 1024  # small images: the delivery is tested, not the model


class SoakObject(NamedTuple):
    """Object of the bucket."""

    key: str
    data: bytes
    broken: bool
    fault: Fault | None
    older: bytes | None = None  # an older version, whose event arrives after that of the newest or before it
    version_id: str | None = None  # of `data`, from the upload
    older_version_id: str | None = None

    @property
    def older_id(self) -> str:
        """Message id of the older version."""
        return f"{self.key} (older version)"

    @property
    def etag(self) -> str:
        """ETag of S3 for an upload in one part."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def result_key(self) -> str:
        """Key of its result."""
        return f"{RESULT_PREFIX}{self.key}.json"

    @property
    def fault_path(self) -> str:
        """Path of the requests that meet its fault."""
        writes = self.fault is not None and self.fault.method == "PUT"
        return f"/{BUCKET}/{self.result_key if writes else self.key}"


def plan(count: int, samples: Path) -> list[SoakObject]:
    """Return the objects of the bucket.

    Args:
        count: number of objects.
        samples: folder of images; only the small images are used.
    """
    images = [path.read_bytes() for path in sorted(samples.glob("*.jpg"))]
    small = [data for data in images if len(data) <= MAX_SAMPLE_BYTES]
    return list(_objects(count, small))


def upload(client: Any, objects: Sequence[SoakObject]) -> list[SoakObject]:
    """Create a bucket with versions and upload all objects; return them with their version ids."""
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def put(item: SoakObject, data: bytes) -> str:
        response = client.put_object(Bucket=BUCKET, Key=item.key, Body=data, ContentType="image/jpeg")
        return str(response["VersionId"])

    uploaded = []
    for item in objects:
        older_version_id = None if item.older is None else put(item, item.older)
        uploaded.append(item._replace(version_id=put(item, item.data), older_version_id=older_version_id))
    return uploaded


def _objects(count: int, images: Sequence[bytes]) -> Iterator[SoakObject]:
    for number in range(count):
        group, position = divmod(number, EVERY)
        data = images[number % len(images)]
        broken = position == BROKEN_AT % count
        fault = KINDS[group % len(KINDS)] if position == FAULT_AT % count else None
        is_replaced = position == OLDER_AT % count and not broken and not fault
        older = images[(number + 1) % len(images)] if is_replaced else None
        key = f"in/{number:05} {NAMES[number % len(NAMES)]}.jpg"
        yield SoakObject(key, _break(data, group) if broken else data, broken, fault, older)


def _break(data: bytes, group: int) -> bytes:
    """Return bytes that are not an image: empty, text, truncated in the header, or without the first half."""
    return (b"", b"<html>not an image</html>", data[:200], data[len(data) // 2 :])[group % 4]
