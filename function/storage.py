"""Objects in S3, read and written; the only module that knows boto3, and it loads it when it is first used.

`AWS_ENDPOINT_URL` is boto3's own: it points all of this at another S3, such as one on loopback.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any, NamedTuple

from function.errors import Forbidden, FunctionError, NotFound, TooLarge, TransientError

ATTEMPTS = 3  # of one call, the first included; what still fails is left to the event's own delivery
CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 10  # seconds between two reads, not for the whole object
REFUSED = {  # for good: permissions, keys, an archived object, a deleted version, a key too long for its result
    "AccessDenied", "AllAccessDisabled", "InvalidObjectState", "KMS.DisabledException", "KMS.NotFoundException",
    "KMS.KMSInvalidStateException", "KMS.AccessDeniedException", "InvalidRequest", "InvalidArgument",
    "MethodNotAllowed", "KeyTooLongError", "InvalidBucketName",
}  # fmt: skip
PASSING = {  # codes of failures that may pass and whose status is below 500; botocore 1.44 `retries/standard.py`
    "RequestTimeout", "RequestTimeoutException", "Throttling", "ThrottlingException", "ThrottledException",
    "RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
    "BandwidthLimitExceeded", "PriorRequestNotComplete", "OperationAborted", "KMS.ThrottlingException",
    "ExpiredToken", "RequestTimeTooSkewed",
}  # fmt: skip
TOO_MANY = 429  # HTTP status
SERVER_ERROR = 500  # HTTP status, and everything above


class Object(NamedTuple):
    """One object as it was read."""

    data: bytes
    etag: str  # without its quotation marks
    version_id: str | None  # None: the bucket keeps no versions


def read(bucket: str, key: str, version_id: str | None, max_bytes: int) -> Object:
    """An object's bytes.

    Args:
        bucket: name, or the ARN of an access point.
        key: as S3 has it, with nothing encoded.
        version_id: None for the latest.
        max_bytes: of the object; checked before any of them is read.

    Raises:
        NotFound: no such object, version or bucket.
        Forbidden: the function's role may not read it.
        TooLarge: more bytes than the limit.
        TransientError: S3 fails, throttles or does not answer.
    """
    place = f"s3://{bucket}/{key}"
    version = {"VersionId": version_id} if version_id else {}
    client = _client()
    with _faults(place):
        answer = client.get_object(Bucket=bucket, Key=key, **version)
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] > max_bytes:
                raise TooLarge(f"{place} has {answer['ContentLength']:,} bytes; the limit is {max_bytes:,}")
            data = body.read()
    return Object(data, answer["ETag"].strip('"'), answer.get("VersionId"))


def write(bucket: str, key: str, data: bytes, content_type: str, only_new: bool = False) -> None:
    """Put an object where nothing or an earlier one is.

    Args:
        bucket: name, or the ARN of an access point.
        key: as S3 has it, with nothing encoded.
        data: the whole object.
        content_type: what S3 says it is.
        only_new: leave an earlier one as it is.

    Raises:
        NotFound: no such bucket.
        Forbidden: the function's role may not write there.
        TransientError: S3 fails, throttles or does not answer.
    """
    client = _client()
    condition = {"IfNoneMatch": "*"} if only_new else {}
    with _faults(f"s3://{bucket}/{key}"):
        try:
            client.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type, **condition)
        except client.exceptions.ClientError as error:
            if not (only_new and error.response.get("Error", {}).get("Code") == "PreconditionFailed"):
                raise


def preload() -> None:
    """Load boto3 and what it knows of S3, and leave no client, connection or credentials behind.

    For a snapshot: whoever wakes up from it makes a client of their own, without reading all that again.
    """
    import boto3

    if _client.cache_info().currsize:
        _client().close()
        _client.cache_clear()
    boto3.DEFAULT_SESSION = None  # it would keep the credentials of the environment that the snapshot is taken of
    placeholders = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}  # given any, it looks for no others
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
def _faults(place: str) -> Iterator[None]:
    """What boto3 raises, as errors of ours; what is not foreseen stays as it is."""
    from botocore import exceptions as boto

    try:
        yield
    except boto.ClientError as error:
        known = _known(error, place)
        if known is None:
            raise
        raise known from error
    except (
        boto.HTTPClientError,
        boto.ConnectionError,
        boto.IncompleteReadError,
        boto.FlexibleChecksumError,
    ) as error:
        raise TransientError(f"{place}: {error}") from error


def _known(error: Any, place: str) -> FunctionError | None:
    """The error of ours for a refusal of S3's, if it is one of those foreseen."""
    code = str(error.response.get("Error", {}).get("Code"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= SERVER_ERROR or status == TOO_MANY or code in PASSING:
        return TransientError(f"{place}: S3 answers {status} {code}")
    if code in {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"}:
        return NotFound(f"{place}: there is no such object ({code})")
    if code in REFUSED:
        hint = "; it may also be missing: a role without s3:ListBucket is told 403 for that too"
        return Forbidden(f"{place}: S3 answers {status} {code}{hint if code == 'AccessDenied' else ''}")
    return None
