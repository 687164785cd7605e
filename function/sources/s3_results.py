"""Results of S3 objects: the annotated image and the JSON; for each key, the result of the newest object stays.

Events arrive in any order, more than once, and several functions write at the same time. Therefore a result has the
order of its object in its metadata, and every write has a condition: there is no result yet (`If-None-Match`), or the
result is still the one whose order was compared (`If-Match`).

Source: docs.aws.amazon.com/AmazonS3/latest/userguide, conditional-writes and notification-content-structure.
"""

import hashlib
import io
import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

from function import storage
from function.api import response
from function.errors import Forbidden, FunctionError, NotFound, TransientError, one_line
from function.results import Result
from function.service import Service
from function.sources.s3_objects import S3Object
from function.storage import Object, Properties

logger = logging.getLogger(__name__)

JPEG_QUALITY = 90
ONLY_NEW = True  # of a write: there must be no object
ATTEMPTS = 10  # each needs another write of the same result between two requests of this one
SEQUENCER = re.compile(r"[0-9A-F]{1,64}", re.ASCII)
LAST_MODIFIED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
MAX_CLOCK_DIFFERENCE = timedelta(days=1)  # of two regions of S3, generously
HEADER_TEXT = re.compile(r"[!-~]{1,1024}", re.ASCII)  # the metadata of an object has 2 KB at most


class Order(NamedTuple):
    """Position of an object among the objects of its key; an empty text is unknown."""

    last_modified: str  # 2026-11-27T00:00:00Z; empty: the object was not read
    sequencer: str  # hexadecimal, of the notification
    version_id: str
    etag: str

    @classmethod
    def of(cls, s3_object: S3Object, stored: Object | None) -> Self:
        """Return the order of an object, from what was read and from its event."""
        modified = stored.last_modified if stored else None
        return cls(
            modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if modified else "",
            _matching(SEQUENCER, str(s3_object.sequencer or "").upper()),
            _matching(HEADER_TEXT, str((stored.version_id if stored else s3_object.version_id) or "")),
            _matching(HEADER_TEXT, str((stored.etag if stored else s3_object.etag) or "")),
        )

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], written_at: datetime | None = None) -> Self:
        """Return the order in the metadata of a result; unknown if a field is not valid, or if no object is named.

        Args:
            metadata: of the result.
            written_at: time of the result; its object cannot be newer.
        """
        written = cls(
            metadata.get("source-last-modified", ""),
            metadata.get("source-sequencer", "").upper(),
            metadata.get("source-version-id", ""),
            metadata.get("source-etag", ""),
        )
        patterns = (LAST_MODIFIED, SEQUENCER, HEADER_TEXT, HEADER_TEXT)
        is_valid = all(not text or _matching(p, text) for p, text in zip(patterns, written, strict=True))
        is_named = written.last_modified or written.etag
        is_known = is_valid and is_named and _is_possible(written.last_modified, written_at)
        return written if is_known else cls("", "", "", "")

    def metadata(self) -> dict[str, str]:
        """Return the metadata of a result, x-amz-meta-source-*; unknown fields are left out."""
        return {f"source-{name.replace('_', '-')}": text for name, text in self._asdict().items() if text}

    def is_same_object(self, other: Self) -> bool:
        """Return whether both are the same object, which was read twice."""
        return bool(self.last_modified) and self._replace(sequencer="") == other._replace(sequencer="")


def write(
    s3_object: S3Object, stored: Object | None, result: Result, service: Service, annotate: bool
) -> tuple[str, bool]:
    """Write the annotated image and the JSON of an object, each unless that of a newer object exists.

    Args:
        s3_object: from the event.
        stored: the object; None if it could not be read.
        result: its prediction or error.
        service: its settings have the bucket and the prefix of the results; it limits the time.
        annotate: also write the annotated image.

    Returns:
        The URI of the JSON, and whether the JSON is of this object; if not, a newer object has its result there.

    Raises:
        FunctionError: nothing was written, or only the annotated image.
    """
    settings = service.settings
    bucket, stem = settings.result_bucket or s3_object.bucket, settings.result_prefix + s3_object.key
    order = Order.of(s3_object, stored)
    body = _body(result, service)
    if annotate and stored and not isinstance(result, FunctionError):
        service.check_time_to_decode(stored.data)
        annotated = service.draw(_annotated, stored.data, body, settings.max_image_pixels, settings.memory_mb)
        _write_newest((bucket, f"{stem}.jpg"), annotated, "image/jpeg", s3_object, order, service)
    body["source"] = {
        "bucket": s3_object.bucket,
        "key": s3_object.key,
        "version_id": stored.version_id if stored else s3_object.version_id,
        "etag": stored.etag if stored else s3_object.etag,
    }
    data = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    address, uri = (bucket, f"{stem}.json"), f"s3://{bucket}/{stem}.json"
    if isinstance(result, NotFound):
        # The image may be deleted before a late second delivery: the result of the first delivery then stays.
        # This result has no order, so that of any object replaces it.
        service.write(storage.write, *address, data, "application/json", ONLY_NEW)
        return uri, True
    return uri, _write_newest(address, data, "application/json", s3_object, order, service)


