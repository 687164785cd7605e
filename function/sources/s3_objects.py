"""One picture in a bucket, and the result that is left for it; every source of objects shares this.

The same object always leaves the same bytes: a second delivery of its event changes nothing. So a stored result has
no times in it, and its JSON is written last: where it lies, everything lies.
"""

import io
import json
import logging
from typing import Any, NamedTuple

from function import storage
from function.api import response
from function.errors import FunctionError, InternalError, InvalidSetting, NotFound, TransientError
from function.preprocess import image
from function.request import Options, Request
from function.results import Classification, Result
from function.service import Service
from function.settings import Settings

logger = logging.getLogger(__name__)

JPEG_QUALITY = 90


class S3Object(NamedTuple):
    """An object as an event names it, its key decoded."""

    bucket: str
    key: str
    version_id: str | None = None  # None: the latest
    etag: str | None = None  # as the event says; what is read may be newer


class Outcome(NamedTuple):
    """What became of one object."""

    found: S3Object
    place: str | None  # s3://bucket/key of what was left; None: nothing was
    result: Result | None  # None: not a picture to look at
    skipped: str = ""  # why not

    @property
    def fault(self) -> FunctionError | None:
        """Why nothing was left: the event has to come again, or a person has to look at it."""
        return self.result if self.place is None and isinstance(self.result, FunctionError) else None


def analyse(found: S3Object, service: Service) -> Outcome:
    """Answer the picture in an object, and leave the result: a `.json` with the detections or with the error.

    A picture that cannot be read is done when that is written down. A fault of a service or of ours leaves nothing
    and is the outcome's `fault`. Nothing is raised but InvalidSetting.

    Raises:
        InvalidSetting: every object of the bucket would count as a result.
    """
    reason = _why_skip(found, service.settings)
    if reason:
        return Outcome(found, None, None, reason)
    read: list[storage.Object] = []

    def request() -> Request:
        settings = service.settings
        read.append(storage.read(found.bucket, found.key, found.version_id, settings.max_object_bytes))
        return Request(read[0].data, found.key.rpartition("/")[2], Options())

    result = service.answer(request)
    if isinstance(result, TransientError | InternalError):
        return Outcome(found, None, result)
    try:
        return Outcome(found, _write_result(found, read[0] if read else None, result, service.settings), result)
    except FunctionError as error:
        return Outcome(found, None, error)
    except Exception:
        logger.exception("request %s: the result of %s could not be left", service.request_id, found)
        return Outcome(found, None, InternalError(f"the result of {found.key!r} could not be left; see the log"))


def is_name(value: Any) -> bool:
    """Whether a value can be the name of a bucket or an object: text, and text that UTF-8 has."""
    return isinstance(value, str) and bool(value) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def summary(outcome: Outcome) -> dict[str, Any]:
    """One outcome as a row of an answer."""
    key, result = outcome.found.key, outcome.result
    if result is None:
        return {"key": key, "skipped": outcome.skipped}
    if isinstance(result, FunctionError):
        return {"key": key, "error": str(result), "type": type(result).__name__}
    if isinstance(result, Classification):
        return {"key": key, "class": result.metadata.names[int(result.class_ids[0])], "result": outcome.place}
    return {"key": key, "detection_count": len(result.scores), "result": outcome.place}


def _why_skip(found: S3Object, settings: Settings) -> str:
    """Why an object is left alone, or nothing; a result must never be the picture of another."""
    if found.key.endswith("/"):
        return "a folder"
    if (settings.result_bucket or found.bucket) != found.bucket:
        return ""
    if not settings.result_prefix:
        raise InvalidSetting(
            f"RESULT_PREFIX is empty and results go to {found.bucket}, where the pictures are; wanted a prefix"
        )
    return "a result" if found.key.startswith(settings.result_prefix) else ""


def _write_result(found: S3Object, read: storage.Object | None, result: Result, settings: Settings) -> str:
    """Write everything that is left for an object; the place of its JSON."""
    bucket, stem = settings.result_bucket or found.bucket, settings.result_prefix + found.key
    body = _body(result)
    if settings.annotate and read and not isinstance(result, FunctionError):
        drawn = _drawn(read.data, body, settings.max_image_pixels)
        storage.write(bucket, f"{stem}.jpg", drawn, "image/jpeg")
    body["source"] = {
        "bucket": found.bucket,
        "key": found.key,
        "version_id": read.version_id if read else found.version_id,
        "etag": read.etag if read else found.etag,
    }
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A late second delivery may find the picture gone; what was found in it then stays.
    storage.write(bucket, f"{stem}.json", text.encode(), "application/json", only_new=isinstance(result, NotFound))
    return f"s3://{bucket}/{stem}.json"


def _body(result: Result) -> dict[str, Any]:
    """The response body without what differs from one time to the next."""
    if isinstance(result, FunctionError):
        return {"error": str(result), "type": type(result).__name__}
    body = response.result_body(result)
    del body["timing_ms"]
    return body


def _drawn(data: bytes, body: dict[str, Any], max_pixels: int) -> bytes:
    """The picture with what was found in it, as JPEG."""
    from function import draw  # here, because few functions draw

    buffer = io.BytesIO()
    draw.annotate(image.read(data, max_pixels), body).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
