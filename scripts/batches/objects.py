"""Objects of S3: addresses, listings and contents, as streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scripts.aws.errors import Refused, translate
from scripts.aws.session import Aws
from scripts.batches.errors import BatchError


def split(address: str, name: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`; the key may be empty.

    Args:
        address: from the user.
        name: of the argument, for the message.

    Raises:
        BatchError: it has no bucket.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not (address.startswith("s3://") and bucket):
        raise BatchError(f"{name} must be s3://bucket/prefix/, got {address!r}")
    return bucket, key


def keys(bucket: str, prefix: str, aws: Aws) -> Iterator[str]:
    """Yield the keys below a prefix in their order, a page of the listing at a time.

    Raises:
        BatchError: the bucket does not exist, or the caller may not list it.
        DeployError: another error of AWS.
    """
    client = aws.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            for entry in page.get("Contents", ()):
                yield str(entry["Key"])
    except Exception as error:
        raise _explained(error, f"s3://{bucket}/{prefix}", "s3:ListBucket") from error


def body(bucket: str, key: str, aws: Aws) -> Any:
    """Return the content of an object as a stream of bytes.

    Raises:
        BatchError: it does not exist, or the caller may not read it.
        DeployError: another error of AWS.
    """
    try:
        return aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    except Exception as error:
        raise _explained(error, f"s3://{bucket}/{key}", "s3:GetObject") from error


def _explained(error: Exception, address: str, action: str) -> Exception:
    """Return an error of boto3 with the address, and for a missing permission with its name."""
    translated = translate(error)
    if not isinstance(translated, Refused):
        return translated
    if translated.status == 403:
        return BatchError(f"{address} cannot be read: the permission {action} is missing ({translated})")
    return BatchError(f"{address} cannot be read: {translated}")