def _write_newest(
    address: tuple[str, str], data: bytes, content_type: str, s3_object: S3Object, order: Order, service: Service
) -> bool:
    """Write a result unless that of a newer object exists; return whether the result is of this object."""
    existing: Properties | None = None  # usually there is none: the first write finds out without another request
    for _ in range(ATTEMPTS):
        new = order
        if existing:
            old = Order.from_metadata(existing.metadata, existing.last_modified)
            if not _replaces(order, old, s3_object, service):
                return False
            if order.is_same_object(old):
                new = order._replace(sequencer=max(order.sequencer, old.sequencer, key=_padded))
                if existing.etag == hashlib.md5(data, usedforsecurity=False).hexdigest() and new == old:
                    return True  # a second delivery
        only_new, replaced_etag = (False, existing.etag) if existing else (ONLY_NEW, None)
        if service.write(storage.write, *address, data, content_type, only_new, replaced_etag, new.metadata()):
            return True
        try:
            existing = service.write(storage.head, *address)
        except Forbidden as error:
            reason = one_line(str(error))
            logger.warning("an older result may replace a newer one: the existing result cannot be read: %s", reason)
            return service.write(storage.write, *address, data, content_type, False, None, order.metadata())
    raise TransientError(f"s3://{'/'.join(address)}: other writes changed the result {ATTEMPTS} times")


def _replaces(new: Order, old: Order, s3_object: S3Object, service: Service) -> bool:
    """Return whether a result may replace the existing one, whose object is the same, older, or unknown."""
    if new.is_same_object(old) or not any(old):
        return True
    if new.last_modified and old.last_modified and new.last_modified != old.last_modified:
        return new.last_modified > old.last_modified
    if new.sequencer and old.sequencer and _padded(new.sequencer) != _padded(old.sequencer):
        return _padded(new.sequencer) > _padded(old.sequencer)
    if (latest := _latest(new, old, s3_object, service)) is not None:
        return latest == new
    return _sort_key(new) >= _sort_key(old)


def _latest(new: Order, old: Order, s3_object: S3Object, service: Service) -> Order | None:
    """Return which of two objects their bucket has now; None if it has neither, or if that cannot be known.

    For objects of the same second without sequencers, as in S3 Batch Operations.
    """
    try:
        current = service.write(storage.head, s3_object.bucket, s3_object.key)
    except Forbidden:
        return None
    identity = (current.version_id or "", current.etag) if current else None
    matching = [order for order in (new, old) if (order.version_id, order.etag) == identity]
    return matching[0] if len(matching) == 1 else None


def _sort_key(order: Order) -> tuple[str, str, str]:
    return order.last_modified, _padded(order.sequencer), order.version_id


def _padded(sequencer: str) -> str:
    """Return a sequencer for a comparison as text: filled up with zeros on its right, as S3 documents it."""
    return sequencer.ljust(64, "0") if sequencer else ""


def _is_possible(last_modified: str, written_at: datetime | None) -> bool:
    """Return whether a time in the metadata of a result exists, and is not after the time of the result."""
    if not last_modified:
        return True
    try:
        modified = datetime.fromisoformat(last_modified)
    except ValueError:
        return False
    return written_at is None or modified - written_at < MAX_CLOCK_DIFFERENCE


def _matching(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""


def _body(result: Result, service: Service) -> dict[str, Any]:
    """Return the response body without the fields that differ between two runs."""
    if isinstance(result, FunctionError):
        return {"error": str(result), "type": type(result).__name__}
    body = response.timed_body(result, service)
    del body["timing_ms"]
    if "message" in body:
        from function.api import reading_fields  # imported here: few functions read detections

        reading_fields.remove_times(body)
    return body


def _annotated(data: bytes, body: dict[str, Any], max_pixels: int, memory_mb: int | None) -> bytes:
    """Return the image with its detections drawn, as JPEG."""
    from function import draw  # imported here: few functions draw
    from function.preprocess import multiband  # with the reader of TIFF files

    buffer = io.BytesIO()
    annotated = multiband.drawable(data, body, max_pixels, memory_mb)
    draw.draw(annotated, body)
    annotated.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
