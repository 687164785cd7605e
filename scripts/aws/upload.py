"""Transfer of a zip to Lambda: with the request, or through a bucket, where it is deleted after Lambda has its copy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from scripts.aws.cli import Aws, DeployError
from scripts.aws.commands import Upload


class BucketOption(NamedTuple):
    """How a command takes a zip in a bucket: one option with both fields; "" for --s3-bucket and --s3-key."""

    option: str


CREATE, UPDATE, LAYER = BucketOption("--code"), BucketOption(""), BucketOption("--content")


@contextlib.contextmanager
def content_arguments(aws: Aws, zipped: Upload, bucket: str | None, takes: BucketOption) -> Iterator[list[str]]:
    """Yield the arguments of a command that name the zip; they are valid inside the `with` block.

    Args:
        aws: runs the commands.
        zipped: the zip.
        bucket: for a zip that is too large for the request.
        takes: CREATE, UPDATE or LAYER, after the command that gets the arguments.
    """
    if zipped.direct:
        yield ["--zip-file", f"fileb://{zipped.path}"]
        return
    uri = f"s3://{bucket}/{zipped.key}"
    aws.change("s3", "cp", "--only-show-errors", str(zipped.path), uri)
    if takes.option:
        yield [takes.option, f"S3Bucket={bucket},S3Key={zipped.key}"]
    else:
        yield ["--s3-bucket", str(bucket), "--s3-key", zipped.key]
    try:
        aws.change("s3", "rm", "--only-show-errors", uri)
    except DeployError as error:
        aws.report(f"{uri} could not be deleted and is no longer needed: {error}")
