"""What lies in the bucket: pictures under awkward keys, some broken, some that S3 will fail on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.soak.fault_proxy import KINDS, Fault

BUCKET = "pictures"
RESULT_PREFIX = "results/"
NAMES = ("plain", "with space", "a+b", "100% %2B", "\"x\" and 'y'", "صورة", "大きい", "ä&?#=;,@", "UPPER.v2")
EVERY = 50  # one in so many is broken, and one in so many meets a fault
BROKEN_AT, FAULT_AT = 7, 23  # where in each fifty
MAX_SAMPLE_BYTES = 64 * 1024  # small pictures: the way is under test, not the model


class Placed(NamedTuple):
    """One object of the bucket."""

    key: str
    data: bytes
    broken: bool
    fault: Fault | None

    @property
    def etag(self) -> str:
        """As S3 makes it for an upload in one part."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def result_key(self) -> str:
        """Where its result has to lie."""
        return f"{RESULT_PREFIX}{self.key}.json"

    @property
    def fault_path(self) -> str:
        """The path of the requests that its fault meets."""
        writes = self.fault is not None and self.fault.method == "PUT"
        return f"/{BUCKET}/{self.result_key if writes else self.key}"


def plan(count: int, samples: Path) -> list[Placed]:
    """What is to lie there.

    Args:
        count: objects.
        samples: folder of pictures, of which the small ones are used.
    """
    pictures = [path.read_bytes() for path in sorted(samples.glob("*.jpg"))]
    small = [data for data in pictures if len(data) <= MAX_SAMPLE_BYTES]
    return list(_placed(count, small))


def upload(client: Any, objects: Sequence[Placed]) -> None:
    """Make the bucket and put everything into it."""
    client.create_bucket(Bucket=BUCKET)
    for one in objects:
        client.put_object(Bucket=BUCKET, Key=one.key, Body=one.data, ContentType="image/jpeg")


def _placed(count: int, pictures: Sequence[bytes]) -> Iterator[Placed]:
    for number in range(count):
        turn, place = divmod(number, EVERY)
        data = pictures[number % len(pictures)]
        broken = place == BROKEN_AT % count
        fault = KINDS[turn % len(KINDS)] if place == FAULT_AT % count else None
        key = f"in/{number:05} {NAMES[number % len(NAMES)]}.jpg"
        yield Placed(key, _break(data, turn) if broken else data, broken, fault)


def _break(data: bytes, turn: int) -> bytes:
    """No picture any more: empty, text, cut off inside its header, or with its first half gone."""
    return (b"", b"<html>not a picture</html>", data[:200], data[len(data) // 2 :])[turn % 4]
