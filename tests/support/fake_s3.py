"""Buckets in memory, in place of S3: what sources read and write, and faults on request."""

import hashlib
import json
from typing import Any

from function.errors import NotFound, TooLarge
from function.storage import Object


class Shelf:
    """The two functions of `function.storage` on a dict; `faults` maps (verb, bucket, key) to what is raised."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.types: dict[str, str] = {}
        self.order: list[str] = []
        self.faults: dict[tuple[str, str, str], Exception] = {}
        self.versions_asked: list[str | None] = []

    def read(self, bucket: str, key: str, version_id: str | None, max_bytes: int) -> Object:
        self.versions_asked.append(version_id)
        self._meet(("read", bucket, key))
        if (bucket, key) not in self.objects:
            raise NotFound(f"s3://{bucket}/{key} is not there")
        data = self.objects[bucket, key]
        if len(data) > max_bytes:
            raise TooLarge(f"{len(data)} bytes")
        return Object(data, hashlib.md5(data).hexdigest(), version_id)

    def write(self, bucket: str, key: str, data: bytes, content_type: str, only_new: bool = False) -> None:
        self._meet(("write", bucket, key))
        if only_new and (bucket, key) in self.objects:
            return
        self.objects[bucket, key] = data
        self.types[key] = content_type
        self.order.append(key)

    def json(self, key: str, bucket: str = "pictures") -> Any:
        return json.loads(self.objects[bucket, key])

    def _meet(self, call: tuple[str, str, str]) -> None:
        if call in self.faults:
            raise self.faults[call]
