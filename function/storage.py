"""Reads and writes of S3 objects. The only module that imports boto3, and it does so at its first use.

boto3 itself reads `AWS_ENDPOINT_URL`. It selects another S3 endpoint, for example a local one.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from function.errors import BadRequest, Forbidden, FunctionError, NotFound, TooLarge, TransientError, shown

ATTEMPTS = 3  # of one call, including the first; after that, the event source delivers the event again
CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 10  # seconds between two reads, not for the whole object
PERMANENT_CODES = {  # permissions, keys, an archived object, a deleted version, a key too long for its result
    "AccessDenied", "AllAccessDisabled", "InvalidObjectState", "KMS.DisabledException", "KMS.NotFoundException",
    "KMS.KMSInvalidStateException", "KMS.AccessDeniedException", "InvalidRequest", "InvalidArgument",
    "MethodNotAllowed", "KeyTooLongError", "InvalidBucketName",
    "400", "403", "405",  # responses to HEAD have no code
}  # fmt: skip
TRANSIENT_CODES = {  # transient errors with a status below 500; Source: botocore 1.44 `retries/standard.py`
    "RequestTimeout", "RequestTimeoutException", "Throttling", "ThrottlingException", "ThrottledException",
    "RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
    "BandwidthLimitExceeded", "PriorRequestNotComplete", "OperationAborted", "KMS.ThrottlingException",
    "ExpiredToken", "RequestTimeTooSkewed",
}  # fmt: skip
TOO_MANY_REQUESTS = 429  # HTTP status
SERVER_ERROR = 500  # lowest HTTP status of the server errors
# A conditional write met an object that does not fit its condition, or another write at the same moment.
CONFLICT_CODES = {"PreconditionFailed", "ConditionalRequestConflict"}
MAX_SENTENCE_CHARS = 600  # of the message of S3 in an error; S3 Batch Operations takes 1,024 characters in all


class Object(NamedTuple):
    """S3 object with its bytes."""

    data: bytes
    etag: str  # without its quotation marks
    version_id: str | None  # None: the bucket keeps no versions
    last_modified: datetime | None = None  # with its time zone; S3 gives whole seconds


class Properties(NamedTuple):
    """Properties of an S3 object, without its bytes."""

    etag: str  # without its quotation marks
    version_id: str | None  # None: the bucket keeps no versions
    metadata: Mapping[str, str]  # the headers x-amz-meta-*, without this prefix
    last_modified: datetime | None = None  # with its time zone


def read(bucket: str, key: str, version_id: str | None, max_bytes: int) -> Object:
    """Return an object.

    Args:
        bucket: name, or the ARN of an access point.
        key: key as S3 stores it, not percent-encoded.
        version_id: None for the latest version.
        max_bytes: largest accepted size; it is checked before any byte of the object is read.

    Raises:
        NotFound: no such object, version or bucket.
        Forbidden: the role of the function may not read it.
        TooLarge: the object has more bytes than `max_bytes`; `s3_object` of the error has its other properties.
        TransientError: S3 fails, throttles or does not respond.
    """
    uri = f"s3://{bucket}/{key}"
    version = {"VersionId": version_id} if version_id else {}
    client = _client()
    with _translated_errors(uri, is_read=True):
        response = client.get_object(Bucket=bucket, Key=key, **version)
        described = Object(b"", response["ETag"].strip('"'), response.get("VersionId"), response.get("LastModified"))
        with closing(response["Body"]) as body:
            if response["ContentLength"] > max_bytes:
                message = f"{uri} must have at most {max_bytes:,} bytes, got {response['ContentLength']:,}"
                raise TooLarge(message, described)
            data = body.read()
    return described._replace(data=data)


def head(bucket: str, key: str, version_id: str | None = None) -> Properties | None:
    """Return the properties of an object; None if there is no such object or version.

    Args:
        bucket: name, or the ARN of an access point.
        key: key as S3 stores it, not percent-encoded.
        version_id: None for the latest version.

    Raises:
        Forbidden: the role of the function may not read it, or the object is missing and the role lacks s3:ListBucket.
        TransientError: S3 fails, throttles or does not respond.
    """
    version = {"VersionId": version_id} if version_id else {}
    client = _client()
    try:
        with _translated_errors(f"s3://{bucket}/{key}", is_read=True):
            response = client.head_object(Bucket=bucket, Key=key, **version)
    except NotFound:
        return None
    etag, modified = response["ETag"].strip('"'), response.get("LastModified")
    return Properties(etag, response.get("VersionId"), response["Metadata"], modified)


def write(
    bucket: str,
    key: str,
    data: bytes,
    content_type: str,
    only_new: bool = False,
    replaced_etag: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bool:
    """Write an object, and return whether it was written: False if the condition of the write is not met.

    Args:
        bucket: name, or the ARN of an access point.
        key: key as S3 stores it, not percent-encoded.
        data: the whole object.
        content_type: media type that S3 returns for it.
        only_new: write only if there is no object.
        replaced_etag: write only if the existing object has this ETag, given without its quotation marks.
        metadata: the headers x-amz-meta-*, without this prefix; ASCII.

    Raises:
        NotFound: no such bucket.
        Forbidden: the role of the function may not write there.
        TransientError: S3 fails, throttles or does not respond.
    """
    client = _client()
    condition = {"IfNoneMatch": "*"} if only_new else {}
    if replaced_etag is not None:
        condition = {"IfMatch": f'"{replaced_etag}"'}
    # S3 responds with NoSuchKey if the object to replace was deleted.
    unmet = CONFLICT_CODES | ({"NoSuchKey"} if replaced_etag is not None else set()) if condition else set()
    with _translated_errors(f"s3://{bucket}/{key}"):
        try:
            client.put_object(
                Bucket=bucket, Key=key, Body=data, ContentType=content_type, Metadata=dict(metadata or {}), **condition
            )
        except client.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in unmet:
                return False
            raise
    return True


def preload() -> None:
    """Load boto3 and its data about S3, and keep no client, connection or credentials.

    For a snapshot: each restored environment makes its own client and does not read this data again.
    """
    import boto3

    if _client.cache_info().currsize:
        _client().close()
        _client.cache_clear()
    boto3.DEFAULT_SESSION = None  # it would keep the credentials of the environment of the snapshot
    # With explicit credentials boto3 looks for no others.
    placeholders = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    _make_client(**placeholders).close()


@cache
def _client() -> Any:
    return _make_client()


def _make_client(**credentials: str) -> Any:
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    config = Config(retries=retries, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    return boto3.client("s3", config=config, **credentials)


@contextmanager
def _translated_errors(uri: str, is_read: bool = False) -> Iterator[None]:
    """Raise the errors of boto3 as errors of this project; raise unexpected ones unchanged."""
    from botocore import exceptions as boto

    try:
        yield
    except boto.ClientError as error:
        translated = _translate(error, uri, is_read)
        if translated is None:
            raise
        raise translated from error
    except boto.ParamValidationError as error:
        raise BadRequest(f"the bucket of an object must be a valid name, got {shown(uri)}") from error
    except (
        boto.HTTPClientError,
        boto.ConnectionError,
        boto.IncompleteReadError,
        boto.FlexibleChecksumError,
    ) as error:
        raise TransientError(f"{uri}: {error}") from error


def _translate(error: Any, uri: str, is_read: bool) -> FunctionError | None:
    """Return the error of this project for a `ClientError` of boto3, or None for an unexpected one.

    The message of S3 is passed on: it names the missing action, the KMS key or the storage class.
    """
    details = error.response.get("Error", {})
    code = str(details.get("Code"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    sentence = " ".join(str(details.get("Message") or "").split())[:MAX_SENTENCE_CHARS]
    message = f"{uri}: S3 responded with {status} {code}{f': {sentence}' if sentence else ''}"
    if status >= SERVER_ERROR or status == TOO_MANY_REQUESTS or code in TRANSIENT_CODES:
        return TransientError(message)
    if code in {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"}:
        return NotFound(f"{uri}: no such object ({code})")
    if code in PERMANENT_CODES:
        names_another_action = "not authorized to perform" in sentence and "s3:ListBucket" not in sentence
        may_be_missing = is_read and code in {"AccessDenied", "403"} and not names_another_action
        hint = "; the object may also be missing: S3 responds to a role without s3:ListBucket with 403 then"
        return Forbidden(f"{message}{hint if may_be_missing else ''}")
    return None
