"""In-memory S3 for tests: the functions of `function.storage`, with errors on request."""

import hashlib
import json
from typing import Any

from function.errors import NotFound, TooLarge
from function.storage import Object


class FakeS3:
    """`function.storage.read` and `write` on a dict; `errors` maps (operation, bucket, key) to an exception."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.content_types: dict[str, str] = {}
        self.written_keys: list[str] = []
        self.errors: dict[tuple[str, str, str], Exception] = {}
        self.requested_versions: list[str | None] = []

    def read(self, bucket: str, key: str, version_id: str | None, max_bytes: int) -> Object:
        self.requested_versions.append(version_id)
        self._raise_error("read", bucket, key)
        if (bucket, key) not in self.objects:
            raise NotFound(f"s3://{bucket}/{key}: no such object")
        data = self.objects[bucket, key]
        if len(data) > max_bytes:
            raise TooLarge(f"s3://{bucket}/{key} must have at most {max_bytes} bytes, got {len(data)}")
        return Object(data, hashlib.md5(data).hexdigest(), version_id)

    def write(self, bucket: str, key: str, data: bytes, content_type: str, only_new: bool = False) -> None:
        self._raise_error("write", bucket, key)
        if only_new and (bucket, key) in self.objects:
            return
        self.objects[bucket, key] = data
        self.content_types[key] = content_type
        self.written_keys.append(key)

    def json(self, key: str, bucket: str = "photos") -> Any:
        return json.loads(self.objects[bucket, key])

    def _raise_error(self, operation: str, bucket: str, key: str) -> None:
        if (operation, bucket, key) in self.errors:
            raise self.errors[operation, bucket, key]
