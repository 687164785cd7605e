"""In-memory S3 for tests: the functions of `function.storage`, with versions, conditions and errors on request."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from function import storage
from function.errors import NotFound, TooLarge
from function.storage import Object, Properties

EPOCH = datetime(2026, 11, 27, tzinfo=UTC)


class FakeS3:
    """`function.storage.read`, `head` and `write` on dicts.

    Attributes:
        objects: (bucket, key) -> bytes of the latest version.
        versions: (bucket, key, version id) -> bytes; a version that is not here has the bytes of the latest.
        modified: (bucket, key, version id or None) -> seconds since EPOCH; 0 where it is not here.
        latest: (bucket, key) -> version id of the latest version.
        metadata: (bucket, key) -> metadata.
        errors: (operation, bucket, key) -> exception.
        before: called before each operation with its name, bucket and key.
        written_keys: keys in the order of the successful writes.
        requested_versions: version ids in the order of the reads.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.versions: dict[tuple[str, str, str], bytes] = {}
        self.modified: dict[tuple[str, str, str | None], int] = {}
        self.latest: dict[tuple[str, str], str] = {}
        self.metadata: dict[tuple[str, str], dict[str, str]] = {}
        self.content_types: dict[str, str] = {}
        self.written_keys: list[str] = []
        self.errors: dict[tuple[str, str, str], Exception] = {}
        self.before: Callable[[str, str, str], None] = lambda *_: None
        self.requested_versions: list[str | None] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace S3 for the function."""
        for operation in ("read", "head", "write"):
            monkeypatch.setattr(storage, operation, getattr(self, operation))
        monkeypatch.setattr(storage, "prepare", lambda: None)

    def put(self, bucket: str, key: str, data: bytes, second: int, version_id: str | None = None) -> None:
        """Upload an object; the latest second is the latest version."""
        self.modified[bucket, key, version_id] = second
        if version_id:
            self.versions[bucket, key, version_id] = data
            self.latest[bucket, key] = version_id
            self.modified[bucket, key, None] = second
        self.objects[bucket, key] = data

    def read(self, bucket: str, key: str, version_id: str | None, max_bytes: int) -> Object:
        self.requested_versions.append(version_id)
        self._begin("read", bucket, key)
        if (bucket, key) not in self.objects:
            raise NotFound(f"s3://{bucket}/{key}: no such object")
        version_id = version_id or self.latest.get((bucket, key))
        data = self.versions.get((bucket, key, version_id or ""), self.objects[bucket, key])
        modified = EPOCH + timedelta(seconds=self.modified.get((bucket, key, version_id), 0))
        described = Object(b"", _etag(data), version_id, modified)
        if len(data) > max_bytes:
            message = f"s3://{bucket}/{key} must have at most {max_bytes} bytes, got {len(data)}"
            raise TooLarge(message, described)
        return described._replace(data=data)

    def head(self, bucket: str, key: str, version_id: str | None = None) -> Properties | None:
        self._begin("head", bucket, key)
        if (bucket, key) not in self.objects:
            return None
        if version_id and self.latest and (bucket, key, version_id) not in self.versions:
            return None
        metadata = self.metadata.get((bucket, key), {})
        return Properties(_etag(self.objects[bucket, key]), self.latest.get((bucket, key)), metadata)

    def write(
        self,
        bucket: str,
        key: str,
        data: bytes,
        content_type: str,
        only_new: bool = False,
        replaced_etag: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        self._begin("write", bucket, key)
        existing = self.objects.get((bucket, key))
        if only_new and existing is not None:
            return False
        if replaced_etag is not None and (existing is None or _etag(existing) != replaced_etag):
            return False
        self.objects[bucket, key] = data
        self.metadata[bucket, key] = dict(metadata or {})
        self.content_types[key] = content_type
        self.written_keys.append(key)
        return True

    def json(self, key: str, bucket: str = "photos") -> Any:
        return json.loads(self.objects[bucket, key])

    def _begin(self, operation: str, bucket: str, key: str) -> None:
        self.before(operation, bucket, key)
        if (operation, bucket, key) in self.errors:
            raise self.errors[operation, bucket, key]


def _etag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()
