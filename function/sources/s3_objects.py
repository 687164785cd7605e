"""One image in S3: read, predict, write the result; all event sources of S3 objects share it.

The same object always gives the same bytes: a second delivery of its event changes nothing. Therefore a stored result
has no times, and its JSON is written last: if the JSON exists, the annotated image exists too. `s3_results.py` writes
them, so that the result of an older object never replaces that of a newer one.
"""

from typing import Any, NamedTuple
from urllib import parse

from function import storage
from function.errors import (
    DeadlineExceeded,
    Forbidden,
    FunctionError,
    InternalError,
    InvalidOption,
    TooLarge,
    TransientError,
)
from function.request import ImageRef, ImageRequest, Options
from function.results import Classification, Depth, Result, Semantic
from function.service import Service
from function.settings import Settings

NO_OPTIONS = Options()
TEMPORARY = (TransientError, DeadlineExceeded, InternalError)  # errors after which a retry may succeed
# Errors of an object that write no result, so that the event fails: a retry may succeed, or the request is wrong.
FAILS = (*TEMPORARY, InvalidOption)
SUPERSEDED = "a newer object has its result under this key"


class S3Object(NamedTuple):
    """Object that an event names, with its key decoded."""

    bucket: str
    key: str
    version_id: str | None = None  # None: the latest
    etag: str | None = None  # of the event; the object that is read may be newer
    sequencer: str | None = None  # of the event: hexadecimal, orders the events of one key


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


def process(
    s3_object: S3Object,
    service: Service,
    options: Options = NO_OPTIONS,
    fails: tuple[type[FunctionError], ...] = FAILS,
) -> Outcome:
    """Predict the image in an object that is begun and write the result: a `.json` with detections or an error.

    An image that cannot be read is done when its error is written. An error among `fails` writes nothing and is the
    `failure` of the outcome. An object is skipped if the key already has the result of a newer object.
    """
    skip_reason = service.guard(_skip_reason, s3_object, service.settings)
    if isinstance(skip_reason, FunctionError):
        return Outcome(s3_object, None, skip_reason)
    if skip_reason:
        return Outcome(s3_object, None, None, skip_reason)
    stored = service.guard(service.read, _read, s3_object, service)
    source: storage.Object | None
    result: Result
    if isinstance(stored, FunctionError):
        source, result = stored.s3_object if isinstance(stored, TooLarge) else None, stored
    else:
        source, result = stored, service.predict_bytes(stored.data, _image_request(s3_object, stored, options))
    if isinstance(result, fails):
        return Outcome(s3_object, None, result)
    annotate = service.settings.annotate if options.annotate is None else options.annotate
    outcome = service.guard(_write, s3_object, source, result, service, annotate)
    return Outcome(s3_object, None, outcome) if isinstance(outcome, FunctionError) else outcome


def begin(service: Service) -> None:
    """Begin an object; boto3 is loaded before, so that the first object has its whole share of the time.

    Raises:
        DeadlineExceeded: no time is left.
    """
    service.begin(storage.prepare)


def with_existing_key(s3_object: S3Object, service: Service) -> S3Object:
    """Return an object with its key as it is, or URL-decoded if only the decoded key exists.

    For lists of keys that may be URL-encoded, such as an inventory.

    Raises:
        InternalError: every object of the bucket would count as a result.
        TransientError: S3 fails, throttles or does not respond.
        DeadlineExceeded: the share of the object in the time is used up.
    """
    keys = dict.fromkeys((s3_object.key, parse.unquote_plus(s3_object.key), parse.unquote(s3_object.key)))
    if len(keys) == 1 or _skip_reason(s3_object, service.settings):
        return s3_object
    for key in keys:
        try:
            if service.read(storage.head, s3_object.bucket, key, s3_object.version_id):
                return s3_object._replace(key=key)
        except Forbidden:  # it may exist; reading it reports the error
            break
    return s3_object


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
    if isinstance(result, Semantic):
        names = [result.metadata.names[class_id] for class_id, _ in result.counts]
        return {"key": key, "classes": names, "result": outcome.result_uri}
    if isinstance(result, Depth):
        return {"key": key, "min": result.depth.least, "max": result.depth.largest, "result": outcome.result_uri}
    return {"key": key, "detection_count": len(result.scores), "result": outcome.result_uri}


def _skip_reason(s3_object: S3Object, settings: Settings) -> str:
    """Return why an object is skipped, or an empty text; a result must never become an image to predict.

    Raises:
        InternalError: every object of the bucket would count as a result.
    """
    if s3_object.key.endswith("/"):
        return "a folder"
    if (settings.result_bucket or s3_object.bucket) != s3_object.bucket:
        return ""
    if not settings.result_prefix:
        raise InternalError(
            f"RESULT_PREFIX must not be empty if results go to the bucket of the images ({s3_object.bucket})"
        )
    return "a result" if s3_object.key.startswith(settings.result_prefix) else ""


def _read(s3_object: S3Object, service: Service) -> storage.Object:
    """Read the object with the role of the function; `ALLOWED_BUCKETS` is only for buckets that callers name."""
    service.require_image_model()  # before the object is read
    max_bytes = service.settings.max_object_bytes
    return storage.read(s3_object.bucket, s3_object.key, s3_object.version_id, max_bytes)


def _image_request(s3_object: S3Object, stored: storage.Object, options: Options) -> ImageRequest:
    return ImageRequest(ImageRef("bytes", stored.data), s3_object.key.rpartition("/")[2], options)


def _write(
    s3_object: S3Object, stored: storage.Object | None, result: Result, service: Service, annotate: bool
) -> Outcome:
    """Write the result; return the outcome, which is skipped if a newer object has its result there."""
    from function.sources import s3_results  # imported here: only events about objects write results

    result_uri, is_own = s3_results.write(s3_object, stored, result, service, annotate)
    if stored and not is_own:
        return Outcome(s3_object, None, None, SUPERSEDED)
    return Outcome(s3_object, result_uri, result)
