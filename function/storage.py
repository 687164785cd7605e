"""Reads and writes of S3 objects. The only module that imports boto3, and it does so at its first use.

boto3 itself reads `AWS_ENDPOINT_URL`. It selects another S3 endpoint, for example a local one.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from function.errors import NotFound, TooLarge

ATTEMPTS = 3  # of one call, including the first; after that, the event source delivers the event again
CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 10  # seconds between two reads, not for the whole object
# Of the resolver, instead of 5 s: nothing interrupts it. It reads them at the first look-up of a thread.
RESOLVER_OPTIONS = "timeout:1 attempts:2"
# A conditional write met an object that does not fit its condition, or another write at the same moment.
CONFLICT_CODES = {"PreconditionFailed", "ConditionalRequestConflict"}


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


def presign_post(
    bucket: str, key: str, content_type: str, type_start: str, max_bytes: int, expires_s: int
) -> dict[str, Any]:
    """Return `url` and `fields` of a form that uploads one object, with the rights of the function's role.

    Args:
        bucket: name.
        key: key of the object.
        content_type: value of the field Content-Type.
        type_start: what a changed content type must begin with.
        max_bytes: largest size that S3 accepts; the smallest is one byte.
        expires_s: life of the form in seconds.

    Raises:
        TransientError: no credentials.
    """
    conditions = [["starts-with", "$Content-Type", type_start], ["content-length-range", 1, max_bytes]]
    with _translated_errors(f"s3://{bucket}/{key}"):
        form: dict[str, Any] = _presigning_client().generate_presigned_post(
            bucket, key, {"Content-Type": content_type}, conditions, expires_s
        )
    return form


def prepare() -> None:
    """Load boto3 and make the client, if that is not done: neither is part of the time of an object."""
    _client()


def preload() -> None:
    """Load boto3 and its data about S3, and keep no client, connection or credentials.

    For a snapshot: each restored environment makes its own client and does not read this data again.
    """
    import boto3

    from function import storage_errors  # noqa: F401  (the first read would load it)

    if _client.cache_info().currsize:
        _client().close()
        _client.cache_clear()
    boto3.DEFAULT_SESSION = None  # it would keep the credentials of the environment of the snapshot
    # With explicit credentials boto3 looks for no others.
    placeholders = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    _make_client(**placeholders).close()


@cache
def _client() -> Any:
    with _translated_errors("S3"):
        return _make_client()


@cache
def _presigning_client() -> Any:
    """Return a client for forms: new buckets accept version 4 of the signature alone.

    With the bucket in the path, the URL has the region. The other style names no region, and S3 redirects the upload to
    a bucket that is less than a day old, which browsers do not follow.
    """
    client = _make_client({"signature_version": "s3v4", "s3": {"addressing_style": "path"}})
    import boto3

    if boto3.DEFAULT_SESSION.get_credentials() is None:  # boto3 would raise an AttributeError for a form
        from botocore.exceptions import NoCredentialsError

        raise NoCredentialsError
    return client


def _make_client(options: Mapping[str, Any] | None = None, /, **credentials: str) -> Any:
    import boto3
    from botocore.config import Config

    os.environ.setdefault("RES_OPTIONS", RESOLVER_OPTIONS)
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    config = Config(retries=retries, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT, **(options or {}))
    return boto3.client("s3", config=config, **credentials)


def _translated_errors(uri: str, is_read: bool = False) -> AbstractContextManager[None]:
    from function import storage_errors  # imported here: it imports botocore

    return storage_errors.translated(uri, is_read)
