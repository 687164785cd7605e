"""One image in S3: read, predict, write the result; all event sources of S3 objects share it.

The same object always gives the same bytes: a second delivery of its event changes nothing. Therefore a stored result
has no times, and its JSON is written last: if the JSON exists, the annotated image exists too.
"""

import io
import json
import logging
from typing import Any, NamedTuple

from function import storage
from function.api import response
from function.errors import FunctionError, InternalError, InvalidSetting, NotFound, TransientError
from function.preprocess import image
from function.request import ImageRef, ImageRequest, Options
from function.results import Classification, Result
from function.service import Service
from function.settings import Settings

logger = logging.getLogger(__name__)

JPEG_QUALITY = 90


class S3Object(NamedTuple):
    """Object that an event names, with its key decoded."""

    bucket: str
    key: str
    version_id: str | None = None  # None: the latest
    etag: str | None = None  # of the event; the object that is read may be newer


class Outcome(NamedTuple):
    """Outcome of one object."""

    s3_object: S3Object
    result_uri: str | None  # s3://bucket/key of the JSON; None: nothing was written
    result: Result | None  # None: skipped
    skip_reason: str = ""

    @property
    def failure(self) -> FunctionError | None:
        """The error because of which nothing was written: the event must be delivered again or a person informed."""
        return self.result if self.result_uri is None and isinstance(self.result, FunctionError) else None


def process(s3_object: S3Object, service: Service) -> Outcome:
    """Predict the image in an object and write the result: a `.json` with the detections or with the error.

    An image that cannot be read is done when its error is written. A transient or internal error writes nothing and is
    the `failure` of the outcome.

    Raises:
        InvalidSetting: every object of the bucket would count as a result.
    """
    skip_reason = _skip_reason(s3_object, service.settings)
    if skip_reason:
        return Outcome(s3_object, None, None, skip_reason)
    stored = service.guard(_read, s3_object, service)
    result = stored if isinstance(stored, FunctionError) else service.predict(_image_request(s3_object, stored))
    if isinstance(result, TransientError | InternalError):
        return Outcome(s3_object, None, result)
    source = None if isinstance(stored, FunctionError) else stored
    try:
        return Outcome(s3_object, _write_result(s3_object, source, result, service.settings), result)
    except FunctionError as error:
        return Outcome(s3_object, None, error)
    except Exception:
        logger.exception("request %s: the result of %s could not be written", service.request_id, s3_object)
        message = f"the result of {s3_object.key!r} could not be written; the log has the details"
        return Outcome(s3_object, None, InternalError(message))


def is_name(value: Any) -> bool:
    """Return whether a value can be the name of a bucket or an object: a text that is not empty and that UTF-8 has."""
    return isinstance(value, str) and bool(value) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as a row of a response."""
    key, result = outcome.s3_object.key, outcome.result
    if result is None:
        return {"key": key, "skipped": outcome.skip_reason}
    if isinstance(result, FunctionError):
        return {"key": key, "error": str(result), "type": type(result).__name__}
    if isinstance(result, Classification):
        return {"key": key, "class": result.metadata.names[int(result.class_ids[0])], "result": outcome.result_uri}
    return {"key": key, "detection_count": len(result.scores), "result": outcome.result_uri}


def _skip_reason(s3_object: S3Object, settings: Settings) -> str:
    """Return why an object is skipped, or an empty text; a result must never become an image to predict."""
    if s3_object.key.endswith("/"):
        return "a folder"
    if (settings.result_bucket or s3_object.bucket) != s3_object.bucket:
        return ""
    if not settings.result_prefix:
        raise InvalidSetting(
            f"RESULT_PREFIX must not be empty if results go to the bucket of the images ({s3_object.bucket})"
        )
    return "a result" if s3_object.key.startswith(settings.result_prefix) else ""


def _read(s3_object: S3Object, service: Service) -> storage.Object:
    """Read the object with the role of the function; `ALLOWED_BUCKETS` is only for buckets that callers name."""
    service.require_image_model()  # before the object is read
    max_bytes = service.settings.max_object_bytes
    return storage.read(s3_object.bucket, s3_object.key, s3_object.version_id, max_bytes)


def _image_request(s3_object: S3Object, stored: storage.Object) -> ImageRequest:
    return ImageRequest(ImageRef("bytes", stored.data), s3_object.key.rpartition("/")[2], Options())


def _write_result(s3_object: S3Object, stored: storage.Object | None, result: Result, settings: Settings) -> str:
    """Write the annotated image and the JSON of an object; return the URI of the JSON."""
    bucket, stem = settings.result_bucket or s3_object.bucket, settings.result_prefix + s3_object.key
    body = _result_body(result)
    if settings.annotate and stored and not isinstance(result, FunctionError):
        annotated = _annotated(stored.data, body, settings.max_image_pixels)
        storage.write(bucket, f"{stem}.jpg", annotated, "image/jpeg")
    body["source"] = {
        "bucket": s3_object.bucket,
        "key": s3_object.key,
        "version_id": stored.version_id if stored else s3_object.version_id,
        "etag": stored.etag if stored else s3_object.etag,
    }
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # The image may be deleted before a late second delivery: the result of the first delivery then stays.
    storage.write(bucket, f"{stem}.json", text.encode(), "application/json", only_new=isinstance(result, NotFound))
    return f"s3://{bucket}/{stem}.json"


def _result_body(result: Result) -> dict[str, Any]:
    """Return the response body without the fields that differ between two runs."""
    if isinstance(result, FunctionError):
        return {"error": str(result), "type": type(result).__name__}
    body = response.result_body(result)
    del body["timing_ms"]
    return body


def _annotated(data: bytes, body: dict[str, Any], max_pixels: int) -> bytes:
    """Return the image with its detections drawn, as JPEG."""
    from function import draw  # imported here: few functions draw

    buffer = io.BytesIO()
    draw.annotate(image.read(data, max_pixels), body).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
